import { execFile } from 'node:child_process';
import { isDeepStrictEqual, promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';

/** What this chart promises, checked on what helm makes of it under many settings. No cluster is needed. */
const CHART = new URL('modeldeployment-operator', import.meta.url).pathname;
const DIGEST = `sha256:${'a'.repeat(64)}`;
const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** All that the operator may do where it looks after models. Every verb is one that a line of operator/src uses. */
const RIGHTS: Readonly<Record<string, string>> = {
  'modelserving.dev/modeldeployments': 'list watch patch',
  'modelserving.dev/modeldeployments/status': 'patch',
  'apps/deployments': 'get list watch create patch delete',
  'apps/controllerrevisions': 'get list watch create patch delete',
  'apps/replicasets': 'list watch patch delete',
  '/services': 'get list watch create patch delete',
  '/serviceaccounts': 'get list watch create patch',
  '/pods': 'get list watch create patch delete',
  'policy/poddisruptionbudgets': 'get list watch create patch',
  'events.k8s.io/events': 'create patch',
};
const HTTP_ROUTES = { 'gateway.networking.k8s.io/httproutes': 'list watch patch' };
const FINALIZERS = { 'modelserving.dev/modeldeployments/finalizers': 'update' };

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string; annotations?: Record<string, string>; labels?: Record<string, string> };
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] }[];
  spec?: { replicas?: number; strategy?: { rollingUpdate?: object }; template?: Template };
}
interface Template {
  metadata?: { annotations?: object };
  spec: Pod;
}
interface Pod {
  automountServiceAccountToken?: boolean;
  enableServiceLinks?: boolean;
  hostNetwork?: boolean;
  hostPID?: boolean;
  hostIPC?: boolean;
  securityContext?: object;
  containers: Container[];
  initContainers?: Container[];
  volumes: { name: string; projected?: { sources: Record<string, object>[] }; hostPath?: object }[];
}
interface Container {
  image: string;
  env: { name: string; value?: string }[];
  securityContext?: object;
  resources?: { requests?: object; limits?: object };
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
}

/** Settings to render with, and what must be true of the result; each check answers what is wrong. */
interface Scene {
  name: string;
  set: string[];
  expect?: (manifests: readonly Manifest[]) => unknown[];
}

const SCENES: readonly Scene[] = [
  {
    name: 'the defaults',
    set: [],
    expect: (all) => [
      same('rights', rightsOf(all, 'ClusterRole'), RIGHTS),
      same('budgets', count(all, 'PodDisruptionBudget'), 0),
      same('policy', find(all, 'CustomResourceDefinition')?.metadata.annotations, {
        'helm.sh/resource-policy': 'keep',
      }),
      same('roles for users', userRoles(all), ['aggregate-to-view', 'aggregate-to-edit']),
      same('strategy', operator(all)?.spec?.strategy?.rollingUpdate, { maxSurge: 1, maxUnavailable: 0 }),
      same('settings', settings(all), {
        SERVING_IMAGE: 'modeldeployment/serving:0.1.0',
        SERVING_IMAGE_PULL_SECRETS: '',
        FIXED_IDS: 'true',
        WATCH_NAMESPACES: '',
        REGISTRY_PLAIN_HTTP: '',
        REGISTRY_CA_CONFIG_MAP: '',
        REGISTRY_CA_KEY: 'ca.crt',
        LEADER_ELECTION: 'true',
        LEASE_NAME: 'check-modeldeployment-operator',
        LOG_LEVEL: 'info',
        PROMETHEUS_URL: '',
        GATEWAY_API: 'false',
        METRICS_PORT: '8081',
      }),
    ],
  },
  {
    name: 'two replicas',
    set: ['replicas=2'],
    expect: (all) => [
      same('budgets', count(all, 'PodDisruptionBudget'), 1),
      same('lease', leaseRights(all), { create: undefined, 'get update': ['check-modeldeployment-operator'] }),
    ],
  },
  {
    name: 'some namespaces only',
    set: ['watchNamespaces={a,b}', 'leaderElection.enabled=false', 'rbac.aggregateToUserRoles=false'],
    expect: (all) => [
      same('rights in a', rightsOf(all, 'Role', 'a'), RIGHTS),
      same('rights in b', rightsOf(all, 'Role', 'b'), RIGHTS),
      same('rights in the whole cluster', count(all, 'ClusterRole') + count(all, 'ClusterRoleBinding'), 0),
      same('lease', leaseRights(all), {}),
      same('WATCH_NAMESPACES', settings(all)['WATCH_NAMESPACES'], 'a,b'),
    ],
  },
  {
    name: 'images by digest, and a Prometheus',
    set: [
      'analysis.prometheusUrl=http://prometheus.monitoring:9090/base',
      `image.digest=${DIGEST}`,
      `servingImage.digest=${DIGEST}`,
      'registries.plainHttp={r:5000,q:5000}',
      'servingImage.pullSecrets={harbor,quay.io}',
    ],
    expect: (all) => [
      same('PROMETHEUS_URL', settings(all)['PROMETHEUS_URL'], 'http://prometheus.monitoring:9090/base'),
      same('image', operator(all)?.spec?.template?.spec.containers[0]?.image, `modeldeployment/operator@${DIGEST}`),
      same('SERVING_IMAGE', settings(all)['SERVING_IMAGE'], `modeldeployment/serving@${DIGEST}`),
      same('pull secrets', settings(all)['SERVING_IMAGE_PULL_SECRETS'], 'harbor,quay.io'),
      same('REGISTRY_PLAIN_HTTP', settings(all)['REGISTRY_PLAIN_HTTP'], 'r:5000,q:5000'),
    ],
  },
  {
    name: 'a cluster that checks owner references, with an account of its own',
    set: [
      'rbac.ownerReferencesPermissionEnforcement=true',
      'serviceAccount.create=false',
      'serviceAccount.name=mine',
      'crds.keep=false',
      'imagePullSecrets[0].name=pull',
      'nodeSelector.disk=ssd',
      'tolerations[0].operator=Exists',
    ],
    expect: (all) => [
      same('rights', rightsOf(all, 'ClusterRole'), { ...RIGHTS, ...FINALIZERS }),
      same('accounts', count(all, 'ServiceAccount'), 0),
      same('policy', find(all, 'CustomResourceDefinition')?.metadata.annotations, undefined),
    ],
  },
  {
    name: "the user's own annotations, which win",
    set: ['podAnnotations.prometheus\\.io/scrape=no', 'podAnnotations.team=ml', 'metrics.port=9000'],
    expect: (all) => [
      same('annotations', operator(all)?.spec?.template?.metadata?.annotations, {
        'prometheus.io/scrape': 'no',
        'prometheus.io/port': '9000',
        'prometheus.io/path': '/metrics',
        team: 'ml',
      }),
    ],
  },
  {
    name: 'ids that the platform gives',
    set: ['podSecurity.fixedIds=false'],
    expect: (all) => [same('FIXED_IDS', settings(all)['FIXED_IDS'], 'false')],
  },
  {
    name: 'Gateway API',
    set: ['gatewayAPI.enabled=true'],
    expect: (all) => [
      same('rights', rightsOf(all, 'ClusterRole'), { ...RIGHTS, ...HTTP_ROUTES }),
      same('GATEWAY_API', settings(all)['GATEWAY_API'], 'true'),
    ],
  },
  {
    name: 'without the CRD',
    set: ['crds.install=false'],
    expect: (all) => [same('CRDs', count(all, 'CustomResourceDefinition'), 0)],
  },
];

/** Settings that must be refused, and words of the refusal. */
const REFUSED: readonly (readonly [string[], string])[] = [
  [['replicas=2', 'leaderElection.enabled=false'], 'two operators would write'],
  [['serviceAccount.create=false'], 'name the existing account'],
  [['replicas=-1'], 'replicas'],
  [['image.digest=latest'], 'digest'],
  [['watchNamespaces={A_b}'], 'watchNamespaces'],
  [['registries.plainHttp={http://r}'], 'plainHttp'],
  [['servingImage.pullSecrets={A b}'], 'pullSecrets'],
  [['logLevel=loud'], 'logLevel'],
  [['analysis.prometheusUrl=prometheus:9090'], 'prometheusUrl'],
  [['analysis.prometheusUrl=http://user:secret@prometheus'], 'prometheusUrl'],
  [['gatewayAPI.enabled=maybe'], 'gatewayAPI'],
  [['nonsense=1'], 'nonsense'],
];

/** Checks the chart with this helm binary; answers what is wrong, one sentence each, none when all is well. */
export async function checkChart(helmPath: string): Promise<string[]> {
  const helm = async (...args: string[]): Promise<string> => (await promisify(execFile)(helmPath, args)).stdout;
  const render = (set: readonly string[]): Promise<string> =>
    helm('template', 'check', CHART, '-n', 'sys', '--kube-version=1.30.0', ...set.flatMap((item) => ['--set', item]));
  const wrong: string[] = [];
  await helm('lint', '--strict', CHART).catch((error: unknown) => wrong.push(`helm lint: ${saidBy(error)}`));
  for (const { name, set, expect = () => [] } of SCENES) {
    const text = await render(set);
    const manifests = parseAllDocuments(text).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
    const found = [...manifests.flatMap(always), ...expect(manifests)].filter((item) => typeof item === 'string');
    wrong.push(...found.map((item) => `with ${name}: ${item}`));
  }
  for (const [set, words] of REFUSED) {
    const said = await render(set).then(() => 'it was accepted', saidBy);
    if (!said.includes(words)) wrong.push(`${set.join(' ')} should be refused with "${words}": ${said}`);
  }
  return wrong;
}

/** What must be true of every object, whatever the settings. */
function always({ kind, metadata, rules = [], spec }: Manifest): unknown[] {
  const asked = rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
  const found = asked.filter((word) => /^\*|secrets|^nodes|roles|webhook|pods\/|escalate|bind|impersonate/.test(word));
  return [
    ...found.map((word) => `${kind} ${metadata.name} asks for ${word}`),
    ...(spec?.template === undefined ? [] : restricted(spec.template.spec)),
  ];
}

function restricted(pod: Pod): unknown[] {
  const { automountServiceAccountToken, enableServiceLinks, hostNetwork, hostPID, hostIPC } = pod;
  const fixed = pod.containers[0]?.env.some(({ name, value }) => name === 'FIXED_IDS' && value === 'true') === true;
  const token = pod.volumes.flatMap(({ projected }) => projected?.sources ?? []);
  return [
    same(
      'pod',
      { automountServiceAccountToken, enableServiceLinks },
      { automountServiceAccountToken: false, enableServiceLinks: false },
    ),
    same('host', [hostNetwork, hostPID, hostIPC, ...pod.volumes.map(({ hostPath }) => hostPath)].filter(Boolean), []),
    same('pod securityContext', pod.securityContext, {
      runAsNonRoot: true,
      ...(fixed ? { runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 } : {}),
      seccompProfile: { type: 'RuntimeDefault' },
    }),
    same('token', token[0], { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }),
    same('beside the token', token.slice(1).flatMap(Object.keys), ['configMap', 'downwardAPI']),
    ...[...pod.containers, ...(pod.initContainers ?? [])].flatMap(({ securityContext, resources, volumeMounts }) => [
      same('container securityContext', securityContext, {
        allowPrivilegeEscalation: false,
        privileged: false,
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        capabilities: { drop: ['ALL'] },
      }),
      same('requests', Object.keys(resources?.requests ?? {}), ['cpu', 'ephemeral-storage', 'memory']),
      same('limits', Object.keys(resources?.limits ?? {}), ['ephemeral-storage', 'memory']),
      same('mounts', volumeMounts, [{ name: 'kube-api-access', mountPath: MOUNT, readOnly: true }]),
    ]),
  ];
}

const find = (all: readonly Manifest[], kind: string) => all.find((manifest) => manifest.kind === kind);
const count = (all: readonly Manifest[], kind: string) => all.filter((manifest) => manifest.kind === kind).length;
const operator = (all: readonly Manifest[]) => find(all, 'Deployment');

function rightsOf(all: readonly Manifest[], kind: string, namespace?: string): Record<string, string> {
  const role = all.find(
    (one) => one.kind === kind && one.metadata.namespace === namespace && !/-(view|edit)$/.test(one.metadata.name),
  );
  return Object.fromEntries(
    (role?.rules ?? []).flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.map((resource) => [`${group}/${resource}`, verbs.join(' ')])),
    ),
  );
}

function leaseRights(all: readonly Manifest[]): Record<string, string[] | undefined> {
  const rules = all.flatMap((one) => one.rules ?? []).filter(({ resources }) => resources.includes('leases'));
  return Object.fromEntries(rules.map(({ verbs, resourceNames }) => [verbs.join(' '), resourceNames]));
}

function userRoles(all: readonly Manifest[]): string[] {
  return all.flatMap(({ metadata: { labels = {} } }) =>
    Object.keys(labels).flatMap((label) => /^rbac\..*\/(.*)$/.exec(label)?.[1] ?? []),
  );
}

/** Environment of the operator, without what differs by pod and the options of Node. */
function settings(all: readonly Manifest[]): Record<string, string | undefined> {
  const env = operator(all)?.spec?.template?.spec.containers[0]?.env ?? [];
  const own = env.filter(({ name, value }) => value !== undefined && name !== 'NODE_OPTIONS');
  return Object.fromEntries(own.map(({ name, value }) => [name, value]));
}

/** Undefined when both are the same, however their keys are ordered; else what differs. */
function same(what: string, got: unknown, wanted: unknown): string | undefined {
  if (isDeepStrictEqual(got, wanted)) return undefined;
  return `${what}: expected ${JSON.stringify(wanted) ?? 'nothing'}, got ${JSON.stringify(got) ?? 'nothing'}`;
}

/** What helm said when it refused; a helm that never ran has said nothing. */
function saidBy(error: unknown): string {
  const { code, stderr, stdout } = error as { code?: unknown; stderr?: string; stdout?: string };
  if (typeof code !== 'number') throw error;
  return `${stderr}${stdout}`.trim();
}

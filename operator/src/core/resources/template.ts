import { COMMAND, ENV, PATH, PORT } from '@modeldeployment/modelpack/contract';
import { POD_INFO, TRAFFIC_ANNOTATION } from '@modeldeployment/modelpack/traffic';
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import type { IPodTemplateSpec } from 'kubernetes-models/v1/PodTemplateSpec';
import type { IVolume } from 'kubernetes-models/v1/Volume';
import type { IVolumeMount } from 'kubernetes-models/v1/VolumeMount';
import { LABEL, childLabels, podSelector } from '../names.ts';
import type { Recipe } from '../revisions/recipe.ts';
import type { Settings } from '../world.ts';
import { makeCaBundle } from './ca-bundle.ts';

/** The largest model that is fetched has 16 GiB; beside it stands what was there before, for a moment, and some folders. */
const MODEL_STORAGE = '34Gi';
const TMP_STORAGE = '1Gi';

/** What a server container gets when the spec says nothing; the CRD documents the same figures. */
const DEFAULT_RESOURCES = {
  requests: { cpu: '500m', memory: '1Gi' },
  limits: { cpu: '1', memory: '3Gi' },
};

/** The fetcher streams: it needs little, whatever the size of the model. */
const FETCH_RESOURCES = {
  requests: { cpu: '100m', memory: '128Mi' },
  limits: { cpu: '1', memory: '512Mi', 'ephemeral-storage': MODEL_STORAGE },
};

const USER = 65532;

/** Pod Security `restricted`, plus a read-only root file system. */
export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  privileged: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
};

/** Without fixed ids the platform gives them: OpenShift refuses those that are not of the namespace's own range. */
export const podSecurity = ({ fixedIds }: Pick<Settings, 'fixedIds'>) => ({
  runAsNonRoot: true,
  ...(fixedIds ? { runAsUser: USER, runAsGroup: USER, fsGroup: USER } : {}),
  seccompProfile: { type: 'RuntimeDefault' as const },
});

export interface TemplateInput {
  model: string;
  revision: number;
  version: string;
  digest: string;
  image: string;
  recipe: Recipe;
  settings: Pick<Settings, 'servingImage' | 'plainHttpRegistries' | 'fixedIds' | 'caBundle'>;
}

/**
 * The pod template of one revision. It is rendered once, recorded in the ControllerRevision and never rendered again
 * for that revision, so a newer operator restarts no pod.
 */
export function makeTemplate(input: TemplateInput): IPodTemplateSpec {
  const { model, revision, recipe } = input;
  const source = makeSource(recipe.model);
  const ca = makeCaBundle(input.settings, recipe.model.uri);
  const identity = [
    { name: ENV.name, value: model },
    { name: ENV.version, value: input.version },
    { name: ENV.revision, value: String(revision) },
  ];
  const spec: IPodSpec = {
    serviceAccountName: model,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 60,
    securityContext: podSecurity(input.settings),
    ...nodesOf(recipe),
    ...spreadOf(input),
    initContainers: [
      {
        name: 'fetch',
        // Always our own: it holds the credentials, and an image that spec.server names must not see them.
        image: input.settings.servingImage,
        imagePullPolicy: 'IfNotPresent',
        args: [COMMAND.fetch],
        env: [
          ...identity,
          { name: ENV.uri, value: recipe.model.uri },
          { name: ENV.digest, value: input.digest },
          { name: ENV.format, value: recipe.model.format },
          ...registryEnv(input.settings, source.secretName),
          ...ca.env,
        ],
        resources: FETCH_RESOURCES,
        securityContext: CONTAINER_SECURITY,
        terminationMessagePolicy: 'File',
        volumeMounts: [{ name: 'models', mountPath: PATH.repository }, tmpMount, ...source.mounts, ...ca.mounts],
      },
    ],
    containers: [makeServer(input, identity)],
    volumes: [
      { name: 'models', emptyDir: { sizeLimit: MODEL_STORAGE } },
      TMP_VOLUME,
      podInfo,
      ...source.volumes,
      ...ca.volumes,
    ],
  };
  return {
    metadata: {
      labels: { ...childLabels(model), ...podSelector(model), [LABEL.revision]: String(revision) },
      annotations: {
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': String(PORT.admin),
        'prometheus.io/path': '/metrics',
      },
    },
    spec,
  };
}

/** Which nodes may run a pod of the model. Says nothing when the spec says nothing. */
export function nodesOf({ server }: Recipe): Pick<IPodSpec, 'nodeSelector' | 'tolerations'> {
  const { nodeSelector, tolerations } = server.pod ?? {};
  return { ...(nodeSelector && { nodeSelector }), ...(tolerations && { tolerations }) };
}

/** Pods of one revision are counted: those of the one before go, and would hold a place against the new ones. */
function spreadOf({ model, revision, recipe }: TemplateInput): Pick<IPodSpec, 'topologySpreadConstraints'> {
  const constraints = recipe.server.pod?.topologySpreadConstraints;
  if (constraints === undefined) return {};
  const labelSelector = { matchLabels: { ...podSelector(model), [LABEL.revision]: String(revision) } };
  return { topologySpreadConstraints: constraints.map((one) => ({ ...one, labelSelector })) };
}

function makeServer(input: TemplateInput, identity: IContainer['env']): IContainer {
  const { model, version, recipe } = input;
  return {
    name: 'server',
    image: input.image,
    imagePullPolicy: 'IfNotPresent',
    args: [COMMAND.serve],
    ports: [
      { name: 'http', containerPort: PORT.http, protocol: 'TCP' },
      { name: 'grpc', containerPort: PORT.grpc, protocol: 'TCP' },
      { name: 'admin', containerPort: PORT.admin, protocol: 'TCP' },
    ],
    env: [
      ...(identity ?? []),
      { name: ENV.format, value: recipe.model.format },
      { name: ENV.engine, value: recipe.server.engine },
    ],
    resources: recipe.server.resources ?? DEFAULT_RESOURCES,
    securityContext: CONTAINER_SECURITY,
    terminationMessagePolicy: 'File',
    // Both probes are answered by the supervisor, which knows whether the workers answer; a busy worker never fails them.
    readinessProbe: {
      httpGet: { path: `/v2/models/${model}/versions/${version}/ready`, port: 'admin', scheme: 'HTTP' },
      periodSeconds: 1,
      timeoutSeconds: 2,
      failureThreshold: 3,
    },
    livenessProbe: {
      httpGet: { path: '/v2/health/live', port: 'admin', scheme: 'HTTP' },
      initialDelaySeconds: 5,
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 3,
    },
    volumeMounts: [
      { name: 'models', mountPath: PATH.repository, readOnly: true },
      { name: podInfo.name, mountPath: POD_INFO.path, readOnly: true },
      tmpMount,
    ],
  };
}

/** Through it a server sees, within a moment, which share of its requests to forward while a revision is on trial. */
const podInfo = {
  name: 'podinfo',
  downwardAPI: {
    items: [{ path: POD_INFO.traffic, fieldRef: { fieldPath: `metadata.annotations['${TRAFFIC_ANNOTATION}']` } }],
  },
} satisfies IVolume;

export const TMP_VOLUME: IVolume = { name: 'tmp', emptyDir: { sizeLimit: TMP_STORAGE } };

const tmpMount: IVolumeMount = { name: 'tmp', mountPath: PATH.tmp };

/** Environment of the containers that speak to a registry. */
export function registryEnv(settings: Pick<Settings, 'plainHttpRegistries'>, secretName: string | undefined) {
  return [
    ...(settings.plainHttpRegistries.length === 0
      ? []
      : [{ name: ENV.plainHttpRegistries, value: settings.plainHttpRegistries.join(',') }]),
    ...(secretName === undefined
      ? []
      : [
          { name: ENV.dockerConfig, value: PATH.credentials },
          { name: ENV.secretName, value: secretName },
        ]),
  ];
}

export interface ModelSource {
  volumes: IVolume[];
  mounts: IVolumeMount[];
  secretName: string | undefined;
}

/** Volumes through which a fetching container reaches the model: registry credentials, or the claim itself. */
export function makeSource(model: Recipe['model']): ModelSource {
  const claim = /^pvc:\/\/([^/]+)/.exec(model.uri)?.[1];
  if (claim !== undefined) {
    return {
      volumes: [{ name: 'source', persistentVolumeClaim: { claimName: claim, readOnly: true } }],
      mounts: [{ name: 'source', mountPath: PATH.source, readOnly: true }],
      secretName: undefined,
    };
  }
  if (model.secretRef === undefined) return { volumes: [], mounts: [], secretName: undefined };
  return {
    volumes: [
      {
        name: 'credentials',
        secret: {
          secretName: model.secretRef.name,
          // Missing, it would keep the container from starting, and only an event of the kubelet would say why.
          optional: true,
          // fsGroup makes the file readable for the fetcher's group, and for nobody else.
          defaultMode: 0o440,
          items: [{ key: '.dockerconfigjson', path: 'config.json' }],
        },
      },
    ],
    mounts: [{ name: 'credentials', mountPath: PATH.credentials, readOnly: true }],
    secretName: model.secretRef.name,
  };
}

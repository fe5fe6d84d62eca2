import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Audit } from '../harness/audit.ts';
import { noneFailed } from '../harness/client.ts';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

/** Policies, and people with the rights to, change what the operator writes: models are served all the same. */

const INFER = 'http://digits/v2/models/digits/infer';
const MANAGED_BY = 'app.kubernetes.io/managed-by';
/** As long as anything the operator puts off for a few seconds, twice. */
const QUIET_MS = 30_000;

const STEPS = {
  strategy: 'Canary',
  canary: { steps: [{ weight: 30 }] },
  analysis: { minRequests: 0 },
};

const specOf =
  ({ models }: Scene) =>
  (tag: string) => ({ model: { uri: models.uri('policies', tag), version: tag }, replicas: 2, rollout: STEPS });

const API = 'admissionregistration.k8s.io/v1beta1';

/** What the policies are about, by which they are named. */
const KINDS = ['deployments', 'pods', 'services', 'poddisruptionbudgets', 'serviceaccounts'] as const;

/** A container beside ours that ends when it is told to; `at` is where the type of a container stands in the object. */
const sidecar = (name: string, at: string, image: string): string =>
  `${at}{name: "${name}", image: "${image}", command: ["node", "-e", 'process.on("SIGTERM", () => process.exit()); setInterval(() => {}, 1e6)']}`;

/** Policies with a binding, for objects of this namespace alone. */
function policies({ namespace, images }: Scene): object[] {
  const policy = (kind: (typeof KINDS)[number], apiGroup: string, expressions: string[]): object[] => {
    const name = `${namespace}-${kind}`;
    const rule = { apiGroups: [apiGroup], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: [kind] };
    const scope = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
    return [
      {
        apiVersion: API,
        kind: 'MutatingAdmissionPolicy',
        metadata: { name },
        spec: {
          failurePolicy: 'Fail',
          reinvocationPolicy: 'Never',
          matchConstraints: {
            namespaceSelector: scope,
            resourceRules: [rule],
          },
          // Other pods of the namespace, such as the client's, are left as they are.
          matchConditions: [
            {
              name: 'ours',
              expression: `has(object.metadata.labels) && "${MANAGED_BY}" in object.metadata.labels`,
            },
          ],
          mutations: expressions.map((expression) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })),
        },
      },
      { apiVersion: API, kind: 'MutatingAdmissionPolicyBinding', metadata: { name }, spec: { policyName: name } },
    ];
  };
  const container = 'object.spec.template.spec.containers[0]';
  const path = '/spec/template/spec/containers/0';
  return [
    ...policy('deployments', 'apps', [
      `[JSONPatch{op: "add", path: "${path}/resources/limits", value: {"cpu": "2", "memory": "3Gi"}}]`,
      `${container}.env.exists(e, e.name == "HTTP_PROXY") ? [] : [JSONPatch{op: "add", path: "${path}/env/-", value: Object.spec.template.spec.containers.env{name: "HTTP_PROXY", value: "http://proxy.invalid:3128"}}]`,
      `[JSONPatch{op: "add", path: "/spec/template/metadata/labels/team", value: "vision"}]`,
      // In two parts: the API server of 1.34 ends a request whose patch has a list of objects as its value.
      `has(object.spec.template.spec.tolerations) ? [] : [JSONPatch{op: "add", path: "/spec/template/spec/tolerations", value: []}, JSONPatch{op: "add", path: "/spec/template/spec/tolerations/-", value: Object.spec.template.spec.tolerations{key: "story", operator: "Exists"}}]`,
      `object.spec.template.spec.containers.exists(c, c.name == "agent") ? [] : [JSONPatch{op: "add", path: "/spec/template/spec/containers/-", value: ${sidecar('agent', 'Object.spec.template.spec.containers', images.serving)}}]`,
    ]),
    ...policy('pods', '', [
      `[JSONPatch{op: "add", path: "/metadata/labels/cost-center", value: "42"}]`,
      // A pod that is there already can be given neither. As a VerticalPodAutoscaler does, which changes pods and no templates:
      `request.operation != "CREATE" ? [] : [JSONPatch{op: "add", path: "/spec/containers/0/resources/requests", value: {"cpu": "120m", "memory": "200Mi"}}]`,
      `request.operation != "CREATE" ? [] : [JSONPatch{op: "add", path: "/spec/containers/-", value: ${sidecar('mesh', 'Object.spec.containers', images.serving)}}]`,
    ]),
    ...policy('services', '', [
      `[JSONPatch{op: "add", path: "/metadata/labels/team", value: "vision"}]`,
      `has(object.metadata.annotations) ? [] : [JSONPatch{op: "add", path: "/metadata/annotations", value: {"team": "vision"}}]`,
    ]),
    ...policy('poddisruptionbudgets', 'policy', [`[JSONPatch{op: "add", path: "/spec/maxUnavailable", value: 2}]`]),
    ...policy('serviceaccounts', '', [
      `has(object.imagePullSecrets) ? [] : [JSONPatch{op: "add", path: "/imagePullSecrets", value: []}, JSONPatch{op: "add", path: "/imagePullSecrets/-", value: Object.imagePullSecrets{name: "corporate"}}]`,
    ]),
  ];
}

/** What Reloader does when a Secret has changed that a container uses. */
const RELOADED = {
  spec: {
    template: {
      spec: { containers: [{ name: 'server', env: [{ name: 'STAKATER_CORPORATE_SECRET', value: '4711' }] }] },
    },
  },
};

const SERVERS = 'modelserving.dev/model=digits';

/** Reason and note of each event, a line each. */
const notes = ({ mdep }: Scene): Promise<string> =>
  mdep.kubectl('get', 'events', '-o', 'jsonpath={range .items[*]}{.reason} {.message}{"\\n"}{end}');

interface Container {
  name: string;
  env: { name: string; value?: string }[];
  resources: { limits?: Record<string, string> };
}
interface Deployment {
  metadata: { labels: Record<string, string> };
  spec: { template: { metadata: { labels: Record<string, string> }; spec: { containers: Container[] } } };
}

const deploymentOf = ({ cluster, namespace }: Scene, name: string): Promise<Deployment> =>
  cluster.api.get<Deployment>(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);

/** Writes of the operator about this namespace while nothing happens. */
async function writesAtRest({ cluster, namespace }: Scene): Promise<number> {
  if (cluster.auditLog === undefined) throw new Error('the story counts writes in the audit log');
  const audit = new Audit(cluster.auditLog);
  await sleep(QUIET_MS);
  const { total, events } = await audit.take(namespace);
  return total + events;
}

const isRelabelled = (scene: Scene, name: string): Promise<unknown> =>
  waitFor(
    `Deployment ${name} to be labelled again`,
    async () =>
      (await deploymentOf(scene, name)).metadata.labels[MANAGED_BY] === 'modeldeployment-operator' ? true : undefined,
    { seconds: 60 },
  );

async function go(scene: Scene): Promise<void> {
  const { given, when, then, models, mdep, client, cluster } = scene;
  const spec = specOf(scene);
  await given('policies that change Deployments and pods, and version 1', async () => {
    await models.push('digits/v1/saved_model', 'policies', '1');
    await models.push('digits/v2/saved_model', 'policies', '2');
    await cluster.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: policies(scene) }),
    });
    // The API server takes up a policy some moments after it was stored.
    await sleep(10_000);
    await mdep.apply('digits', spec('1'));
    await mdep.untilReady('digits', 1);
  });
  await then('what they added stays, and nothing is written any more', async () => {
    const { template } = (await deploymentOf(scene, 'digits')).spec;
    assert.equal(template.metadata.labels['team'], 'vision');
    assert.equal(template.spec.containers[0]?.resources.limits?.['cpu'], '2');
    assert.ok(template.spec.containers[0]?.env.some(({ name }) => name === 'HTTP_PROXY'));
    assert.deepEqual(
      template.spec.containers.map(({ name }) => name),
      ['server', 'agent'],
    );
    const field = (kind: string, path: string) => mdep.kubectl('get', kind, 'digits', '-o', `jsonpath={${path}}`);
    assert.equal(await field('service', '.metadata.labels.team'), 'vision');
    assert.equal(await field('service', '.metadata.annotations.team'), 'vision');
    assert.equal(await field('poddisruptionbudget', '.spec.maxUnavailable'), '2');
    assert.equal(await field('serviceaccount', '.imagePullSecrets[*].name'), 'corporate');
    const pods = await mdep.kubectl('get', 'pods', '-l', SERVERS, '-o', 'jsonpath={.items[*].spec.containers[*].name}');
    assert.equal(pods.split(' ').filter((name) => name === 'mesh').length, 2);
    const writes = await writesAtRest(scene);
    assert.ok(writes <= 2, `${writes} writes at rest`);
  });
  await when('a controller notes on the Deployment that it tracks it', async () => {
    const note = ['argocd.argoproj.io/tracking-id=story:apps/Deployment:digits', '--field-manager=argocd-controller'];
    await mdep.kubectl('annotate', 'deployment', 'digits', ...note);
    await mdep.kubectl('label', 'deployment', 'digits', 'argocd.argoproj.io/instance=story', note[1] ?? '');
  });
  await then('its note stays, and nothing is written', async () => {
    const writes = await writesAtRest(scene);
    assert.equal(writes, 0, `${writes} writes at rest`);
    const { labels } = (await deploymentOf(scene, 'digits')).metadata;
    assert.equal(labels['argocd.argoproj.io/instance'], 'story');
  });
  await when('a controller changes the pod template, so that pods restart with a Secret', () =>
    mdep.kubectl('patch', 'deployment', 'digits', '--field-manager=reloader', '-p', JSON.stringify(RELOADED)),
  );
  await then('that is taken back, and an event names the fields and the controller', async () => {
    const note = await waitFor(
      'the event',
      async () =>
        /ManualEditReverted (.*\bSTAKATER_CORPORATE_SECRET\b.* by reloader\).*)/.exec(await notes(scene))?.[1],
      { seconds: 60 },
    );
    assert.match(note, /revision 1 is put back/);
    await mdep.untilReady('digits', 1);
  });
  await when('a person edits the Deployment', () =>
    mdep.kubectl('set', 'env', 'deployment/digits', '-c', 'server', 'EDITED=1'),
  );
  await then('that alone is taken back', async () => {
    await waitFor(
      'the edit to be taken back',
      async () => {
        const [server] = (await deploymentOf(scene, 'digits')).spec.template.spec.containers;
        const names = server?.env.map(({ name }) => name) ?? [];
        return !names.includes('EDITED') && names.includes('HTTP_PROXY') ? true : undefined;
      },
      { seconds: 60 },
    );
    await mdep.untilReady('digits', 1);
  });
  const loop = (await client()).loop(INFER, '40/s', 'v1.json', 'expected.json');
  try {
    await when('version 2 goes on trial', async () => {
      await mdep.apply('digits', spec('2'));
      await mdep.until('digits', 'to wait for a person', ({ trial }) => trial?.weight === 30 && trial.paused === true);
    });
    await then('Deployments that somebody relabels are labelled again, and the trial goes on', async () => {
      for (const name of ['digits', 'digits-canary']) {
        await mdep.kubectl('label', 'deployment', name, `${MANAGED_BY}=Helm`, '--overwrite');
        await isRelabelled(scene, name);
      }
      const { trial } = await mdep.until('digits', 'to be seen', () => true);
      assert.deepEqual([trial?.revision, trial?.weight, trial?.paused], [2, 30, true]);
      assert.equal((await mdep.get('digits')).spec.rollbackTo, undefined);
    });
    await when('it is promoted', async () => {
      await mdep.act('digits', 'Promote');
      await mdep.untilReady('digits', 2);
    });
    await when('the serving ControllerRevision is deleted', () =>
      mdep.kubectl('delete', 'controllerrevision', 'digits-2'),
    );
    await then('it is written again, and the same revision serves', async () => {
      await waitFor(
        'ControllerRevision digits-2',
        async () => (await mdep.kubectl('get', 'controllerrevisions', '-o', 'name')).includes('digits-2') || undefined,
        { seconds: 60 },
      );
      await mdep.untilReady('digits', 2);
      const writes = await writesAtRest(scene);
      assert.ok(writes <= 2, `${writes} writes at rest`);
    });
  } finally {
    noneFailed(await loop.stop());
  }
}

export const stories = [
  story(
    'policies and other controllers may change what the operator writes: it comes to rest, and no request is lost',
    async (scene) => {
      try {
        await go(scene);
      } finally {
        const names = KINDS.map((kind) => `${scene.namespace}-${kind}`);
        for (const kind of ['mutatingadmissionpolicybinding', 'mutatingadmissionpolicy'])
          await scene.cluster.kubectl(['delete', kind, '--ignore-not-found', ...names]);
      }
    },
    { needs: ['audit'] },
  ),
];

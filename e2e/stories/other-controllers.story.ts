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

/** Policies with a binding, for objects of this namespace alone. */
function policies(namespace: string): object[] {
  const policy = (kind: string, apiGroups: string[], resources: string[], expressions: string[]): object[] => {
    const name = `${namespace}-${kind}`;
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
            resourceRules: [{ apiGroups, apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources }],
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
    ...policy(
      'deployments',
      ['apps'],
      ['deployments'],
      [
        `[JSONPatch{op: "add", path: "${path}/resources/limits", value: {"cpu": "2", "memory": "3Gi"}}]`,
        `${container}.env.exists(e, e.name == "HTTP_PROXY") ? [] : [JSONPatch{op: "add", path: "${path}/env/-", value: Object.spec.template.spec.containers.env{name: "HTTP_PROXY", value: "http://proxy.invalid:3128"}}]`,
        `[JSONPatch{op: "add", path: "/spec/template/metadata/labels/team", value: "vision"}]`,
        // In two parts: the API server of 1.34 ends a request whose patch has a list of objects as its value.
        `has(object.spec.template.spec.tolerations) ? [] : [JSONPatch{op: "add", path: "/spec/template/spec/tolerations", value: []}, JSONPatch{op: "add", path: "/spec/template/spec/tolerations/-", value: Object.spec.template.spec.tolerations{key: "story", operator: "Exists"}}]`,
      ],
    ),
    ...policy('pods', [''], ['pods'], [`[JSONPatch{op: "add", path: "/metadata/labels/cost-center", value: "42"}]`]),
  ];
}

interface Container {
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
  const { given, when, then, models, mdep, client, namespace, cluster } = scene;
  const spec = specOf(scene);
  await given('policies that change Deployments and pods, and version 1', async () => {
    await models.push('digits/v1/saved_model', 'policies', '1');
    await models.push('digits/v2/saved_model', 'policies', '2');
    await cluster.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: policies(namespace) }),
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
    const writes = await writesAtRest(scene);
    assert.ok(writes <= 2, `${writes} writes at rest`);
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
        const names = ['deployments', 'pods'].map((kind) => `${scene.namespace}-${kind}`);
        for (const kind of ['mutatingadmissionpolicybinding', 'mutatingadmissionpolicy'])
          await scene.cluster.kubectl(['delete', kind, '--ignore-not-found', ...names]);
      }
    },
    { needs: ['audit'] },
  ),
];

import assert from 'node:assert/strict';
import { noneFailed } from '../harness/client.ts';
import { EndpointSampler } from '../harness/endpoints.ts';
import { killOperator } from '../harness/operator.ts';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

/**
 * Promotion hands the pods on trial over to the stable Deployment: they serve on, as the same pods. Whatever happened
 * before or happens meanwhile, as many pods answer as are promised, and no request is lost.
 */
interface Size {
  name: string;
  replicas: number;
  onTrial: number;
}

const SIZES: readonly Size[] = [
  { name: '1 of 3', replicas: 3, onTrial: 1 },
  { name: '2 of 10', replicas: 10, onTrial: 2 },
  { name: '5 of 10', replicas: 10, onTrial: 5 },
  { name: '3 of 3', replicas: 3, onTrial: 3 },
];

/** How things came to be when the trial begins, and what happens during it. */
interface Circumstance {
  name: string;
  before?: (scene: Scene, spec: SpecOf) => Promise<void>;
  during?: (scene: Scene, spec: SpecOf) => Promise<void>;
  /** Replicas in the end. */
  replicas?: (size: Size) => number;
}

type SpecOf = (tag: '1' | '2', more?: object) => { model: object; replicas: number };

const CIRCUMSTANCES: readonly Circumstance[] = [
  { name: 'nothing else' },
  {
    name: 'a restart before',
    before: async ({ mdep }) => {
      await mdep.kubectl('rollout', 'restart', 'deployment/digits');
      await mdep.kubectl('rollout', 'status', 'deployment/digits', '--timeout=240s');
    },
  },
  {
    name: 'an undo before',
    before: async ({ mdep }, spec) => {
      await mdep.apply('digits', spec('2', { rollout: { strategy: 'RollingUpdate' } }));
      await mdep.untilReady('digits', 2);
      await mdep.kubectl('rollout', 'undo', 'deployment/digits');
      await mdep.untilReady('digits', 1);
      // The spec asks for version 1 again: what the undo wrote is spent, and version 2 can be tried anew.
      await mdep.apply('digits', spec('1', { rollout: { strategy: 'RollingUpdate' } }));
      await mdep.until('digits', 'to forget the undo', (status) => status.phase === 'Ready');
    },
  },
  {
    name: 'the same revision served before (A→B→A)',
    before: async ({ mdep }, spec) => {
      for (const tag of ['2', '1'] as const) {
        await mdep.apply('digits', spec(tag, { rollout: { strategy: 'RollingUpdate' } }));
        await mdep.untilReady('digits', Number(tag));
      }
    },
  },
  {
    name: 'a scaling meanwhile',
    during: async ({ mdep }) => {
      const { spec } = await mdep.get('digits');
      await mdep.kubectl('scale', 'mdep/digits', `--replicas=${spec.replicas + 1}`);
    },
    replicas: ({ replicas }) => replicas + 1,
  },
  { name: 'the operator killed in every phase', during: killInEveryPhase },
];

/** Ends the operator's pod whenever the trial has come to another phase. */
async function killInEveryPhase(scene: Scene): Promise<void> {
  const { mdep } = scene;
  const seen = new Set<string>();
  await waitFor(
    'the trial to end',
    async () => {
      const { status } = await mdep.get('digits');
      const phase = status?.trial?.phase;
      if (phase === undefined) return status?.stable?.revision === 2 ? true : undefined;
      if (seen.has(phase)) return undefined;
      seen.add(phase);
      await killOperator(scene);
      return undefined;
    },
    { seconds: 240 },
  );
}

/** Those that run always; the rest of the matrix with --all. */
const ALWAYS: readonly [string, string][] = [
  ['1 of 3', 'nothing else'],
  ['1 of 3', 'the operator killed in every phase'],
  ['3 of 3', 'the same revision served before (A→B→A)'],
  ['3 of 3', 'a scaling meanwhile'],
];

const cases = SIZES.flatMap((size) => CIRCUMSTANCES.map((circumstance) => ({ size, circumstance })));

export const stories = [
  ...cases.map(({ size, circumstance }) =>
    story(
      `a trial of ${size.name} pods is promoted with the pods it has, with ${circumstance.name}`,
      (scene) => promote(scene, size, circumstance),
      { needs: ALWAYS.some(([s, c]) => s === size.name && c === circumstance.name) ? [] : ['time'] },
    ),
  ),
  ...['Starting', 'Running', 'Promoting', 'HandingOver'].map((phase) =>
    story(
      `a ModelDeployment that is deleted while it is ${phase} leaves nothing behind`,
      (scene) => deleteIn(scene, phase),
      { needs: phase === 'HandingOver' ? [] : ['time'] },
    ),
  ),
];

/** Light pods: what is tried here is not the model. */
function specOf({ models }: Scene, { replicas, onTrial }: Size): SpecOf {
  const weight = Math.round((onTrial / replicas) * 100);
  const amounts = { cpu: '50m', memory: '128Mi' };
  return (tag, more = {}) => ({
    model: { uri: models.uri('promotion', tag), version: tag },
    server: { engine: 'wasm', resources: { requests: amounts, limits: { cpu: '1', memory: '1Gi' } } },
    replicas,
    rollout: {
      strategy: 'Canary',
      canary: { steps: [{ weight, seconds: 2, replicas: onTrial }] },
      analysis: { minRequests: 0 },
      knownRevisions: 'Trial',
    },
    ...more,
  });
}

async function promote(scene: Scene, size: Size, circumstance: Circumstance): Promise<void> {
  const { given, when, then, models, mdep, client, cluster, namespace } = scene;
  const spec = specOf(scene, size);
  const replicas = circumstance.replicas?.(size) ?? size.replicas;
  await given(`${size.replicas} pods of version 1`, async () => {
    await models.push('digits/v1/tfjs', 'promotion', '1');
    await models.push('digits/v2/tfjs', 'promotion', '2');
    await mdep.apply('digits', spec('1'));
    await mdep.untilReady('digits', 1);
  });
  const { before, during } = circumstance;
  if (before !== undefined) await given(circumstance.name, () => before(scene, spec));
  const sampler = await EndpointSampler.start(cluster, namespace, 'digits', size.replicas);
  const loop = (await client()).loop('http://digits/v2/models/digits/infer', 4, 'v1.json', 'expected.json');
  try {
    const onTrial = await when('version 2 goes on trial', async () => {
      await mdep.apply('digits', spec('2'));
      await mdep.untilTrial('digits', 'Running');
      const uids = await mdep.podUids('digits', 2);
      assert.equal(uids.length, size.onTrial);
      return uids;
    });
    if (during !== undefined) await when(circumstance.name, () => during(scene, spec));
    await then('it is promoted', () => mdep.untilReady('digits', 2));
    await then('the pods that were on trial serve on', async () => {
      const now = await mdep.podUids('digits', 2);
      assert.equal(now.length, replicas);
      assert.deepEqual(
        onTrial.filter((uid) => !now.includes(uid)),
        [],
      );
    });
    await then('enough pods answered at every moment', () => {
      assert.ok(sampler.least >= size.replicas, `${sampler.least} of ${size.replicas}: ${sampler.history.join(' ')}`);
      return Promise.resolve();
    });
    await then('nothing of the trial is left', () => nothingLeft(scene));
  } finally {
    await sampler.stop();
    const report = await loop.stop();
    noneFailed(report);
    assert.ok(report.total > 0);
  }
}

/** No second Deployment or Service, no ReplicaSet without an owner, no annotation. */
async function nothingLeft({ mdep }: Scene): Promise<void> {
  const list = async (kinds: string) =>
    (
      JSON.parse(
        await mdep.kubectl('get', kinds, '-l', 'app.kubernetes.io/managed-by=modeldeployment-operator', '-o', 'json'),
      ) as {
        items: {
          kind: string;
          metadata: {
            name: string;
            deletionTimestamp?: string;
            ownerReferences?: object[];
            annotations?: Record<string, string>;
          };
        }[];
      }
    ).items;
  // The way to the new pods stays open until the old ones, which pass on what still comes to them, are gone.
  await waitFor(
    'the Service of the trial to go',
    async () => ((await list('services')).some(({ metadata }) => metadata.name === 'digits-canary') ? undefined : true),
    { seconds: 120 },
  );
  const found = await list('deployments,services,replicasets,pods');
  assert.deepEqual(
    found.filter(({ kind }) => kind === 'Deployment' || kind === 'Service').map(({ metadata }) => metadata.name),
    ['digits', 'digits'],
  );
  const loose = found.filter(({ kind, metadata }) => kind === 'ReplicaSet' && metadata.ownerReferences === undefined);
  assert.deepEqual(loose, []);
  // Pods that go pass on what still comes on kept connections.
  const told = found.filter(
    ({ metadata }) =>
      metadata.deletionTimestamp === undefined && metadata.annotations?.['modelserving.dev/traffic'] !== undefined,
  );
  assert.deepEqual(told, []);
}

async function deleteIn(scene: Scene, phase: string): Promise<void> {
  const { given, when, then, models, mdep } = scene;
  const spec = specOf(scene, { name: '1 of 3', replicas: 3, onTrial: 1 });
  await given('a trial', async () => {
    await models.push('digits/v1/tfjs', 'promotion', '1');
    await models.push('digits/v2/tfjs', 'promotion', '2');
    await mdep.apply('digits', spec('1'));
    await mdep.untilReady('digits', 1);
    await mdep.apply('digits', spec('2'));
  });
  await when(`it is deleted while it is ${phase}`, async () => {
    // Phases may be short: the next one does as well.
    await mdep.until(
      'digits',
      `to be ${phase} or later`,
      ({ trial, stable }) => trial?.phase === phase || stable?.revision === 2,
    );
    await mdep.kubectl('delete', 'mdep', 'digits', '--wait=true', '--timeout=60s');
  });
  await then('nothing is left', () =>
    waitFor(
      'everything to be gone',
      async () => {
        const label = 'app.kubernetes.io/managed-by=modeldeployment-operator';
        const kinds = 'deployments,replicasets,pods,services,controllerrevisions,poddisruptionbudgets,serviceaccounts';
        const left = (await mdep.kubectl('get', kinds, '-l', label, '-o', 'name')).trim();
        return left === '' ? true : undefined;
      },
      { seconds: 120, seen: () => mdep.kubectl('get', 'all') },
    ),
  );
}

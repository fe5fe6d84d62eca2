import assert from 'node:assert/strict';
import fc from 'fast-check';
import { noneFailed } from '../harness/client.ts';
import { killOperator } from '../harness/operator.ts';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

/**
 * Whatever people do in whatever order, it ends: at rest with a version that serves, or in a wait for a person that is told.
 * The same is explored exhaustively on a simulated cluster (npm run explore); here the cluster is real, and may surprise.
 */

/** Those of the first line always run. */
const SEEDS = [11, 12];
const MORE_SEEDS = Array.from({ length: 18 }, (_, i) => 21 + i);
const LENGTH = { minLength: 5, maxLength: 8 };

const INFER = 'http://digits/v2/models/digits/infer';
const RATE = '50/s';
/** Nothing was written for so long: a step of these trials takes a second, a back-off of a failed pod less than that. */
const QUIET_MS = 15_000;
const RESTING = ['Ready', 'RolledBack', 'Pinned'];

type Move =
  | { do: 'apply'; tag: string; strategy: keyof typeof STRATEGIES }
  | { do: 'act'; action: string }
  | { do: 'scale'; replicas: number }
  | { do: 'undo' | 'restart' | 'killOperator' };
interface Turn {
  move: Move;
  thenMs: number;
}

const STRATEGIES = {
  RollingUpdate: { strategy: 'RollingUpdate' },
  Canary: {
    strategy: 'Canary',
    canary: {
      steps: [
        { weight: 20, seconds: 1 },
        { weight: 60, seconds: 1 },
      ],
    },
  },
  BlueGreen: { strategy: 'BlueGreen', blueGreen: { keepSeconds: 3 } },
  Shadow: { strategy: 'Shadow', shadow: { seconds: 2, promotion: 'Auto' } },
} as const;

/** Version 3 cannot be loaded. */
const TAGS = { 1: 'digits/v1/tfjs', 2: 'digits/v2/tfjs', 3: 'broken/crash-on-warmup' };

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('apply' as const),
      tag: fc.constantFrom(...Object.keys(TAGS)),
      strategy: fc.constantFrom(...(Object.keys(STRATEGIES) as (keyof typeof STRATEGIES)[])),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('act' as const),
      action: fc.constantFrom('Promote', 'Abort', 'Retry', 'Pause', 'Resume'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('scale' as const), replicas: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('undo' as const, 'restart' as const, 'killOperator' as const) }),
  },
);
const schedule: fc.Arbitrary<Turn[]> = fc.array(
  fc.record({ move, thenMs: fc.integer({ min: 0, max: 6_000 }) }),
  LENGTH,
);

export const stories = [
  ...[...SEEDS, ...MORE_SEEDS].map((seed) =>
    story(
      `whatever is done in whatever order ends at rest, and no request is lost (schedule ${seed})`,
      (scene) => play(scene, seed),
      {
        needs: SEEDS.includes(seed) ? [] : ['time'],
      },
    ),
  ),
];

async function play(scene: Scene, seed: number): Promise<void> {
  const { given, when, then, mdep, models } = scene;
  const [turns = []] = fc.sample(schedule, { seed, numRuns: 1 });
  await given('version 1 with two pods', async () => {
    for (const [tag, folder] of Object.entries(TAGS)) await models.push(folder, 'schedules', tag);
    await mdep.apply('digits', specOf(scene, '1', 'RollingUpdate'));
    await mdep.untilReady('digits', 1);
  });
  const loop = (await scene.client()).loop(INFER, RATE, 'v1.json', 'expected.json');
  try {
    for (const turn of turns) {
      await when(JSON.stringify(turn.move), () => make(scene, turn.move));
      await new Promise((resolve) => setTimeout(resolve, turn.thenMs));
    }
    await then('it comes to rest', () => untilQuiet(scene));
  } finally {
    noneFailed(await loop.stop());
  }
}

const LIGHT = { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '1', memory: '1Gi' } };

const specOf = ({ models }: Scene, tag: string, strategy: keyof typeof STRATEGIES) => ({
  model: { uri: models.uri('schedules', tag), version: tag },
  server: { engine: 'wasm', resources: LIGHT },
  replicas: 2,
  rollout: { ...STRATEGIES[strategy], knownRevisions: 'Trial', analysis: { minRequests: 0 } },
});

async function make(scene: Scene, what: Move): Promise<void> {
  const { mdep } = scene;
  switch (what.do) {
    case 'apply':
      return mdep.apply('digits', specOf(scene, what.tag, what.strategy));
    case 'act':
      await mdep.act('digits', what.action);
      return;
    case 'scale':
      await mdep.kubectl('scale', 'mdep/digits', `--replicas=${what.replicas}`);
      return;
    case 'undo':
    case 'restart':
      // There may be nothing to go back to yet, or the Deployment is paused by a hand-over: kubectl refuses then, and that is right.
      await mdep.kubectl('rollout', what.do, 'deployment/digits').catch((error: unknown) => {
        if (!/no rollout history|can't undo|can't restart|paused/i.test(String(error))) throw error;
      });
      return;
    case 'killOperator':
      return killOperator(scene);
  }
}

/** Waits until nothing was written for a while, and looks whether that is a state to rest in. */
async function untilQuiet({ mdep }: Scene): Promise<void> {
  let last = '';
  let since = Date.now();
  await waitFor(
    'nothing to be written for a while',
    async () => {
      const written = await mdep.kubectl(
        'get',
        'mdep,deployments,services',
        '-o',
        'jsonpath={.items[*].metadata.resourceVersion}',
      );
      if (written !== last) [last, since] = [written, Date.now()];
      return Date.now() - since > QUIET_MS ? true : undefined;
    },
    { seconds: 300 },
  );
  const { metadata, status } = await mdep.get('digits');
  assert.equal(status?.observedGeneration, metadata.generation);
  const waits = status?.trial?.paused === true || status?.phase === 'Paused';
  console.log(
    `      at rest: ${status?.phase}${waits ? ', waits for a person' : ''}, revision ${status?.stable?.revision} serves`,
  );
  assert.ok(waits || (status?.trial === undefined && RESTING.includes(status?.phase ?? '')), JSON.stringify(status));
  const serving = await mdep.podUids('digits', status?.stable?.revision ?? 0);
  assert.ok(serving.length > 0, 'pods of the stable revision serve');
}

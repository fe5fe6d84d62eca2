import assert from 'node:assert/strict';
import { noneFailed, type Loop } from '../harness/client.ts';
import { type Scene, story } from '../harness/story.ts';

/** What a client who sends three requests in ten does to the verdict of a trial: nothing. */

const INFER = 'http://digits/v2/models/digits/infer';
/** Requests in a second of the good client, and of each poison: together 30 % of all. */
const GOOD = '70/s';
const EACH = '6/s';

const specOf = (scene: Scene) => (tag: string) => ({
  model: { uri: scene.models.uri('hostile', tag), version: tag },
  server: { resources: { requests: { cpu: '250m', memory: '400Mi' }, limits: { cpu: '1', memory: '2Gi' } } },
  replicas: 2,
  rollout: {
    strategy: 'Canary',
    canary: { steps: [{ weight: 20, seconds: 10 }] },
    analysis: { minRequests: 200 },
  },
});

/** Poisons, by where they are sent and what they hold. */
const POISONS: readonly (readonly [string, string])[] = [
  [INFER, 'impatient.json'],
  ['http://digits/v2/models/digits/versions/2/infer', 'impatient.json'],
  ['http://digits/v2/models/digits/versions/1/infer', 'impatient.json'],
  [`${INFER}?${'a'.repeat(15_800)}`, 'v1.json'],
  [INFER, 'malformed.json'],
];

/** Both clients go on while `run` happens; of the good one no request may have failed. */
async function underAttack(scene: Scene, run: () => Promise<void>): Promise<void> {
  const from = await scene.client();
  const good = from.loop(INFER, GOOD, 'v1.json', 'expected.json');
  const attack: Loop[] = POISONS.map(([url, body]) => from.loop(url, EACH, body, 'expected.json'));
  try {
    await run();
  } finally {
    for (const loop of attack) await loop.abandon();
  }
  noneFailed(await good.stop());
}

export const stories = [
  story('a client who sends a third of the requests decides no trial, for better or worse', async (scene) => {
    const { given, when, then, mdep, models } = scene;
    await given('two pods of version 1', async () => {
      await models.push('digits/v1/saved_model', 'hostile', '1');
      await models.push('digits/v2/saved_model', 'hostile', '2');
      await models.push('linear-regression/saved_model', 'hostile', '3');
      await mdep.apply('digits', specOf(scene)('1'));
      await mdep.untilReady('digits', 1);
    });
    await underAttack(scene, async () => {
      await when('a good version 2 goes on trial', () => mdep.apply('digits', specOf(scene)('2')));
      await then('it takes over', () => mdep.untilReady('digits', 2));
      await when('version 3, which takes other inputs, goes on trial', () => mdep.apply('digits', specOf(scene)('3')));
      const status = await then('it is taken back', () =>
        mdep.until('digits', 'to be rolled back', ({ phase, trial }) => phase === 'RolledBack' && trial === undefined),
      );
      assert.equal(status.failedTarget?.reason, 'AnalysisFailed');
      console.log(`      ${status.lastFailure?.message}`);
    });
  }),
];

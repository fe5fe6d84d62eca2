import assert from 'node:assert/strict';
import { EndpointSampler } from '../harness/endpoints.ts';
import { type Loop, noneFailed } from '../harness/client.ts';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

/** What a revision on trial does to clients: exactly what was asked for, and no harm. */

const REPLICAS = 2;
const INFER = 'http://digits/v2/models/digits/infer';
const PREDICT = 'http://digits/v1/models/digits:predict';
const GRPC = 'grpc://digits:8081/digits';
/** Requests in a second of each of three loops: a fifth of what the pods can answer together, within these bounds. */
const rateOf = (peak: number): `${number}/s` => `${Math.min(150, Math.max(40, Math.round(peak / 16)))}/s`;
const SETTLED_MS = 2000;

type Rollout = Record<string, unknown>;

const specOf =
  ({ models }: Scene, rollout: Rollout) =>
  (tag: string) => ({
    model: { uri: models.uri('trials', tag), version: tag },
    server: { resources: { requests: { cpu: '250m', memory: '400Mi' }, limits: { cpu: '1', memory: '2Gi' } } },
    replicas: REPLICAS,
    rollout,
  });

async function serving(scene: Scene, rollout: Rollout): Promise<void> {
  const { given, models, mdep } = scene;
  await given('two pods of version 1', async () => {
    await models.push('digits/v1/saved_model', 'trials', '1');
    await models.push('digits/v2/saved_model', 'trials', '2');
    await mdep.apply('digits', specOf(scene, rollout)('1'));
    await mdep.untilReady('digits', 1);
  });
}

/** Requests go on while `run` happens; afterwards none may have failed, and enough pods have answered at every moment. */
async function underLoad(
  scene: Scene,
  run: (loops: { infer: Loop; predict: Loop; grpc: Loop }) => Promise<void>,
): Promise<void> {
  const { client, cluster, namespace } = scene;
  const sampler = await EndpointSampler.start(cluster, namespace, 'digits', REPLICAS);
  const from = await client();
  const rate = rateOf(await from.peak(INFER, 'v1.json', 'expected.json'));
  console.log(`      three times ${rate}`);
  const loops = {
    infer: from.loop(INFER, rate, 'v1.json', 'expected.json'),
    predict: from.loop(PREDICT, rate, 'predict.json', 'expected.json'),
    grpc: from.loop(GRPC, rate, 'v1.json', 'expected.json'),
  };
  let least: number;
  const reports = [];
  try {
    await run(loops);
    least = sampler.least;
  } finally {
    await sampler.stop();
    for (const loop of Object.values(loops)) reports.push(await loop.stop());
  }
  for (const report of reports) noneFailed(report);
  assert.ok(least >= REPLICAS, `${least} ready endpoints of ${REPLICAS}: ${sampler.history.join(' ')}`);
}

/** Waits for so many further requests, and answers by which versions they were answered. */
async function sharesOf(loop: Loop, requests: number): Promise<Record<string, number>> {
  const before = { ...loop.latest, versions: { ...loop.latest.versions } };
  await waitFor(
    `${requests} more requests`,
    () => Promise.resolve(loop.latest.total >= before.total + requests ? true : undefined),
    { seconds: 300 },
  );
  const { total, versions } = loop.latest;
  return Object.fromEntries(
    Object.entries(versions).map(([version, count]) => [
      version,
      (100 * (count - (before.versions[version] ?? 0))) / (total - before.total),
    ]),
  );
}

/** Waits until no other version has answered for so long that no request from before can be under way. */
async function onlyBy(loop: Loop, version: string): Promise<void> {
  const settled = ({ time, now }: Loop['latest']) => now.version === version && time - now.since >= SETTLED_MS;
  await waitFor(`answers of version ${version} alone`, () => Promise.resolve(settled(loop.latest) || undefined), {
    seconds: 60,
    seen: () => Promise.resolve(JSON.stringify(loop.latest)),
  });
}

const UNJUDGED = { analysis: { minRequests: 0 } };

export const stories = [
  story('a canary answers exactly its share of the requests, in every protocol', async (scene) => {
    const { when, then, mdep } = scene;
    const weights = [5, 50];
    const rollout = { strategy: 'Canary', canary: { steps: weights.map((weight) => ({ weight })) }, ...UNJUDGED };
    await serving(scene, rollout);
    await underLoad(scene, async (loops) => {
      await when('version 2 goes on trial', () => mdep.apply('digits', specOf(scene, rollout)('2')));
      for (const weight of weights) {
        await mdep.until(
          'digits',
          `to be at ${weight} %`,
          ({ trial }) => trial?.weight === weight && trial.paused === true,
        );
        await then(`${weight} % of the requests are answered by it`, async () => {
          // The annotation takes a moment to the servers.
          await sharesOf(loops.infer, 300);
          const shares = await Promise.all(
            Object.entries(loops).map(async ([name, loop]) => [name, (await sharesOf(loop, 2_000))['2'] ?? 0] as const),
          );
          console.log(
            `      weight ${weight} %: ${shares.map(([name, share]) => `${share.toFixed(2)} % of ${name}`).join(', ')}`,
          );
          for (const [, share] of shares) assert.ok(Math.abs(share - weight) <= 1, `${share} % instead of ${weight} %`);
        });
        await mdep.act('digits', 'Resume');
      }
      await then('it takes over', () => mdep.untilReady('digits', 2));
    });
  }),

  story('a canary whose pods die costs nobody a request', async (scene) => {
    const { when, then, mdep } = scene;
    const rollout = { strategy: 'Canary', canary: { steps: [{ weight: 50 }] }, ...UNJUDGED };
    await serving(scene, rollout);
    await underLoad(scene, async (loops) => {
      await mdep.apply('digits', specOf(scene, rollout)('2'));
      await mdep.until('digits', 'to be at 50 %', ({ trial }) => trial?.weight === 50);
      await when('its pods are killed, again and again', async () => {
        for (let time = 0; time < 3; time++) {
          await sharesOf(loops.infer, 500);
          const label = 'modelserving.dev/model=digits,modelserving.dev/revision=2';
          await mdep.kubectl('delete', 'pods', '-l', label, '--force', '--grace-period=0');
        }
      });
      await then('the trial goes on when they are back', async () => {
        await mdep.until('digits', 'to have its pods again', ({ trial }) => trial?.phase === 'Running');
        await mdep.act('digits', 'Promote');
        await mdep.untilReady('digits', 2);
      });
    });
  }),

  story(
    'a canary that answers worse is taken back by the counters of the pods, and status tells the numbers',
    async (scene) => {
      const { given, when, then, mdep, models } = scene;
      const rollout = {
        strategy: 'Canary',
        canary: { steps: [{ weight: 20, seconds: 3600 }] },
        analysis: { minRequests: 100 },
      };
      await serving(scene, rollout);
      await given('a version that loads, and takes other inputs', () =>
        models.push('linear-regression/saved_model', 'trials', '3'),
      );
      await underLoad(scene, async () => {
        await when('it goes on trial', () => mdep.apply('digits', specOf(scene, rollout)('3')));
        const status = await then('it is taken back', () =>
          mdep.until(
            'digits',
            'to be rolled back',
            ({ phase, trial }) => phase === 'RolledBack' && trial === undefined,
          ),
        );
        await then('status says why, with the numbers', () => {
          assert.equal(status.failedTarget?.reason, 'AnalysisFailed');
          assert.match(status.lastFailure?.message ?? '', /\d+ of \d+/);
          console.log(`      ${status.lastFailure?.message}`);
          return Promise.resolve();
        });
      });
    },
  ),

  story('a trial without clients is judged by replayed requests', async (scene) => {
    const { when, then, mdep } = scene;
    const rollout = {
      strategy: 'Canary',
      canary: { steps: [{ weight: 50, seconds: 1 }] },
      analysis: { minRequests: 40 },
    };
    await serving(scene, rollout);
    await when('version 2 is applied and nobody asks', () => mdep.apply('digits', specOf(scene, rollout)('2')));
    await then('it passes, and takes over', () => mdep.untilReady('digits', 2));
  }),

  story('blue-green switches all requests at once, and returns at once while the old pods are kept', async (scene) => {
    const { when, then, mdep } = scene;
    const rollout = { strategy: 'BlueGreen', blueGreen: { keepSeconds: 3600 }, ...UNJUDGED };
    await serving(scene, rollout);
    await underLoad(scene, async (loops) => {
      await when('version 2 is applied', () => mdep.apply('digits', specOf(scene, rollout)('2')));
      await then('it answers everything after the switch', async () => {
        await mdep.untilTrial('digits', 'Switched');
        await onlyBy(loops.infer, '2');
        assert.deepEqual(await sharesOf(loops.infer, 300), { 1: 0, 2: 100 });
      });
      for (const way of ['an undo', 'the old manifest'] as const) {
        const started = performance.now();
        await when(`${way} returns`, async () => {
          if (way === 'an undo') await mdep.act('digits', 'Abort');
          else await mdep.apply('digits', specOf(scene, rollout)('1'));
          const before = loops.infer.latest.versions['1'] ?? 0;
          await waitFor(
            'an answer of version 1',
            () => Promise.resolve((loops.infer.latest.versions['1'] ?? 0) > before ? true : undefined),
            { seconds: 60 },
          );
        });
        console.log(`      back after ${((performance.now() - started) / 1000).toFixed(1)} s (counted once a second)`);
        if (way === 'the old manifest') continue;
        await mdep.until(
          'digits',
          'to be rolled back',
          ({ phase, trial }) => phase === 'RolledBack' && trial === undefined,
        );
        await when('it is tried again', () => mdep.act('digits', 'Retry'));
        await mdep.untilTrial('digits', 'Switched');
        await onlyBy(loops.infer, '2');
      }
      await then('version 1 serves, and nothing is left of the trial', () => mdep.untilReady('digits', 1));
    });
  }),

  story('a shadow gets copies, answers nobody, and what differs is told', async (scene) => {
    const { when, then, mdep } = scene;
    const rollout = {
      strategy: 'Shadow',
      shadow: { percent: 50, seconds: 5, tolerance: 0.001 },
      analysis: { minRequests: 100 },
    };
    await serving(scene, rollout);
    await underLoad(scene, async (loops) => {
      await when('version 2 goes on trial', () => mdep.apply('digits', specOf(scene, rollout)('2')));
      const status = await then('it waits for a person when its time is over', () =>
        mdep.until('digits', 'to wait', ({ trial }) => trial?.paused === true),
      );
      await then('only version 1 has answered, and the differences are counted', () => {
        assert.deepEqual(Object.keys(loops.infer.latest.versions), ['1']);
        assert.equal(status.trial?.verdict?.result, 'Pass');
        console.log(`      ${status.trial.verdict.message}`);
        assert.match(status.trial.verdict.message, /differ/);
        return Promise.resolve();
      });
      await when('a person promotes it', () => mdep.act('digits', 'Promote'));
      await then('it takes over', () => mdep.untilReady('digits', 2));
    });
  }),

  story('an undo during a trial ends it, and then counts', async (scene) => {
    const { given, when, then, mdep } = scene;
    const rollout = { strategy: 'Canary', canary: { steps: [{ weight: 30 }] }, ...UNJUDGED };
    await serving(scene, rollout);
    await given('version 2 has taken over', async () => {
      await mdep.apply('digits', specOf(scene, { strategy: 'RollingUpdate' })('2'));
      await mdep.untilReady('digits', 2);
    });
    await underLoad(scene, async () => {
      await when('version 3 is on trial and a person undoes', async () => {
        await scene.models.push('digits/v2/saved_model', 'trials', '3');
        await mdep.apply('digits', {
          ...specOf(scene, rollout)('3'),
          model: { uri: scene.models.uri('trials', '3'), version: '2' },
        });
        await mdep.untilTrial('digits', 'Running');
        await mdep.kubectl('rollout', 'undo', 'deployment/digits');
      });
      await then('version 1 serves, and the spec says so', async () => {
        await mdep.untilReady('digits', 1);
        assert.deepEqual((await mdep.get('digits')).spec.rollbackTo, { revision: 1, from: 3 });
        assert.deepEqual(await mdep.podUids('digits', 3), []);
      });
    });
  }),
];

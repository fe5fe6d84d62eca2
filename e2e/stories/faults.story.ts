import assert from 'node:assert/strict';
import { noneFailed } from '../harness/client.ts';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

/** What breaks beside the bytes of a model: room, the registry, pods that crash, and the person who pauses. */

const INFER = 'http://digits/v2/models/digits/infer';
const REPOSITORY = 'faults/digits';
const SERVER = 'main.mjs serve';
const UNJUDGED = { analysis: { minRequests: 0 } };

const specOf =
  ({ models }: Scene) =>
  (tag: string, more: object = {}) => ({
    model: { uri: models.uri(REPOSITORY, tag), version: tag },
    replicas: 2,
    ...more,
  });

async function serving(scene: Scene, more: object = {}): Promise<void> {
  const { given, models, mdep } = scene;
  await given('two pods of version 1', async () => {
    await models.push('digits/v1/tfjs', REPOSITORY, '1');
    await models.push('digits/v2/tfjs', REPOSITORY, '2');
    await mdep.apply('digits', specOf(scene)('1', more));
    await mdep.untilReady('digits', 1);
  });
}

/** A client calls version 1 while `run` happens, and is answered by it every time. */
async function servedMeanwhile(scene: Scene, run: () => Promise<void>): Promise<void> {
  const loop = (await scene.client()).loop(INFER, '20/s', 'v1.json', 'expected.json');
  try {
    await run();
  } finally {
    noneFailed(await loop.stop());
  }
  assert.ok(loop.latest.total > 0);
}

/** Servers of a revision end again and again, as those do that the model takes down, until `done`. */
async function crashing(scene: Scene, revision: number, what: string, done: () => Promise<boolean>): Promise<void> {
  const { cluster, mdep } = scene;
  await waitFor(
    what,
    async () => {
      for (const uid of await mdep.podUids('digits', revision)) cluster.nodes?.killInPod(uid, SERVER);
      return (await done()) || undefined;
    },
    { seconds: 180, seen: async () => JSON.stringify((await mdep.get('digits')).status) },
  );
}

export const stories = [
  story(
    'a crash within the bake time returns to the revision before',
    async (scene) => {
      const { when, then, mdep } = scene;
      await serving(scene);
      await when('version 2 is rolled out, and bakes', async () => {
        await mdep.apply('digits', specOf(scene)('2', { rollout: { bakeSeconds: 600 } }));
        await mdep.untilReady('digits', 2);
      });
      await when('its servers crash', () =>
        crashing(scene, 2, 'version 2 to be taken back', async () => {
          const { status } = await mdep.get('digits');
          return status?.stable?.revision === 1;
        }),
      );
      await then('version 1 serves again, and status says why', async () => {
        const status = await mdep.until(
          'digits',
          'to be RolledBack',
          ({ phase, ready }) => phase === 'RolledBack' && ready === '2/2',
        );
        assert.equal(status.failedTarget?.revision, 2);
        assert.equal(status.lastFailure?.reason, 'ServerCrashed', JSON.stringify(status.lastFailure));
      });
    },
    { needs: ['nodeControl', 'time'] },
  ),

  story(
    'when nothing of the revision that serves answers, the next one takes over without a trial',
    async (scene) => {
      const { when, then, mdep } = scene;
      const rollout = { strategy: 'Canary', canary: { steps: [{ weight: 10 }] }, ...UNJUDGED };
      await serving(scene, { rollout });
      let applied = false;
      await when('its servers crash, and version 2 is applied', () =>
        crashing(scene, 1, 'version 2 to serve', async () => {
          const { status } = await mdep.get('digits');
          if (!applied && status?.phase === 'Degraded') {
            applied = true;
            await mdep.apply('digits', specOf(scene)('2', { rollout }));
          }
          return status?.stable?.revision === 2;
        }),
      );
      await then('no trial was begun', async () => {
        await mdep.untilReady('digits', 2);
        const events = await mdep.kubectl('get', 'events', '-o', 'jsonpath={.items[*].reason}');
        assert.doesNotMatch(events, /TrialStarted/);
      });
    },
    { needs: ['nodeControl', 'time'] },
  ),

  story(
    'a revision that no node has room for leaves the old one serving, and is not condemned',
    async (scene) => {
      const { when, then, mdep } = scene;
      const rollout = { progressDeadlineSeconds: 15 };
      const wanting = (cpu: string) => specOf(scene)('2', { rollout, server: { resources: { requests: { cpu } } } });
      await serving(scene);
      await servedMeanwhile(scene, async () => {
        await when('version 2 wants more than any node has', () => mdep.apply('digits', wanting('900')));
        await then('status says so while it waits', () => mdep.untilReason('digits', 'Unschedulable'));
        const status = await then('its deadline takes it back', () =>
          mdep.until('digits', 'to be RolledBack', ({ phase, ready }) => phase === 'RolledBack' && ready === '2/2'),
        );
        assert.equal(status.failedTarget?.reason, 'Unschedulable');
        await when('it is applied again with less', () => mdep.apply('digits', wanting('100m')));
        await then('it serves', () => mdep.untilReady('digits'));
        assert.equal((await mdep.get('digits')).status?.stable?.version, '2');
      });
    },
    { needs: ['time'] },
  ),

  story(
    'a registry that cannot be reached condemns nobody',
    async (scene) => {
      const { when, then, mdep, models } = scene;
      await serving(scene);
      await servedMeanwhile(scene, async () => {
        const right = specOf(scene)('2');
        const { uri } = right.model;
        // Nobody listens there.
        const away = uri.replace(/^(oci:\/\/[^/]+?)(?::\d+)?\//, '$1:9/');
        assert.notEqual(away, uri);
        await when('version 2 is in a registry that is away', () =>
          mdep.apply('digits', { ...right, model: { ...right.model, uri: away } }),
        );
        await then('status says so, and version 1 serves on', async () => {
          const status = await mdep.untilReason('digits', 'SourceUnavailable');
          assert.equal(status.stable?.revision, 1);
          assert.equal(status.failedTarget, undefined);
        });
        await when('it is there', () => mdep.apply('digits', right));
        await then('it serves', () => mdep.untilReady('digits'));
        assert.equal(
          (await mdep.get('digits')).status?.stable?.digest,
          await models.push('digits/v2/tfjs', REPOSITORY, '2'),
        );
      });
    },
    { needs: ['time'] },
  ),

  story(
    'a canary answers the requests with its header or its cookie, and no others',
    async (scene) => {
      const { when, then, mdep, models, client } = scene;
      const match = [
        { header: 'X-Canary', value: 'always' },
        { cookie: 'tester', value: 'yes' },
      ];
      const rollout = { strategy: 'Canary', canary: { match, steps: [{ weight: 0 }] }, ...UNJUDGED };
      await serving(scene, { rollout });
      const from = await client();
      const { body } = models.golden('v1');
      const versionFor = async (headers: Record<string, string>): Promise<string> => {
        const answer = await from.call('POST', INFER, body, headers);
        assert.equal(answer.status, 200, answer.body);
        return (JSON.parse(answer.body) as { model_version: string }).model_version;
      };
      await when('version 2 is on trial at 0 %', async () => {
        await mdep.apply('digits', specOf(scene)('2', { rollout }));
        await mdep.until(
          'digits',
          'to wait at 0 %',
          ({ trial }) => trial?.phase === 'Running' && trial.paused === true,
        );
        const both = async () => ((await versionFor({ 'X-Canary': 'always' })) === '2' ? true : undefined);
        await waitFor('the servers to know', both, { seconds: 60 });
      });
      await then('only those that ask for it meet it', async () => {
        for (let i = 0; i < 5; i++) {
          assert.equal(await versionFor({ 'x-canary': 'always' }), '2');
          assert.equal(await versionFor({ cookie: 'a=b; tester=yes' }), '2');
          assert.equal(await versionFor({ 'x-canary': 'never', cookie: 'tester=no' }), '1');
          assert.equal(await versionFor({}), '1');
        }
      });
    },
    { needs: ['time'] },
  ),

  story(
    'kubectl rollout pause holds a rollout, and resume lets it go on',
    async (scene) => {
      const { when, then, mdep } = scene;
      await serving(scene);
      await servedMeanwhile(scene, async () => {
        await when('a person pauses, and version 2 is applied', async () => {
          await mdep.kubectl('rollout', 'pause', 'deployment/digits');
          await mdep.apply('digits', specOf(scene)('2'));
        });
        await then('status says who holds it, and version 1 serves', async () => {
          const status = await mdep.untilReason('digits', 'PausedByUser');
          assert.equal(status.stable?.revision, 1);
        });
        await when('resumed', () => mdep.kubectl('rollout', 'resume', 'deployment/digits'));
        await then('it rolls out', () => mdep.untilReady('digits', 2));
      });
    },
    { needs: ['time'] },
  ),
];

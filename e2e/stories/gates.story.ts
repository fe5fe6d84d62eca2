import assert from 'node:assert/strict';
import { type Scene, story } from '../harness/story.ts';
import { waitFor } from '../../tools/wait.ts';

/** A gate is a gate: what happens to pods opens none, and fails nothing that only lost them. */

const DEADLINE_S = 30;
const GATED: Record<string, object> = {
  Canary: { strategy: 'Canary', canary: { steps: [{ weight: 20 }] } },
  Shadow: { strategy: 'Shadow', shadow: { seconds: 0 } },
  BlueGreen: { strategy: 'BlueGreen', blueGreen: { switch: 'Manual' } },
};

const podsOf = (revision: number): string => `modelserving.dev/model=digits,modelserving.dev/revision=${revision}`;

async function drainNodeOf(scene: Scene, revision: number): Promise<void> {
  const { mdep, cluster } = scene;
  const path = 'jsonpath={.items[0].spec.nodeName}';
  const node = await mdep.kubectl('get', 'pods', '-l', podsOf(revision), '-o', path);
  try {
    const selector = `--pod-selector=${podsOf(revision)}`;
    const options = ['--ignore-daemonsets', '--delete-emptydir-data', '--force', selector, '--timeout=180s'];
    await cluster.kubectl(['drain', node, ...options]);
  } finally {
    await cluster.kubectl(['uncordon', node]);
  }
}

/** One pod of the revision is ready again, another than before. */
async function isBack({ mdep }: Scene, revision: number, before: readonly string[]): Promise<void> {
  await waitFor(
    `a new pod of revision ${revision}`,
    async () => {
      const uids = await mdep.podUids('digits', revision);
      return uids.length === 1 && !uids.some((uid) => before.includes(uid)) ? true : undefined;
    },
    { seconds: 180 },
  );
  await mdep.kubectl('wait', '--for=condition=Ready', 'pods', '-l', podsOf(revision), '--timeout=180s');
}

export const stories = Object.entries(GATED).map(([strategy, gated]) =>
  story(`a gate of a ${strategy} waits for a person, whatever pods are drained or deleted`, async (scene) => {
    const { given, when, then, models, mdep } = scene;
    const rollout = { ...gated, analysis: { minRequests: 0 }, progressDeadlineSeconds: DEADLINE_S };
    const spec = (tag: string) => ({ model: { uri: models.uri('gates', tag), version: tag }, replicas: 1, rollout });
    const stands = async (): Promise<void> => {
      const status = await mdep.until('digits', 'to wait at its gate', ({ trial }) => trial?.paused === true);
      assert.deepEqual([status.phase, status.stable?.revision, status.trial?.phase], ['Trial', 1, 'Running']);
      const told = await mdep.kubectl('get', 'events', '-o', 'jsonpath={.items[*].reason}');
      for (const reason of ['TrialPromoted', 'TrialEnded', 'RolloutFailed']) assert.ok(!told.includes(reason), told);
    };
    await given('one pod of version 1, and version 2 at its gate for longer than its deadline', async () => {
      await models.push('digits/v1/saved_model', 'gates', '1');
      await models.push('digits/v2/saved_model', 'gates', '2');
      await mdep.apply('digits', spec('1'));
      await mdep.untilReady('digits', 1);
      await mdep.apply('digits', spec('2'));
      await mdep.until('digits', 'to wait at its gate', ({ trial }) => trial?.paused === true);
      const end = Date.now() + (DEADLINE_S + 5) * 1000;
      await waitFor('the deadline to be over', () => Promise.resolve(Date.now() > end || undefined), { seconds: 120 });
    });
    await when('the node of the pod that serves is drained', async () => {
      const before = await mdep.podUids('digits', 1);
      await drainNodeOf(scene, 1);
      await isBack(scene, 1, before);
    });
    await then('the gate is shut', stands);
    await when('the pod on trial is deleted by force, and so is its Deployment', async () => {
      for (const what of [['pods', '-l', podsOf(2)], ['deployment/digits-canary']]) {
        const before = await mdep.podUids('digits', 2);
        await mdep.kubectl('delete', ...what, '--force', '--grace-period=0');
        await isBack(scene, 2, before);
      }
    });
    await then('it is on trial as before', stands);
    await when('a person says Promote', () => mdep.act('digits', 'Promote'));
    await then('it takes over', () => mdep.untilReady('digits', 2));
  }),
);

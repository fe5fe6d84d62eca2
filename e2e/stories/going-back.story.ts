import assert from 'node:assert/strict';
import { type Scene, story } from '../harness/story.ts';

const spec = (models: Scene['models'], repository: string, tag: string, more: object = {}) => ({
  model: { uri: models.uri(repository, tag), version: tag },
  replicas: 2,
  ...more,
});

/** Two versions in the registry, the first served and then the second. */
async function servingV2(
  { given, models, mdep }: Scene,
  repository: string,
  more: object = {},
): Promise<{ v1: string; v2: string }> {
  return given('version 2, rolled out over version 1', async () => {
    const v1 = await models.push('digits/v1/saved_model', repository, '1');
    const v2 = await models.push('digits/v2/saved_model', repository, '2');
    await mdep.apply('digits', spec(models, repository, '1', more));
    await mdep.untilReady('digits', 1);
    await mdep.apply('digits', spec(models, repository, '2', more));
    const status = await mdep.untilReady('digits', 2);
    assert.equal(status.stable?.digest, v2);
    return { v1, v2 };
  });
}

async function answers({ client, models }: Scene, version: '1' | '2'): Promise<void> {
  const golden = models.golden(`v${version}`);
  const answer = await (await client()).call('POST', 'http://digits/v2/models/digits/infer', golden.body);
  assert.equal(answer.status, 200, answer.body);
  const body = JSON.parse(answer.body) as { model_version: string; outputs: { data: number[] }[] };
  assert.equal(body.model_version, version);
  golden.answer.forEach((value, i) => assert.ok(Math.abs(value - (body.outputs[0]?.data[i] ?? NaN)) <= 1e-5));
}

export const stories = [
  story(
    'applying the old manifest goes back to the old revision, with the same bytes although the tag was moved',
    async (scene) => {
      const { when, then, models, mdep } = scene;
      const { v1 } = await servingV2(scene, 'back/apply');
      await when('the tag of version 1 is moved to other bytes, and the old manifest is applied', async () => {
        await models.push('digits/v2/saved_model', 'back/apply', '1');
        await mdep.apply('digits', spec(models, 'back/apply', '1'));
      });
      const status = await then('revision 1 serves again', () => mdep.untilReady('digits', 1));
      assert.equal(status.stable?.digest, v1);
      await then('with the answers of version 1', () => answers(scene, '1'));
    },
  ),

  story('spec.rollbackTo goes back, and is spent when the model changes', async (scene) => {
    const { when, then, models, mdep } = scene;
    await servingV2(scene, 'back/field');
    await when('rollbackTo is set', () =>
      mdep.apply('digits', spec(models, 'back/field', '2', { rollbackTo: { revision: 1, from: 2 } })),
    );
    await then('revision 1 serves', () => mdep.untilReady('digits', 1));
    await then('with the answers of version 1', () => answers(scene, '1'));
    await when('the spec asks for another model', async () => {
      await models.push('digits/v1/tfjs', 'back/field', '3');
      await mdep.apply('digits', spec(models, 'back/field', '3', { rollbackTo: { revision: 1, from: 2 } }));
    });
    await then('that one serves', () => mdep.untilReady('digits', 3));
    assert.equal((await mdep.condition('digits', 'RolledBack'))?.reason, 'RollbackSpent');
  }),

  story('kubectl rollout undo goes back and is adopted, and history tells what was served', async (scene) => {
    const { when, then, models, mdep } = scene;
    await servingV2(scene, 'back/undo');
    await then('rollout history names versions and digests', async () => {
      const history = await mdep.kubectl('rollout', 'history', 'deployment/digits');
      assert.match(history, /revision 1: version 1 .*sha256:/);
      assert.match(history, /revision 2: version 2 .*sha256:/);
    });
    await when('a person undoes', () => mdep.kubectl('rollout', 'undo', 'deployment/digits'));
    await then('revision 1 serves', () => mdep.untilReady('digits', 1));
    await mdep.kubectl('rollout', 'status', 'deployment/digits', '--timeout=60s');
    await then('with the answers of version 1', () => answers(scene, '1'));
    assert.deepEqual((await mdep.get('digits')).spec.rollbackTo, { revision: 1, from: 2 });
    await when('a new model is applied', async () => {
      await models.push('digits/v1/tfjs', 'back/undo', '3');
      await mdep.apply('digits', spec(models, 'back/undo', '3'));
    });
    await then('it serves, and the adopted rollback is gone', async () => {
      await mdep.untilReady('digits', 3);
      await mdep.until('digits', 'to forget the rollback', () => true);
      assert.equal((await mdep.get('digits')).spec.rollbackTo, undefined);
    });
  }),

  story('kubectl rollout undo is taken back when onManualUndo is Revert', async (scene) => {
    const { when, then, mdep } = scene;
    await servingV2(scene, 'back/revert', { rollout: { onManualUndo: 'Revert' } });
    await when('a person undoes', () => mdep.kubectl('rollout', 'undo', 'deployment/digits'));
    await then('an event says that it was taken back', () => untilEvent(mdep, 'ManualUndoReverted'));
    await then('revision 2 serves', () => mdep.untilReady('digits', 2));
    await then('with the answers of version 2', () => answers(scene, '2'));
  }),

  story('kubectl rollout restart and undo to the same revision stand', async (scene) => {
    const { when, then, mdep } = scene;
    await servingV2(scene, 'back/restart');
    await when('a person restarts', () => mdep.kubectl('rollout', 'restart', 'deployment/digits'));
    await mdep.kubectl('rollout', 'status', 'deployment/digits', '--timeout=120s');
    await then('the same revision serves', () => mdep.untilReady('digits', 2));
    assert.equal((await mdep.get('digits')).spec.rollbackTo, undefined);
  }),
];

async function untilEvent(mdep: Scene['mdep'], reason: string): Promise<void> {
  await mdep.until('digits', `to have the event ${reason}`, () => true);
  for (let left = 100; ; left--) {
    const events = await mdep.kubectl('get', 'events', '-o', 'jsonpath={.items[*].reason}');
    if (events.split(' ').includes(reason)) return;
    assert.ok(left > 0, `no event ${reason} among: ${events}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Need, type Scene, story } from '../harness/story.ts';

/** A second version that fails for `reason`, while the first one serves a running client all the time. */
function failing(
  what: string,
  reason: string,
  bad: (scene: Scene, repository: string) => Promise<object> | object,
  options: { needs?: readonly Need[] } = {},
) {
  return story(
    `${what} never takes traffic, status says ${reason}, and it is taken back by itself`,
    async (scene) => {
      const { given, when, then, models, mdep, client } = scene;
      const repository = `bad/${reason.toLowerCase()}-${what.replaceAll(/[^a-z]+/g, '-')}`;
      await given('version 1 serves, and a client calls it without pause', async () => {
        await models.push('digits/v1/saved_model', repository, '1');
        await mdep.apply('digits', { model: { uri: models.uri(repository, '1'), version: '1' } });
        await mdep.untilReady('digits', 1);
      });
      const loop = (await client()).loop('http://digits/v2/models/digits/infer', 2, 'v1.json', 'expected.json');
      try {
        await when('the bad version is applied', async () => mdep.apply('digits', await bad(scene, repository)));
        const status = await then('it is taken back', () =>
          mdep.until('digits', 'to be RolledBack', ({ phase, ready }) => phase === 'RolledBack' && ready === '1/1'),
        );
        assert.equal(status.stable?.revision, 1);
        assert.equal(status.lastFailure?.reason, reason, JSON.stringify(status.lastFailure));
        assert.ok((status.lastFailure?.message ?? '').length > 20, 'the message says what is wrong');
        const ready = await mdep.condition('digits', 'Ready');
        assert.equal(ready?.status, 'False');
        assert.equal(ready?.reason, reason);
        assert.equal((await mdep.condition('digits', 'Available'))?.status, 'True');
        await then('kubectl rollout history keeps both, and the old revision is the newest', async () => {
          assert.match(await mdep.kubectl('rollout', 'history', 'deployment/digits'), /revision 1: version 1/);
        });
      } finally {
        const report = await loop.stop();
        assert.equal(report.failed, 0, JSON.stringify(report));
        assert.deepEqual(Object.keys(report.versions), ['1']);
      }
    },
    options,
  );
}

const digestOfNothing = `sha256:${'0'.repeat(64)}`;

async function pushDamaged(scene: Scene, repository: string, damage: (folder: string) => void): Promise<object> {
  const { models } = scene;
  const { folder, dispose } = models.copy('digits/v2/saved_model', damage);
  try {
    await models.push(folder, repository, '2', { check: false });
  } finally {
    dispose();
  }
  return { model: { uri: models.uri(repository, '2'), version: '2' } };
}

/** Changes one byte in the middle of the layer of a model that was just pushed, as a failing disk would. */
function damageLargestBlob(registry: string, repository: string): void {
  const links = join(registry, 'docker/registry/v2/repositories', repository, '_layers/sha256');
  const blobs = readdirSync(links).map((hex) =>
    join(registry, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data'),
  );
  const [largest] = blobs.sort((a, b) => statSync(b).size - statSync(a).size);
  const bytes = readFileSync(largest ?? '');
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
  writeFileSync(largest ?? '', bytes);
}

const weights = (folder: string): string => {
  const name = readdirSync(join(folder, 'variables')).find((file) => file.includes('.data-'));
  return join(folder, 'variables', name ?? '');
};

export const stories = [
  failing('a serving image that does not exist', 'ImageNotFound', ({ models, cluster }, repository) => ({
    model: { uri: models.uri(repository, '1'), version: '1' },
    server: { image: `${cluster.registry.pull}/no/such-image:1` },
  })),
  failing('a model whose weights are truncated', 'ModelLoadFailed', (scene, repository) =>
    pushDamaged(scene, repository, (folder) => truncateSync(weights(folder), 100)),
  ),
  failing('a model that reads files', 'ModelRefused', async ({ models }, repository) => {
    await models.push('broken/refused-op', repository, '2', { check: false });
    return { model: { uri: models.uri(repository, '2'), version: '2' } };
  }),
  failing('a model that loads but fails its warm-up', 'WarmupFailed', async ({ models }, repository) => {
    await models.push('broken/crash-on-warmup', repository, '2');
    return { model: { uri: models.uri(repository, '2'), version: '2' } };
  }),
  failing('a model whose golden answers differ', 'WarmupFailed', (scene, repository) =>
    pushDamaged(scene, repository, (folder) => {
      writeFileSync(join(folder, 'golden.json'), readFileSync(scene.models.folder('digits/v1/golden.json')));
    }),
  ),
  failing('a digest that the registry does not have', 'ModelNotFound', ({ models }, repository) => ({
    model: { uri: models.uri(repository, '2'), version: '2', digest: digestOfNothing },
  })),

  failing(
    'a model whose bytes are damaged in the registry',
    'DigestMismatch',
    async (scene, repository) => {
      const damaged = `${repository}/damaged`;
      // Blobs are shared between repositories and runs: only one that nobody else has may be damaged.
      const spec = await pushDamaged(scene, damaged, (folder) => writeFileSync(join(folder, 'nonce'), scene.namespace));
      damageLargestBlob(scene.cluster.nodes?.registryFolder ?? '', damaged);
      return spec;
    },
    { needs: ['nodeControl'] },
  ),

  story('a model that is not there yet is waited for, and told so', async ({ when, then, models, mdep }) => {
    await when('a ModelDeployment names a tag that does not exist', () =>
      mdep.apply('digits', { model: { uri: models.uri('bad/absent', '1'), version: '1' } }),
    );
    await then('status says ModelNotFound', () => mdep.untilReason('digits', 'ModelNotFound'));
    await when('it is pushed, and Retry spares the wait', async () => {
      await models.push('digits/v1/saved_model', 'bad/absent', '1');
      await mdep.apply('digits', {
        model: { uri: models.uri('bad/absent', '1'), version: '1' },
        rollout: { action: { type: 'Retry', id: 'pushed' } },
      });
    });
    await then('it serves', () => mdep.untilReady('digits', 1));
  }),

  story(
    'a first revision that fails says why, and Retry tries it again',
    async ({ given, when, then, models, mdep }) => {
      await given('a model that cannot load, as the first revision', async () => {
        await models.push('broken/crash-on-warmup', 'bad/first', '1');
        await mdep.apply('digits', { model: { uri: models.uri('bad/first', '1'), version: '1' } });
        const status = await mdep.until('digits', 'to have failed', ({ phase }) => phase === 'Failed');
        assert.equal(status.lastFailure?.reason, 'WarmupFailed');
      });
      const podsBefore = await mdep.kubectl('get', 'pods', '-o', 'name');
      await when('Retry is asked for', () =>
        mdep.apply('digits', {
          model: { uri: models.uri('bad/first', '1'), version: '1' },
          rollout: { action: { type: 'Retry', id: 'one' } },
        }),
      );
      await then('it is tried again with a new pod, once', async () => {
        const status = await mdep.until(
          'digits',
          'to have failed again',
          ({ phase, lastAction }) => phase === 'Failed' && lastAction?.id === 'one',
        );
        assert.equal(status.lastFailure?.reason, 'WarmupFailed');
        assert.notEqual(await mdep.kubectl('get', 'pods', '-o', 'name'), podsBefore);
      });
      await when('the spec names a good model', async () => {
        await models.push('digits/v1/saved_model', 'bad/first', '2');
        await mdep.apply('digits', { model: { uri: models.uri('bad/first', '2'), version: '2' } });
      });
      await then('it serves', () => mdep.untilReady('digits', 2));
    },
  ),

  story('an undo to a revision that failed is taken back', async ({ given, when, then, models, mdep }) => {
    await given('a failed second revision', async () => {
      await models.push('digits/v1/saved_model', 'bad/undo', '1');
      await models.push('broken/crash-on-warmup', 'bad/undo', '2');
      await mdep.apply('digits', { model: { uri: models.uri('bad/undo', '1'), version: '1' } });
      await mdep.untilReady('digits', 1);
      await mdep.apply('digits', { model: { uri: models.uri('bad/undo', '2'), version: '2' } });
      await mdep.until('digits', 'to be RolledBack', ({ phase, ready }) => phase === 'RolledBack' && ready === '1/1');
    });
    await when('a person undoes, which leads to the failed one', () =>
      mdep.kubectl('rollout', 'undo', 'deployment/digits'),
    );
    await then('revision 1 stays, and an event says why', async () => {
      const { cluster } = { cluster: mdep };
      await mdep.until('digits', 'to have settled', ({ phase, ready }) => phase === 'RolledBack' && ready === '1/1');
      let events = '';
      for (let left = 100; left > 0 && !events.includes('ManualUndoReverted'); left--) {
        events = await cluster.kubectl('get', 'events', '-o', 'jsonpath={.items[*].reason}');
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      assert.match(events, /ManualUndoReverted/);
      const revision = await mdep.kubectl(
        'get',
        'deployment',
        'digits',
        '-o',
        'jsonpath={.spec.template.metadata.labels.modelserving\\.dev/revision}',
      );
      assert.equal(revision, '1');
    });
  }),
];

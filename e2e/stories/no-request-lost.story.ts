import assert from 'node:assert/strict';
import { noneFailed } from '../harness/client.ts';
import { story } from '../harness/story.ts';
import { EndpointSampler } from '../harness/endpoints.ts';
import { waitFor } from '../../tools/wait.ts';

const LEAST_REQUESTS = 20_000;
const REPLICAS = 2;

export const stories = [
  story('no request is lost through rollout, rollback, undo, restart and drain', async (scene) => {
    const { given, when, then, models, mdep, client, cluster } = scene;
    const spec = (tag: '1' | '2', more: object = {}) => ({
      model: { uri: models.uri('loop', tag), version: tag },
      replicas: REPLICAS,
      ...more,
    });
    await given('two pods serve version 1', async () => {
      await models.push('digits/v1/saved_model', 'loop', '1');
      await models.push('digits/v2/saved_model', 'loop', '2');
      await mdep.apply('digits', spec('1'));
      await mdep.untilReady('digits', 1);
    });
    const sampler = await EndpointSampler.start(cluster, scene.namespace, 'digits', REPLICAS);
    const loop = (await client()).loop('http://digits/v2/models/digits/infer', 8, 'v1.json', 'expected.json');
    try {
      const busy = (count: number) =>
        waitFor(`${count} requests`, async () => Promise.resolve(loop.latest.total >= count ? true : undefined), {
          seconds: 300,
        });
      await when('version 2 rolls out', async () => {
        await busy(1000);
        await mdep.apply('digits', spec('2'));
        await mdep.untilReady('digits', 2);
      });
      await when('the old manifest is applied again', async () => {
        await mdep.apply('digits', spec('1'));
        await mdep.untilReady('digits', 1);
      });
      await when('a person undoes', async () => {
        await mdep.kubectl('rollout', 'undo', 'deployment/digits');
        await mdep.untilReady('digits', 2);
      });
      await when('a person restarts', async () => {
        await mdep.kubectl('rollout', 'restart', 'deployment/digits');
        await mdep.kubectl('rollout', 'status', 'deployment/digits', '--timeout=180s');
        await mdep.untilReady('digits', 2);
      });
      const least = sampler.least;
      await then('ready endpoints never fell below replicas − maxUnavailable', async () => {
        assert.ok(least >= REPLICAS, `${least} ready endpoints of ${REPLICAS}; ${sampler.history.join(' ')}`);
        return Promise.resolve();
      });
      await when('a node with one of the pods is drained', async () => {
        const node = await mdep.kubectl(
          'get',
          'pods',
          '-l',
          'modelserving.dev/model=digits',
          '-o',
          'jsonpath={.items[0].spec.nodeName}',
        );
        // The client itself must not be evicted.
        try {
          await cluster.kubectl([
            'drain',
            node,
            '--ignore-daemonsets',
            '--delete-emptydir-data',
            '--force',
            '--pod-selector=modelserving.dev/model=digits',
            '--timeout=180s',
          ]);
          await mdep.untilReady('digits', 2);
        } finally {
          await cluster.kubectl(['uncordon', node]);
        }
      });
      await then('evictions kept to the disruption budget', async () => {
        assert.ok(
          sampler.least >= REPLICAS - 1,
          `${sampler.least} ready endpoints of ${REPLICAS}; ${sampler.history.join(' ')}`,
        );
        return Promise.resolve();
      });
      await busy(LEAST_REQUESTS);
    } finally {
      await sampler.stop();
      const report = await loop.stop();
      noneFailed(report);
      assert.ok(report.total >= LEAST_REQUESTS, `${report.total} requests`);
      assert.deepEqual(Object.keys(report.versions).sort(), ['1', '2']);
    }
  }),
];

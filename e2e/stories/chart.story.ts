import assert from 'node:assert/strict';
import { checkChart } from '../../charts/check.ts';
import { story } from '../harness/story.ts';

export const stories = [
  story('the chart is clean, restricted, and asks for no more rights than are used', async ({ then, cluster }) => {
    await then('under every setting it keeps its promises', async () => {
      assert.deepEqual(await checkChart(cluster.bin.helm), []);
    });
  }),
];

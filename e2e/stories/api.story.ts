import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { runCases } from '../../crds/cases.run.ts';
import { story } from '../harness/story.ts';

const SAMPLES = new URL('../../crds/samples/', import.meta.url).pathname;

export const stories = [
  story(
    'the API server takes what is right and refuses what is wrong, in words that help',
    async ({ then, cluster, namespace }) => {
      await then('every case of crds/cases.ts comes out as written', async () => {
        const kubectl = (args: readonly string[], options: { input: string }) =>
          cluster.kubectl(['-n', namespace, ...args], options);
        assert.deepEqual(await runCases(kubectl), []);
      });
    },
  ),

  story(
    'what the operator has yet to see is not taken for current by kstatus (Flux)',
    async ({ then, cluster, namespace }) => {
      await then('a new ModelDeployment has an observedGeneration that is not its generation', async () => {
        const args = ['create', '-n', namespace, '--dry-run=server', '-f', `${SAMPLES}digits.yaml`];
        const generations = 'jsonpath={.metadata.generation} {.status.observedGeneration}';
        assert.equal(await cluster.kubectl([...args, '-o', generations]), '1 -1');
      });
    },
  ),

  story('the samples are accepted, and kubectl explain describes every field', async ({ then, cluster, namespace }) => {
    await then('each sample passes a strict dry run', async () => {
      for (const file of readdirSync(SAMPLES))
        await cluster.kubectl([
          'create',
          '-n',
          namespace,
          '--dry-run=server',
          '--validate=strict',
          '-f',
          SAMPLES + file,
        ]);
    });
    await then('no field lacks a description', async () => {
      const text = await cluster.kubectl(['explain', 'mdep', '--recursive']);
      assert.match(text, /progressDeadlineSeconds/);
      for (const field of [
        'spec',
        'spec.model.uri',
        'spec.rollout.rollingUpdate.maxSurge',
        'spec.rollbackTo.from',
        'status.lastFailure.message',
      ]) {
        const explained = await cluster.kubectl(['explain', `mdep.${field}`]);
        assert.doesNotMatch(explained, /<empty>/, field);
      }
    });
  }),
];

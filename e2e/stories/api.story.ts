import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { CASES } from '../../crds/cases.ts';
import type { ExecError } from '../harness/exec.ts';
import { story } from '../harness/story.ts';

const SAMPLES = new URL('../../crds/samples/', import.meta.url).pathname;

export const stories = [
  story(
    'the API server takes what is right and refuses what is wrong, in words that help',
    async ({ then, cluster, namespace }) => {
      const wrong: string[] = [];
      await then('every case of crds/cases.ts comes out as written', async () => {
        for (const { field, manifest, refused } of CASES) {
          const object = {
            apiVersion: 'modelserving.dev/v1alpha1',
            kind: 'ModelDeployment',
            metadata: { name: 'x' },
            spec: { model: { uri: 'oci://r.example/a:1' } },
            ...manifest,
          };
          const args = ['create', '-n', namespace, '--dry-run=server', '--validate=strict', '-f', '-'];
          const said = await cluster.kubectl(args, { input: JSON.stringify(object) }).then(
            () => undefined,
            (error: unknown) => (error as ExecError).stderr,
          );
          if (refused === undefined ? said !== undefined : said?.includes(refused) !== true) {
            wrong.push(
              `${field} ${JSON.stringify(manifest)}: expected ${refused ?? 'to be accepted'}, got ${said ?? 'accepted'}`,
            );
          }
        }
      });
      assert.deepEqual(wrong, []);
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

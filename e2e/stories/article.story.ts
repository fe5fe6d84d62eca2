import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exec } from '../../tools/exec.ts';
import { clientsPython } from '../../tools/python.ts';
import { story } from '../harness/story.ts';

const TRAIN = new URL('article/train.py', import.meta.url).pathname;
/** The same model, as its owner may have it. */
const FORMS = ['model.h5', 'model.keras', 'export', 'browser'];

export const stories = [
  story(
    'what Keras saved is pushed as it is, and answers what Keras answers',
    async ({ given, when, then, models, mdep, client }) => {
      const folder = mkdtempSync(join(tmpdir(), 'article-'));
      try {
        const asked = await given('a model is trained, and saved with model.save("model.h5")', async () => {
          await exec(await clientsPython(), [TRAIN, folder]);
          return JSON.parse(readFileSync(join(folder, 'asked.json'), 'utf8')) as {
            image: number[][];
            answer: number[];
          }[];
        });
        for (const [i, form] of FORMS.entries()) {
          const version = String(i + 1);
          await when(`${form} is pushed and applied`, async () => {
            await models.push(join(folder, form), 'article', version);
            await mdep.apply('pictures', { model: { uri: models.uri('article', version), version } });
            await mdep.untilReady('pictures', i + 1);
          });
          await then('a plain request for one picture is answered as by Keras', async () => {
            for (const { image, answer } of asked) {
              const url = 'http://pictures/v1/models/pictures:predict';
              const reply = await (await client()).call('POST', url, JSON.stringify({ image }));
              assert.equal(reply.status, 200, reply.body);
              const got = Object.values(JSON.parse(reply.body) as Record<string, number[]>).flat();
              assert.equal(got.length, answer.length, reply.body);
              answer.forEach((value, place) => assert.ok(Math.abs(value - (got[place] ?? NaN)) <= 1e-5, reply.body));
            }
          });
        }
        assert.equal((await mdep.get('pictures')).status?.stable?.revision, FORMS.length);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  ),
];

import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureNative } from '../src/build/native.ts';
import { halfPlusThreeSavedModel } from '../testing/models.ts';
import { Bench, type Running } from '../testing/server.ts';

const DIGITS = fileURLToPath(new URL('../../models/digits/v1/saved_model', import.meta.url));

let bench: Bench;
beforeAll(async () => {
  await ensureNative(() => undefined);
  bench = await Bench.create();
}, 600_000);
afterAll(() => bench.dispose());

async function serve(name: string, make: (folder: string) => Promise<void>): Promise<Running> {
  await make(join(bench.models, name, '7'));
  const server = await bench.start({ MODEL_NAME: name, MODEL_VERSION: '7' });
  await server.logged('worker ready');
  return server;
}

async function stop(server: Running): Promise<void> {
  server.process.kill('SIGTERM');
  await server.exited;
}

describe('a model with examples as input', () => {
  it.each([
    ['regress', '{"results":[3.5,4.0]}'],
    ['classify', '{"results":[[["",3.5]],[["",4.0]]]}'],
  ] as const)(
    'answers %s',
    async (method, expected) => {
      const server = await serve(method, (folder) => halfPlusThreeSavedModel(folder, method));
      const body = '{"examples":[{"x":1.0},{"x":2.0}]}';
      const answer = await server.post(`/v1/models/${method}/versions/7:${method}`, body);
      expect(answer.body).toBe(expected);
      const wrong = await server.post(`/v1/models/${method}:${method}`, '{"examples":[{"x":1}]}');
      expect([wrong.status, wrong.body]).toEqual([400, expect.stringContaining('Key: x, Index: 0.  Data types')]);
      const other = await server.post(`/v1/models/${method}:${method === 'classify' ? 'regress' : 'classify'}`, body);
      expect([other.status, other.body]).toEqual([400, expect.stringContaining('signature method_name to be')]);
      await stop(server);
    },
    60_000,
  );
});

describe('a picture', () => {
  it('may be posted as a person would write it', async () => {
    const server = await serve('digits', async (folder) => {
      await mkdir(folder, { recursive: true });
      await cp(DIGITS, folder, { recursive: true });
    });
    const rows = Array.from({ length: 8 }, (_, y) => Array.from({ length: 8 }, (_, x) => (x === 3 ? 16 : y / 4)));
    const ask = async (body: unknown) =>
      JSON.parse((await server.post('/v1/models/digits:predict', body)).body) as Record<string, number[]>;
    const { predictions } = await ask({ instances: [rows.flat()] });
    const [expected] = predictions as unknown as number[][];
    expect(expected).toHaveLength(10);
    for (const body of [{ image: rows }, { image: rows.flat() }, rows]) {
      expect(await ask(body)).toEqual({ outputs: expected });
    }
    const { outputs: batch } = (await ask({ image: [rows, rows] })) as unknown as { outputs: number[][] };
    // Row by row against a batch differs in the last bits.
    const rounded = (row: readonly number[] | undefined) => row?.map((value) => value.toFixed(5));
    expect(batch?.map(rounded)).toEqual([rounded(expected), rounded(expected)]);
    await stop(server);
  }, 60_000);
});

describe('what is told of a model', () => {
  it('has the names that its tensors have in the graph', async () => {
    const server = await serve('told', (folder) => halfPlusThreeSavedModel(folder, 'regress'));
    const get = async (path: string) => {
      const response = await fetch(server.url + path);
      return { status: response.status, body: (await response.json()) as object };
    };
    expect((await get('/v1/models/told/metadata')).body).toMatchObject({
      model_spec: { name: 'told', version: '7' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: { inputs: { dtype: 'DT_STRING', name: 'inputs:0' } },
              method_name: 'tensorflow/serving/regress',
            },
          },
        },
      },
    });
    for (const path of ['/v1/models/told', '/v1/models/told/versions/7']) {
      expect(await get(path)).toMatchObject({
        status: 200,
        body: { model_version_status: [{ version: '7', state: 'AVAILABLE' }] },
      });
    }
    expect(await get('/v1/models/told/versions/8')).toEqual({
      status: 404,
      body: { error: 'Could not find version 8 of model told' },
    });
    expect((await get('/v1/models/told/labels/stable')).status).toBe(400);
    expect((await server.post('/v1/models/told/labels/stable:predict', {})).status).toBe(400);
    await stop(server);
  }, 60_000);
});

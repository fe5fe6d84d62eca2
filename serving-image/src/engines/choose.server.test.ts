import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureNative } from '../build/native.ts';
import { denseGraphModel, denseSavedModel, einsumGraphModel } from '../testing/models.ts';
import { Bench, type Running } from '../testing/server.ts';

let bench: Bench;
beforeAll(async () => {
  await ensureNative(() => undefined);
  bench = await Bench.create();
}, 600_000);
afterAll(() => bench.dispose());

async function serve(name: string, make: (folder: string) => Promise<void>, env: Record<string, string> = {}) {
  await make(join(bench.models, name, '1'));
  return bench.start({ MODEL_NAME: name, MODEL_VERSION: '1', ...env });
}

async function stop(server: Running): Promise<void> {
  server.process.kill('SIGTERM');
  await server.exited;
}

describe('the engine of a model', () => {
  it('is measured where there is a choice, once for all workers, and told with the reason', async () => {
    const server = await serve('dense', denseGraphModel, { WORKERS: '2' });
    const first = await server.logged('worker ready');
    expect(first.reason).toMatch(/^measured (\w+ [\d.]+ ms for 1 row and [\d.]+ ms for 32(, |$)){3}/);
    const { properties } = (await (await fetch(`${server.url}/v2/models/dense`)).json()) as { properties: object };
    expect(properties).toEqual({ engine: first.engine, engine_reason: first.reason });
    // Two measurements never give the same figures: the second worker has not measured.
    expect(await server.logged('worker ready', 2)).toMatchObject({ engine: first.engine, reason: first.reason });
    const answer = await server.post('/v1/models/dense:predict', { instances: [[1, 2, 3]] });
    expect(answer.body).toBe('{"predictions":[[22.5,27.5]]}');
    await stop(server);
  }, 60_000);

  it('is one that can run it', async () => {
    const server = await serve('einsum', einsumGraphModel);
    const { engine, reason } = await server.logged('worker ready');
    expect(['tensorflow', 'cpu']).toContain(engine);
    expect(reason).toMatch(/; not wasm: [^;]*Einsum/);
    const answer = await server.post('/v1/models/einsum:predict', { instances: [[1, 2, 3]] });
    expect(answer.body).toBe('{"predictions":[[22.0,28.0]]}');
    await stop(server);
  }, 60_000);

  it.each([
    ['there is no other', 'saved', denseSavedModel, {}, 'tensorflow', 'a SavedModel runs on tensorflow only'],
    ['it is set', 'set', denseGraphModel, { MODEL_ENGINE: 'cpu' }, 'cpu', 'it was asked for'],
  ] as const)(
    'is not measured where %s',
    async (_, name, make, env, engine, reason) => {
      const server = await serve(name, make, env);
      expect(await server.logged('worker ready')).toMatchObject({ engine, reason });
      await stop(server);
    },
    60_000,
  );

  it('cannot be chosen for a damaged model: the reason is the damage', async () => {
    const server = await serve('damaged', async (folder) => {
      await denseGraphModel(folder);
      await truncate(join(folder, 'weights.bin'), 10);
    });
    expect(await server.exited).toBe(1);
    expect(await bench.terminationMessage()).toMatchObject({ reason: 'ModelMalformed' });
  }, 60_000);
});

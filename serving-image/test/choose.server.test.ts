import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureNative } from '../src/build/native.ts';
import { denseGraphModel, denseSavedModel, einsumGraphModel } from '../testing/models.ts';
import { partOfTwoGraphModel as choosyGraphModel, slowGraphModel } from '../testing/shaped-models.ts';
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

  it('is the first that did not fail, where the model is too slow to be measured on all', async () => {
    const server = await serve('slow', (folder) => slowGraphModel(folder, 40), { LOAD_TIMEOUT_SECONDS: '300' });
    const { engine, reason } = await server.logged('worker ready');
    expect(engine).toBe('tensorflow');
    expect(reason).toMatch(/; not cpu: there was no time to measure it/);
    const answer = await server.post('/v1/models/slow:predict', { instances: [[[1]]] });
    expect(answer.body).toBe('{"predictions":[1.0]}');
    await stop(server);
  }, 300_000);

  it('is not refused for what is made up: a model that takes none of it is served', async () => {
    const server = await serve('choosy', choosyGraphModel);
    const { reason } = await server.logged('worker ready');
    expect(reason).toMatch(/^tensorflow is the first that did not fail: it refuses the requests made up for it/);
    const answer = await server.post('/v1/models/choosy:predict', { inputs: { x: [true, false, true] } });
    expect(answer.body).toBe('{"outputs":[[0],[2]]}');
    await stop(server);
  }, 60_000);

  it('cannot be chosen for a damaged model: the reason is the damage', async () => {
    const server = await serve('damaged', async (folder) => {
      await denseGraphModel(folder);
      await truncate(join(folder, 'weights.bin'), 10);
    });
    expect(await server.exited).toBe(1);
    expect(await bench.terminationMessage()).toMatchObject({ reason: 'ModelMalformed' });
  }, 60_000);
});

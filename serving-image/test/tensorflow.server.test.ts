import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureNative } from '../src/build/native.ts';
import type { DataType } from '../src/model/types.ts';
import {
  denseGraphModel,
  denseLayersModel,
  denseSavedModel,
  constantTextSavedModel,
  embeddingSavedModel,
  fileReadingSavedModel,
  identitySavedModel,
  wideSavedModel,
} from '../testing/models.ts';
import { Bench, type Running } from '../testing/server.ts';

let bench: Bench;
beforeAll(async () => {
  await ensureNative(() => undefined);
  bench = await Bench.create();
}, 600_000);
afterAll(() => bench.dispose());

async function serve(name: string, make: (folder: string) => Promise<void>, flags: string[] = []): Promise<Running> {
  await make(join(bench.models, name, '1'));
  const env = { MODEL_NAME: name, MODEL_VERSION: '1', MODEL_ENGINE: 'tensorflow' };
  const server = await bench.start(env, undefined, flags);
  expect(await server.logged('worker ready')).toMatchObject({ engine: 'tensorflow' });
  return server;
}

async function stop(server: Running): Promise<void> {
  server.process.kill('SIGTERM');
  expect(await server.exited).toBe(0);
}

describe('TensorFlow', () => {
  it.each([
    ['a SavedModel', 'saved', denseSavedModel, 'x'],
    ['a graph model', 'graph', denseGraphModel, 'x'],
    ['a layers model', 'layers', denseLayersModel, undefined],
  ])(
    'runs %s',
    async (_, name, make, input) => {
      const server = await serve(name, make);
      const rows = [
        [1, 2, 3],
        [0, 0, 0],
      ];
      const answer = await server.post(`/v1/models/${name}:predict`, {
        inputs: input === undefined ? rows : { [input]: rows },
      });
      expect(JSON.parse(answer.body)).toEqual({
        outputs: [
          [22.5, 27.5],
          [0.5, -0.5],
        ],
      });
      await stop(server);
    },
    60_000,
  );

  it.each([
    ['FP64', [0.1, -1e300]],
    ['INT64', [-5, 9007199254740991]],
    ['UINT64', [0, 9007199254740991]],
    ['UINT32', [0, 4294967295]],
    ['INT16', [-32768, 32767]],
    ['UINT16', [0, 65535]],
    ['INT8', [-128, 127]],
    ['UINT8', [0, 255]],
    ['BOOL', [true, false]],
    ['BYTES', ['', 'grün']],
    ['BYTES', ['', 'a text too long to lie in its own descriptor']],
  ] as [DataType, unknown[]][])(
    'carries %s without loss',
    async (datatype, data) => {
      const server = await serve(datatype, (folder) => identitySavedModel(folder, datatype));
      const answer = await server.post(`/v2/models/${datatype}/infer`, {
        inputs: [{ name: 'x', datatype, shape: [2], data }],
      });
      expect(JSON.parse(answer.body)).toMatchObject({ outputs: [{ datatype, data }] });
      await stop(server);
    },
    60_000,
  );

  it('keeps its constant texts, however often they are answered', async () => {
    const label = 'a label too long to lie in its own descriptor';
    const server = await serve('label', (folder) => constantTextSavedModel(folder, label));
    for (let i = 0; i < 3; i++) {
      const answer = await server.post('/v2/models/label/infer', {
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [i] }],
      });
      expect(JSON.parse(answer.body)).toMatchObject({ outputs: [{ data: [label] }] });
    }
    await stop(server);
  }, 60_000);

  it('that refuses a value is a 400 in its words, and the worker lives on', async () => {
    const server = await serve('embedding', embeddingSavedModel);
    const workers = await server.workers();
    const ask = (ids: number[]) => server.post('/v1/models/embedding:predict', { instances: ids });
    const bad = await ask([1, 9]);
    expect([bad.status, JSON.parse(bad.body)]).toEqual([
      400,
      { error: 'the model could not be run on this input: indices[1] = 9 is not in [0, 4)' },
    ]);
    expect(await server.metric(/^modeldeployment_engine_tensors/)).toBe(0);
    const good = await ask([3]);
    expect(JSON.parse(good.body)).toEqual({ predictions: [[30, 31]] });
    expect(await server.workers()).toEqual(workers);
    await stop(server);
  }, 60_000);

  it('multiplies large matrices while signals arrive, one each millisecond from the profiler', async () => {
    const profiled = ['--cpu-prof', `--cpu-prof-dir=${join(bench.models, 'profiles')}`];
    const server = await serve('wide', wideSavedModel, profiled);
    const workers = await server.workers();
    const rows = Array.from({ length: 32 }, () => Array.from({ length: 784 }, () => 0));
    for (let i = 0; i < 20; i++) {
      const { status } = await server.post('/v1/models/wide:predict', { instances: rows });
      expect(status).toBe(200);
    }
    expect(await server.workers()).toEqual(workers);
    await stop(server);
  }, 60_000);

  it('never sees a model that reads files', async () => {
    await fileReadingSavedModel(join(bench.models, 'reader/1'));
    const server = await bench.start({ MODEL_NAME: 'reader' });
    expect(await server.exited).toBe(1);
    expect(await bench.terminationMessage()).toMatchObject({
      reason: 'ModelRefused',
      message: expect.stringContaining('ReadFile'),
    });
  }, 60_000);
});

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureNative } from '../src/build/native.ts';
import { returningState, STATEFUL, writeLayersModel } from '../testing/layers-models.ts';
import { PREDICT, Rpc, V2 } from '../testing/grpc.ts';
import { Bench, type Running } from '../testing/server.ts';
import { partOfTwoGraphModel, whatItHoldsGraphModel } from '../testing/shaped-models.ts';
import { TFJS_FORMS, writeTable, writeTfjsForm } from '../testing/tfjs-forms.ts';

let bench: Bench;
beforeAll(async () => {
  await ensureNative(() => undefined);
  bench = await Bench.create();
}, 600_000);
afterAll(() => bench.dispose());

const ENGINES = ['tensorflow', 'wasm', 'cpu'] as const;

async function served(name: string, engine: string, test: (server: Running) => Promise<void>): Promise<void> {
  const server = await bench.start({ MODEL_NAME: name, MODEL_ENGINE: engine });
  await server.logged('worker ready');
  await test(server);
  server.process.kill('SIGTERM');
  await server.exited;
}

const tensors = (server: Running) => server.metric(/^modeldeployment_engine_tensors/);

describe('what a run leaves behind', () => {
  it.each(ENGINES)(
    'is nothing, and no weight is taken away, whatever the outputs are: %s',
    async (engine) => {
      await whatItHoldsGraphModel(join(bench.models, 'holds/1'));
      await served('holds', engine, async (server) => {
        const ask = () => server.post('/v1/models/holds:predict', { inputs: { x: [[1, 2, 3]] } });
        const first = await ask();
        expect(JSON.parse(first.body)).toEqual({
          outputs: { y: [[22.5, 27.5]], again: [[22.5, 27.5]], bias: [0.5, -0.5], copy: [0.5, -0.5], x: [[1, 2, 3]] },
        });
        const before = await tensors(server);
        for (let i = 0; i < 5; i++) expect((await ask()).body).toBe(first.body);
        expect(await tensors(server)).toBe(before);
      });
    },
    60_000,
  );

  it.each(ENGINES)(
    'is nothing where it fails half-way: %s',
    async (engine) => {
      await partOfTwoGraphModel(join(bench.models, 'part/1'));
      await served('part', engine, async (server) => {
        const ask = (...x: boolean[]) => server.post('/v1/models/part:predict', { inputs: { x } });
        expect((await ask(true, false, true)).body).toBe('{"outputs":[[0],[2]]}');
        const before = await tensors(server);
        for (let i = 0; i < 5; i++) expect((await ask(true, true, true)).status).toBe(400);
        expect((await ask(false, true, true)).body).toBe('{"outputs":[[1],[2]]}');
        expect(await tensors(server)).toBe(before);
      });
    },
    60_000,
  );
});

describe('a layer that remembers what it was asked', () => {
  it.each(Object.keys(STATEFUL))(
    'answers every request anew: %s',
    async (name) => {
      const made = STATEFUL[name]?.();
      if (!made) throw new Error('there is no such model');
      const expected = await writeLayersModel(join(bench.models, name, '1'), made, 0.5);
      await served(name, 'cpu', async (server) => {
        const shape = made.inputs[0]?.shape as number[];
        const data = new Array<number>(shape.reduce((a, b) => a * b)).fill(0.5);
        const { inputs } = (await (await fetch(`${server.url}/v2/models/${name}`)).json()) as {
          inputs: [{ name: string }];
        };
        const body = { inputs: [{ name: inputs[0].name, datatype: 'FP32', shape, data }] };
        let before: number | undefined;
        for (let i = 0; i < 4; i++) {
          const answer = await server.post(`/v2/models/${name}/infer`, body);
          const { outputs } = JSON.parse(answer.body) as { outputs: { data: number[] }[] };
          const got = outputs.flatMap((output) => output.data);
          expect(got).toHaveLength(expected.length);
          got.forEach((value, place) => expect(value).toBeCloseTo(expected[place] ?? NaN, 5));
          if (i === 1) before = await tensors(server);
        }
        expect(await tensors(server)).toBe(before);
      });
    },
    60_000,
  );
});

describe('outputs of one layer', () => {
  it('have names of their own in both protocols, over REST and gRPC', async () => {
    const expected = await writeLayersModel(join(bench.models, 'state/1'), returningState(), 0.5);
    await served('state', 'cpu', async (server) => {
      const row = [
        [0.5, 0.5],
        [0.5, 0.5],
        [0.5, 0.5],
        [0.5, 0.5],
      ];
      const names = ['lstm', 'lstm_1', 'lstm_2'];
      const metadata = (await (await fetch(`${server.url}/v2/models/state`)).json()) as { outputs: { name: string }[] };
      expect(metadata.outputs.map(({ name }) => name)).toEqual(names);
      const v1 = JSON.parse((await server.post('/v1/models/state:predict', { instances: [row] })).body) as {
        predictions: [Record<string, number[]>];
      };
      expect(Object.keys(v1.predictions[0])).toEqual(names);
      const answer = await server.post('/v2/models/state/infer', {
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4, 2], data: row.flat() }],
        outputs: names.map((name) => ({ name })),
      });
      const { outputs } = JSON.parse(answer.body) as { outputs: { name: string; data: number[] }[] };
      expect(outputs.map(({ name }) => name)).toEqual(names);
      outputs.flatMap(({ data }) => data).forEach((value, i) => expect(value).toBeCloseTo(expected[i] ?? NaN, 5));
      const rpc = new Rpc(server.grpc);
      const x = { name: 'x', datatype: 'FP32', shape: [1, 4, 2], contents: { fp32_contents: row.flat() } };
      const asked = { model_name: 'state', inputs: [x], outputs: names.map((name) => ({ name })) };
      const told = names.map((name) => expect.objectContaining({ name }));
      expect(await rpc.call(V2, 'ModelMetadata', { name: 'state' })).toMatchObject({ outputs: told });
      expect(await rpc.call(V2, 'ModelConfig', { name: 'state' })).toMatchObject({ config: { output: told } });
      expect(await rpc.call(V2, 'ModelInfer', asked)).toMatchObject({ outputs: told });
      const predicted = await rpc.call(PREDICT, 'Predict', {
        model_spec: { name: 'state' },
        inputs: {
          x: { dtype: 1, tensor_shape: { dim: [1, 4, 2].map((size) => ({ size })) }, float_val: row.flat() },
        },
      });
      expect(Object.keys(predicted.outputs as object).sort()).toEqual(names);
      rpc.close();
    });
  }, 60_000);
});

describe('a model as it was saved', () => {
  it.each(Object.keys(TFJS_FORMS).map((form, i) => [form, `form${i}`] as const))(
    'is served: %s',
    async (form, name) => {
      await writeTfjsForm(join(bench.models, name, '1'), form);
      await served(name, 'cpu', async (server) => {
        expect((await server.post(`/v1/models/${name}:predict`, { instances: [[1, 2, 3]] })).body).toBe(
          '{"predictions":[[22.5,27.5]]}',
        );
      });
    },
    60_000,
  );

  it('may have a table that is filled when it is loaded', async () => {
    await writeTable(join(bench.models, 'table/1'));
    await served('table', 'cpu', async (server) => {
      const answer = await server.post('/v1/models/table:predict', { instances: ['green', 'x', 'red'] });
      expect(answer.body).toBe('{"predictions":[1,-1,0]}');
    });
  }, 60_000);
});

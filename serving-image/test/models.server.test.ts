import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureNative } from '../src/build/native.ts';
import { joinSavedModel, rowSumSavedModel, severalGraphModel, severalSavedModel } from '../testing/shaped-models.ts';
import { Bench, type Running } from '../testing/server.ts';

const MODELS = fileURLToPath(new URL('../../models', import.meta.url));

let bench: Bench;
beforeAll(async () => {
  await ensureNative(() => undefined);
  bench = await Bench.create();
}, 600_000);
afterAll(() => bench.dispose());

async function start(name: string, engine: string): Promise<Running> {
  const server = await bench.start({ MODEL_NAME: name, MODEL_VERSION: '1', MODEL_ENGINE: engine });
  expect(await server.logged('worker ready')).toMatchObject({ engine });
  return server;
}

/** One of the committed models, with its golden answers. */
async function serve(model: string, format: 'saved_model' | 'tfjs', engine: string): Promise<Running> {
  const name = `${model}-${format}-${engine}`;
  const folder = join(bench.models, name, '1');
  await cp(join(MODELS, model, format), folder, { recursive: true });
  // TensorFlow.js has no text, so it gives fewer of the outputs.
  const { requests } = JSON.parse(await readFile(join(MODELS, model, 'golden.json'), 'utf8')) as Golden;
  if (format === 'saved_model') await cp(join(MODELS, model, 'golden.json'), join(folder, 'golden.json'));
  const server = await start(name, engine);
  const [, all] = requests;
  const inputs = all?.inputs ?? [];
  const { body } = await server.post(`/v2/models/${name}/infer`, { inputs });
  const rows = inputs[0]?.shape[0] ?? 0;
  const width = (inputs[0]?.data.length ?? 0) / rows;
  const nested = Array.from({ length: rows }, (_, i) => nest(inputs[0], i, width));
  const columns = await server.post(`/v1/models/${name}:predict`, { inputs: { [inputs[0]?.name ?? '']: nested } });
  answers.set(server, { v2: JSON.parse(body) as Answer, v1: JSON.parse(columns.body) as { outputs: unknown } });
  return server;
}

interface Tensor {
  name: string;
  shape: number[];
  data: (number | string)[];
}
interface Golden {
  requests: { inputs: Tensor[]; outputs: Tensor[] }[];
}
interface Answer {
  outputs: Tensor[];
}
const answers = new WeakMap<Running, { v2: Answer; v1: { outputs: unknown } }>();

/** Row `i` in the shape that the model has for it. */
function nest(tensor: Tensor | undefined, i: number, width: number): unknown {
  const flat = tensor?.data.slice(i * width, (i + 1) * width) ?? [];
  const inner = tensor?.shape.slice(1) ?? [];
  const side = inner.length === 2 ? (inner[1] ?? 1) : 0;
  if (side === 0) return flat;
  return Array.from({ length: flat.length / side }, (_, y) => flat.slice(y * side, (y + 1) * side));
}

async function stop(server: Running): Promise<void> {
  server.process.kill('SIGTERM');
  expect(await server.exited).toBe(0);
}

const read = async <T>(...path: string[]) => JSON.parse(await readFile(join(MODELS, ...path), 'utf8')) as T;
const rowsOf = async (model: string): Promise<number[][]> => {
  const [input] = (await read<Golden>(model, 'golden.json')).requests[1]?.inputs ?? [];
  const width = (input?.data.length ?? 0) / (input?.shape[0] ?? 1);
  return Array.from(
    { length: input?.shape[0] ?? 0 },
    (_, i) => input?.data.slice(i * width, (i + 1) * width) as number[],
  );
};
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

/** Absolute, or relative where the numbers are large. */
function expectClose(got: readonly unknown[] | undefined, expected: readonly number[]): void {
  expect(got).toHaveLength(expected.length);
  const worst = Math.max(
    ...expected.map((value, i) => Math.abs(Number(got?.[i]) - value) / Math.max(1, Math.abs(value))),
  );
  expect(worst).toBeLessThanOrEqual(1e-5);
}

const output = (server: Running, name: string) =>
  answers.get(server)?.v2.outputs.find((tensor) => tensor.name === name)?.data;

describe('a linear regression', () => {
  it.each([
    ['saved_model', 'tensorflow'],
    ['tfjs', 'tensorflow'],
    ['tfjs', 'wasm'],
    ['tfjs', 'cpu'],
  ] as const)(
    'answers as its formula does: %s on %s',
    async (format, engine) => {
      const server = await serve('linear-regression', format, engine);
      const { weights, intercept } = await read<{ weights: number[]; intercept: number }>(
        'linear-regression',
        'formula.json',
      );
      const expected = (await rowsOf('linear-regression')).map((row) => dot(row, weights) + intercept);
      expectClose(output(server, 'progression'), expected);
      expectClose(answers.get(server)?.v1.outputs as number[], expected);
      await stop(server);
    },
    60_000,
  );
});

describe('a support vector machine with a kernel', () => {
  interface Formula {
    mean: number[];
    deviation: number[];
    vectors: number[][];
    coefficients: number[];
    gamma: number;
    intercept: number;
    names: string[];
  }

  it.each([
    ['saved_model', 'tensorflow'],
    ['tfjs', 'tensorflow'],
    ['tfjs', 'wasm'],
    ['tfjs', 'cpu'],
  ] as const)(
    'answers as its formula does: %s on %s',
    async (format, engine) => {
      const server = await serve('kernel-svm', format, engine);
      const { mean, deviation, vectors, coefficients, gamma, intercept, names } = await read<Formula>(
        'kernel-svm',
        'formula.json',
      );
      const expected = (await rowsOf('kernel-svm')).map((row) => {
        const z = row.map((value, i) => (value - (mean[i] ?? 0)) / (deviation[i] ?? 1));
        const kernel = vectors.map((vector) =>
          Math.exp(-gamma * vector.reduce((sum, value, i) => sum + (value - (z[i] ?? 0)) ** 2, 0)),
        );
        return dot(kernel, coefficients) + intercept;
      });
      expectClose(output(server, 'decision'), expected);
      if (format === 'saved_model') {
        const words = expected.map((decision) => names[Number(decision > 0)]);
        expect(new Set(words).size).toBe(2);
        expect(output(server, 'diagnosis')).toEqual(words);
        expect(answers.get(server)?.v1.outputs).toMatchObject({ diagnosis: words });
      }
      await stop(server);
    },
    60_000,
  );
});

describe('a network of 784, 64, 64 and 10 units', () => {
  /** Layers of the network, from the bytes of the TensorFlow.js model: each a multiple of 1/128 from -1. */
  async function layers(): Promise<{ weights: number[][]; bias: number[] }[]> {
    interface Weight {
      name: string;
      shape: number[];
      dtype: string;
    }
    const model = await read<{ weightsManifest: { paths: string[]; weights: Weight[] }[] }>(
      'digits-28x28/tfjs/model.json',
    );
    const [group] = model.weightsManifest;
    const bytes = await readFile(join(MODELS, 'digits-28x28/tfjs', group?.paths[0] ?? ''));
    let at = 0;
    const matrices: number[][][] = [];
    const biases: number[][] = [];
    for (const { shape, dtype } of group?.weights ?? []) {
      const size = shape.reduce((product, value) => product * value, 1);
      const width = dtype === 'float32' ? 1 : 4;
      const values = [...bytes.subarray(at, at + size)].map((byte) => byte / 128 - 1);
      at += size * width;
      if (dtype !== 'float32') continue;
      const [rows = 0, columns = 0] = shape;
      if (shape.length === 1) biases.push(values);
      else
        matrices.push(
          Array.from({ length: columns }, (_, j) =>
            Array.from({ length: rows }, (_, i) => values[i * columns + j] ?? 0),
          ),
        );
    }
    const sized = (outputs: number, inputs: number) =>
      matrices.find((m) => m.length === outputs && m[0]?.length === inputs) ?? [];
    const [first = [], second = []] = biases.filter((bias) => bias.length === 64);
    const last = biases.find((bias) => bias.length === 10) ?? [];
    return [
      { weights: sized(64, 784), bias: first },
      { weights: sized(64, 64), bias: second },
      { weights: sized(10, 64), bias: last },
    ];
  }

  const forward = (row: number[], network: Awaited<ReturnType<typeof layers>>): number[] => {
    let hidden = row;
    network.forEach(({ weights, bias }, layer) => {
      hidden = weights.map((column, j) => dot(column, hidden) + (bias[j] ?? 0));
      if (layer < 2) hidden = hidden.map((value) => Math.max(0, value));
    });
    const powers = hidden.map((value) => Math.exp(value - Math.max(...hidden)));
    return powers.map((power) => power / powers.reduce((sum, value) => sum + value, 0));
  };

  it.each([
    ['saved_model', 'tensorflow'],
    ['tfjs', 'tensorflow'],
    ['tfjs', 'wasm'],
    ['tfjs', 'cpu'],
  ] as const)(
    'answers as its formula does: %s on %s',
    async (format, engine) => {
      const server = await serve('digits-28x28', format, engine);
      const network = await layers();
      const expected = (await rowsOf('digits-28x28')).map((row) => forward(row, network));
      expectClose(output(server, 'probabilities'), expected.flat());
      expectClose((answers.get(server)?.v1.outputs as number[][]).flat(), expected.flat());
      await stop(server);
    },
    60_000,
  );

  it('takes a picture as a person would write it', async () => {
    const server = await serve('digits-28x28', 'tfjs', 'wasm');
    const golden = await read<Golden>('digits-28x28', 'golden.json');
    const [input] = golden.requests[0]?.inputs ?? [];
    const image = nest(input && { ...input, shape: [1, 28, 28] }, 0, 784);
    const { body } = await server.post('/v1/models/digits-28x28-tfjs-wasm:predict', { image });
    const expected = golden.requests[0]?.outputs[0]?.data as number[];
    expectClose((JSON.parse(body) as { outputs: number[] }).outputs, expected);
    await stop(server);
  }, 60_000);
});

describe('a model with several inputs and outputs, some of them scalars', () => {
  it.each([
    ['tensorflow', severalSavedModel],
    ['wasm', severalGraphModel],
    ['cpu', severalGraphModel],
  ] as const)(
    'is asked and answers by name: %s',
    async (engine, make) => {
      const name = `several-${engine}`;
      await make(join(bench.models, name, '1'));
      const server = await start(name, engine);
      const tensor = (of: string, shape: number[], data: number[]) => ({ name: of, datatype: 'FP32', shape, data });
      const v2 = await server.post(`/v2/models/${name}/infer`, {
        // In another order than the signature's.
        inputs: [
          tensor('scale', [], [10]),
          tensor('b', [2, 3], [1, 1, 1, 2, 2, 2]),
          tensor('a', [2, 3], [0, 1, 2, 3, 4, 5]),
        ],
      });
      expect(JSON.parse(v2.body)).toMatchObject({
        outputs: expect.arrayContaining([
          { name: 'sum', datatype: 'FP32', shape: [2, 3], data: [10, 20, 30, 50, 60, 70] },
          { name: 'total', datatype: 'FP32', shape: [], data: [240] },
        ]),
      });
      const only = await server.post(`/v2/models/${name}/infer`, {
        inputs: [tensor('a', [1, 3], [1, 2, 3]), tensor('b', [1, 3], [0, 0, 0]), tensor('scale', [], [2])],
        outputs: [{ name: 'total' }],
      });
      expect((JSON.parse(only.body) as Answer).outputs).toEqual([
        { name: 'total', datatype: 'FP32', shape: [], data: [12] },
      ]);
      const v1 = await server.post(`/v1/models/${name}:predict`, {
        inputs: { a: [[1, 2, 3]], b: [[0, 0, 0]], scale: 2 },
      });
      expect(JSON.parse(v1.body)).toEqual({ outputs: { sum: [[2, 4, 6]], total: 12 } });
      const rows = await server.post(`/v1/models/${name}:predict`, {
        instances: [{ a: [1, 2, 3], b: [0, 0, 0], scale: 2 }],
      });
      expect(rows.status).toBe(400);
      await stop(server);
    },
    60_000,
  );
});

describe('a model of texts', () => {
  it('gets and gives them as they are', async () => {
    await joinSavedModel(join(bench.models, 'join/1'));
    const server = await start('join', 'tensorflow');
    const input = (name: string, data: string[]) => ({ name, datatype: 'BYTES', shape: [data.length], data });
    const v2 = await server.post('/v2/models/join/infer', {
      inputs: [input('first', ['a', 'grün', '']), input('second', ['b', '💡', ''])],
    });
    expect(JSON.parse(v2.body)).toMatchObject({
      outputs: [{ name: 'joined', datatype: 'BYTES', shape: [3], data: ['ab', 'grün💡', ''] }],
    });
    const v1 = await server.post('/v1/models/join:predict', {
      instances: [{ first: 'x', second: { b64: Buffer.from('yz').toString('base64') } }],
    });
    expect(JSON.parse(v1.body)).toEqual({ predictions: ['xyz'] });
    await stop(server);
  }, 60_000);
});

describe('requests of different sizes at the same time', () => {
  it('each get their own rows, whatever the sizes that are free', async () => {
    await rowSumSavedModel(join(bench.models, 'rows/1'));
    const server = await start('rows', 'tensorflow');
    const sizes = Array.from({ length: 60 }, (_, i) => [1 + ((i * 7) % 11), 1 + ((i * 5) % 6)] as const);
    const all = await Promise.all(
      sizes.map(async ([rows, columns], i) => {
        const x = Array.from({ length: rows }, (_, y) => Array.from({ length: columns }, (_, k) => i + y * 100 + k));
        const { body } = await server.post('/v1/models/rows:predict', { instances: x });
        return [
          JSON.parse(body) as unknown,
          { predictions: x.map((row) => row.reduce((sum, value) => sum + value, 0)) },
        ];
      }),
    );
    for (const [got, expected] of all) expect(got).toEqual(expected);
    const ragged = await server.post('/v1/models/rows:predict', { instances: [[1, 2], [3]] });
    expect(ragged.status).toBe(400);
    const empty = await server.post('/v2/models/rows/infer', {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [0, 3], data: [] }],
    });
    expect(empty.status).toBe(400);
    await stop(server);
  }, 60_000);
});

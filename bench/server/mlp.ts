/** The model of the bench: 784-128-10, relu and softmax, of one seed, in every format that a contestant reads. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seeded } from '../../serving-image/testing/numbers.ts';
import { attribute, constant, placeholder, writeSavedModel } from '../../serving-image/testing/saved-model.ts';
import { writeOnnx } from '../../conformance/peers/onnx.ts';

export const MLP = 'mlp';
export const INPUT = { name: 'image', dtype: 'FP32' as const, shape: [-1, 784] };
export const OUTPUT = { name: 'probabilities', dtype: 'FP32' as const, shape: [-1, 10] };

const random = seeded(784);
const uniform = (count: number, bound: number) =>
  Float32Array.from({ length: count }, () => (2 * random() - 1) * bound);
const WEIGHTS = [
  { name: 'w1', dtype: 'FP32' as const, shape: [784, 128], data: uniform(784 * 128, 0.1) },
  { name: 'b1', dtype: 'FP32' as const, shape: [128], data: uniform(128, 0.1) },
  { name: 'w2', dtype: 'FP32' as const, shape: [128, 10], data: uniform(1280, 0.2) },
  { name: 'b2', dtype: 'FP32' as const, shape: [10], data: uniform(10, 0.2) },
];

/** Pixels from 0 to 1, as many decimals as asked for. */
export function pictures(count: number, digits: 'whole' | 'four' | 'all', seed = 1): number[][] {
  const next = seeded(seed);
  const pixel = { whole: () => Math.floor(next() * 256), four: () => Number(next().toFixed(4)), all: () => next() }[
    digits
  ];
  return Array.from({ length: count }, () => Array.from({ length: 784 }, pixel));
}

/** What the model answers, computed in float64. */
export function expected(rows: readonly (readonly number[])[]): number[] {
  const [w1, b1, w2, b2] = WEIGHTS.map(({ data }) => data) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const dense = (x: readonly number[], w: Float32Array, b: Float32Array) =>
    Array.from(b, (bias, j) => x.reduce((sum, value, i) => sum + value * (w[i * b.length + j] ?? 0), bias));
  return rows.flatMap((row) => {
    const hidden = dense(row, w1, b1).map((value) => Math.max(0, value));
    const exps = dense(hidden, w2, b2).map(Math.exp);
    const total = exps.reduce((sum, value) => sum + value, 0);
    return exps.map((value) => value / total);
  });
}

/** Where `writeMlp` puts things. */
export interface MlpFolders {
  /** Model repositories of one model each. */
  savedModel: string;
  tfjs: string;
  /** For the peers: mlp.onnx, mlp/1 and mlp-layers/1. */
  peers: string;
}

/** A SavedModel of the same inputs and outputs with two large hidden layers, about 10 million multiplications a row. */
export async function writeLargeMlp(folder: string): Promise<void> {
  const sizes = [784, 3072, 2560, 10];
  const T = attribute.type('FP32');
  const nodes = sizes.slice(1).flatMap((size, i) => {
    const [before = 0] = [sizes[i]];
    const last = i === sizes.length - 2;
    return [
      constant(`w${i}`, 'FP32', [before, size], uniform(before * size, Math.sqrt(3 / before))),
      { name: `product${i}`, op: 'MatMul', input: [i === 0 ? INPUT.name : `x${i}`, `w${i}`], attributes: { T } },
      {
        name: last ? OUTPUT.name : `x${i + 1}`,
        op: last ? 'Softmax' : 'Relu',
        input: [`product${i}`],
        attributes: { T },
      },
    ];
  });
  await writeSavedModel(join(folder, MLP, '1'), [placeholder(INPUT), ...nodes], { inputs: [INPUT], outputs: [OUTPUT] });
}

export async function writeMlp(folder: string): Promise<MlpFolders> {
  const folders = { savedModel: join(folder, 'saved'), tfjs: join(folder, 'tfjs'), peers: join(folder, 'peers') };
  await savedModel(join(folders.savedModel, MLP, '1'));
  await savedModel(join(folders.peers, MLP, '1'));
  await graphModel(join(folders.tfjs, MLP, '1'));
  await layersModel(join(folders.peers, `${MLP}-layers`, '1'));
  await writeOnnx(join(folders.peers, `${MLP}.onnx`), {
    inputs: [INPUT],
    outputs: [OUTPUT],
    constants: WEIGHTS,
    nodes: [
      { op: 'Gemm', inputs: ['image', 'w1', 'b1'], output: 'sum1' },
      { op: 'Relu', inputs: ['sum1'], output: 'hidden' },
      { op: 'Gemm', inputs: ['hidden', 'w2', 'b2'], output: 'sum2' },
      { op: 'Softmax', inputs: ['sum2'], output: 'probabilities' },
    ],
  });
  return folders;
}

/** The graph both formats of TensorFlow have. */
const GRAPH = [
  { name: 'product1', op: 'MatMul', input: ['image', 'w1'] },
  { name: 'sum1', op: 'BiasAdd', input: ['product1', 'b1'] },
  { name: 'hidden', op: 'Relu', input: ['sum1'] },
  { name: 'product2', op: 'MatMul', input: ['hidden', 'w2'] },
  { name: 'sum2', op: 'BiasAdd', input: ['product2', 'b2'] },
  { name: 'probabilities', op: 'Softmax', input: ['sum2'] },
];

async function savedModel(folder: string): Promise<void> {
  const T = attribute.type('FP32');
  const nodes = [
    placeholder(INPUT),
    ...WEIGHTS.map(({ name, dtype, shape, data }) => constant(name, dtype, shape, data)),
    ...GRAPH.map((node) => ({ ...node, attributes: { T } })),
  ];
  await writeSavedModel(folder, nodes, { inputs: [INPUT], outputs: [OUTPUT] });
}

const manifest = (names: readonly string[]) => [
  { paths: ['weights.bin'], weights: WEIGHTS.map(({ shape }, i) => ({ name: names[i], shape, dtype: 'float32' })) },
];

async function write(folder: string, model: object): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.json'), JSON.stringify(model));
  await writeFile(
    join(folder, 'weights.bin'),
    Buffer.concat(WEIGHTS.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))),
  );
}

async function graphModel(folder: string): Promise<void> {
  const T = { type: 'DT_FLOAT' };
  const sizes = (shape: readonly number[]) => ({ dim: shape.map((size) => ({ size: String(size) })) });
  const info = ({ name, shape }: typeof INPUT) => ({ name: `${name}:0`, dtype: T.type, tensorShape: sizes(shape) });
  await write(folder, {
    format: 'graph-model',
    modelTopology: {
      node: [
        { name: 'image', op: 'Placeholder', attr: { dtype: T, shape: { shape: sizes(INPUT.shape) } } },
        ...WEIGHTS.map(({ name, shape }) => ({
          name,
          op: 'Const',
          attr: { dtype: T, value: { tensor: { dtype: T.type, tensorShape: sizes(shape) } } },
        })),
        ...GRAPH.map((node) => ({ ...node, attr: { T } })),
      ],
      versions: { producer: 1286 },
    },
    signature: { inputs: { image: info(INPUT) }, outputs: { probabilities: info(OUTPUT) } },
    weightsManifest: manifest(WEIGHTS.map(({ name }) => name)),
  });
}

async function layersModel(folder: string): Promise<void> {
  const layer = (name: string, units: number, activation: string, first = {}) => ({
    class_name: 'Dense',
    config: { name, dtype: 'float32', units, activation, use_bias: true, trainable: true, ...first },
  });
  const layers = [layer('dense1', 128, 'relu', { batch_input_shape: [null, 784] }), layer('dense2', 10, 'softmax')];
  const config = { name: MLP, layers };
  await write(folder, {
    format: 'layers-model',
    modelTopology: {
      class_name: 'Sequential',
      config,
      keras_version: '2.15.0',
      backend: 'tensorflow',
      model_config: { class_name: 'Sequential', config },
    },
    weightsManifest: manifest(['dense1/kernel', 'dense1/bias', 'dense2/kernel', 'dense2/bias']),
  });
}

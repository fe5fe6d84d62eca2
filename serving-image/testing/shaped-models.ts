/** Models for what tensors can look like: several, scalars, strings, free sizes. Test code only. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TensorSpec } from '../src/model/types.ts';
import { attribute, constant, placeholder, writeSavedModel } from './saved-model.ts';

const float = (name: string, ...shape: number[]): TensorSpec => ({ name, dtype: 'FP32', shape });
const T = { T: attribute.type('FP32') };

const SEVERAL = {
  inputs: [float('a', -1, 3), float('b', -1, 3), float('scale')],
  outputs: [float('sum', -1, 3), float('total')],
};

/** sum = (a + b) · scale, and total, a scalar: the sum of all its elements. */
export async function severalSavedModel(folder: string): Promise<void> {
  await writeSavedModel(
    folder,
    [
      ...SEVERAL.inputs.map(placeholder),
      { name: 'added', op: 'AddV2', input: ['a', 'b'], attributes: T },
      { name: 'sum', op: 'Mul', input: ['added', 'scale'], attributes: T },
      constant('axes', 'INT32', [2], Int32Array.from([0, 1])),
      {
        name: 'total',
        op: 'Sum',
        input: ['sum', 'axes'],
        attributes: { ...T, Tidx: attribute.type('INT32'), keep_dims: attribute.flag(false) },
      },
    ],
    SEVERAL,
  );
}

/** y = x less the mean of all rows: a row alone gets 0. */
export async function minusMeanSavedModel(folder: string): Promise<void> {
  await writeSavedModel(
    folder,
    [
      placeholder(float('x', -1, 1)),
      constant('axis', 'INT32', [1], Int32Array.from([0])),
      {
        name: 'mean',
        op: 'Mean',
        input: ['x', 'axis'],
        attributes: { ...T, Tidx: attribute.type('INT32'), keep_dims: attribute.flag(true) },
      },
      { name: 'y', op: 'Sub', input: ['x', 'mean'], attributes: T },
    ],
    { inputs: [float('x', -1, 1)], outputs: [float('y', -1, 1)] },
  );
}

/** The same, as a TensorFlow.js graph model. */
export async function minusMeanGraphModel(folder: string): Promise<void> {
  await writeGraphModel(folder, {
    node: [
      { name: 'x', op: 'Placeholder', attr: { dtype: FLOAT, shape: { shape: SHAPE(-1, 1) } } },
      weight('axis', 'DT_INT32', 1),
      {
        name: 'mean',
        op: 'Mean',
        input: ['x', 'axis'],
        attr: { T: FLOAT, Tidx: { type: 'DT_INT32' }, keep_dims: { b: true } },
      },
      { name: 'y', op: 'Sub', input: ['x', 'mean'], attr: { T: FLOAT } },
    ],
    signature: { inputs: { x: info('x:0', 'DT_FLOAT', -1, 1) }, outputs: { y: info('y:0', 'DT_FLOAT', -1, 1) } },
    weights: [{ name: 'axis', shape: [1], dtype: 'int32' }],
    data: Int32Array.from([0]),
  });
}

const SHAPE = (...sizes: number[]) => ({ dim: sizes.map((size) => ({ size: String(size) })) });
const FLOAT = { type: 'DT_FLOAT' };
const info = (name: string, dtype: string, ...sizes: number[]) => ({ name, dtype, tensorShape: SHAPE(...sizes) });
const weight = (name: string, dtype: string, ...sizes: number[]) => ({
  name,
  op: 'Const',
  attr: { dtype: { type: dtype }, value: { tensor: { dtype, tensorShape: SHAPE(...sizes) } } },
});

/** A dense layer that answers besides: the same under another name, a weight, a copy of it, and its input. */
export async function whatItHoldsGraphModel(folder: string): Promise<void> {
  await writeGraphModel(folder, {
    node: [
      { name: 'x', op: 'Placeholder', attr: { dtype: FLOAT, shape: { shape: SHAPE(-1, 3) } } },
      weight('w', 'DT_FLOAT', 3, 2),
      weight('b', 'DT_FLOAT', 2),
      {
        name: 'product',
        op: 'MatMul',
        input: ['x', 'w'],
        attr: { T: FLOAT, transpose_a: { b: false }, transpose_b: { b: false } },
      },
      { name: 'y', op: 'AddV2', input: ['product', 'b'], attr: { T: FLOAT } },
      { name: 'copy', op: 'Identity', input: ['b'], attr: { T: FLOAT } },
    ],
    signature: {
      inputs: { x: info('x:0', 'DT_FLOAT', -1, 3) },
      outputs: {
        y: info('y:0', 'DT_FLOAT', -1, 2),
        again: info('y:0', 'DT_FLOAT', -1, 2),
        bias: info('b:0', 'DT_FLOAT', 2),
        copy: info('copy:0', 'DT_FLOAT', 2),
        x: info('x:0', 'DT_FLOAT', -1, 3),
      },
    },
    weights: [
      { name: 'w', shape: [3, 2], dtype: 'float32' },
      { name: 'b', shape: [2], dtype: 'float32' },
    ],
    data: Float32Array.from([1, 2, 3, 4, 5, 6, 0.5, -0.5]),
  });
}

/** Answers the places of two that are true; any other number of them fails, when some of the graph has been run. */
export async function partOfTwoGraphModel(folder: string): Promise<void> {
  await writeGraphModel(folder, {
    node: [
      { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_BOOL' }, shape: { shape: SHAPE(-1) } } },
      weight('shape', 'DT_INT32', 2),
      { name: 'places', op: 'Where', input: ['x'], attr: { T: { type: 'DT_BOOL' } } },
      {
        name: 'y',
        op: 'Reshape',
        input: ['places', 'shape'],
        attr: { T: { type: 'DT_INT32' }, Tshape: { type: 'DT_INT32' } },
      },
    ],
    signature: { inputs: { x: info('x:0', 'DT_BOOL', -1) }, outputs: { y: info('y:0', 'DT_INT32', 2, 1) } },
    weights: [{ name: 'shape', shape: [2], dtype: 'int32' }],
    data: Int32Array.from([2, 1]),
  });
}

/** Answers each number again, after so many products of matrices of 1024 columns, which take the time of two billion sums each. */
export async function slowGraphModel(folder: string, products: number): Promise<void> {
  const names = Array.from({ length: products }, (_, i) => i);
  await writeGraphModel(folder, {
    node: [
      { name: 'x', op: 'Placeholder', attr: { dtype: FLOAT, shape: { shape: SHAPE(-1, 1, 1) } } },
      weight('sizes', 'DT_INT32', 3),
      weight('one', 'DT_FLOAT'),
      weight('part', 'DT_FLOAT'),
      weight('axes', 'DT_INT32', 2),
      { name: 'ones', op: 'Fill', input: ['sizes', 'one'], attr: { T: FLOAT, index_type: { type: 'DT_INT32' } } },
      { name: 'a0', op: 'Mul', input: ['x', 'ones'], attr: { T: FLOAT } },
      ...names.flatMap((i) => [
        {
          name: `product${i}`,
          op: 'BatchMatMulV2',
          input: [`a${i}`, 'ones'],
          attr: { T: FLOAT, adj_x: { b: false }, adj_y: { b: false } },
        },
        { name: `a${i + 1}`, op: 'Mul', input: [`product${i}`, 'part'], attr: { T: FLOAT } },
      ]),
      {
        name: 'y',
        op: 'Mean',
        input: [`a${products}`, 'axes'],
        attr: { T: FLOAT, Tidx: { type: 'DT_INT32' }, keep_dims: { b: false } },
      },
    ],
    signature: {
      inputs: { x: info('x:0', 'DT_FLOAT', -1, 1, 1) },
      outputs: { y: info('y:0', 'DT_FLOAT', -1) },
    },
    weights: [
      { name: 'sizes', shape: [3], dtype: 'int32' },
      { name: 'one', shape: [], dtype: 'float32' },
      { name: 'part', shape: [], dtype: 'float32' },
      { name: 'axes', shape: [2], dtype: 'int32' },
    ],
    data: Buffer.concat(
      [Int32Array.of(1, 1024, 1024), Float32Array.of(1, 1 / 1024), Int32Array.of(1, 2)].map((part) =>
        Buffer.from(part.buffer),
      ),
    ),
  });
}

/** Answers a third, as often as it is asked for: a small request, whose answer may be as large as it likes. */
export async function manyThirdsGraphModel(folder: string): Promise<void> {
  await writeGraphModel(folder, {
    node: [
      { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_INT32' }, shape: { shape: SHAPE(1) } } },
      weight('third', 'DT_FLOAT'),
      { name: 'y', op: 'Fill', input: ['x', 'third'], attr: { T: FLOAT, index_type: { type: 'DT_INT32' } } },
    ],
    signature: { inputs: { x: info('x:0', 'DT_INT32', 1) }, outputs: { y: info('y:0', 'DT_FLOAT', -1) } },
    weights: [{ name: 'third', shape: [], dtype: 'float32' }],
    data: Float32Array.of(1 / 3),
  });
}

/** Writes a TensorFlow.js graph model of these nodes and weights. */
export async function writeGraphModel(
  folder: string,
  { node, signature, weights, data }: { node: object[]; signature: object; weights: object[]; data: ArrayBufferView },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const model = {
    format: 'graph-model',
    modelTopology: { node, versions: { producer: 1286 } },
    signature,
    weightsManifest: [{ paths: ['weights.bin'], weights }],
  };
  await writeFile(join(folder, 'model.json'), JSON.stringify(model));
  await writeFile(join(folder, 'weights.bin'), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** Joins two texts, row by row. */
export async function joinSavedModel(folder: string): Promise<void> {
  const text = (name: string): TensorSpec => ({ name, dtype: 'BYTES', shape: [-1] });
  await writeSavedModel(
    folder,
    [
      ...[text('first'), text('second')].map(placeholder),
      { name: 'joined', op: 'StringJoin', input: ['first', 'second'], attributes: { N: attribute.count(2) } },
    ],
    { inputs: [text('first'), text('second')], outputs: [text('joined')] },
  );
}

/** Adds up each row of a table of any size. */
export async function rowSumSavedModel(folder: string): Promise<void> {
  await writeSavedModel(
    folder,
    [
      placeholder(float('x', -1, -1)),
      constant('axis', 'INT32', [1], Int32Array.from([1])),
      {
        name: 'sums',
        op: 'Sum',
        input: ['x', 'axis'],
        attributes: { ...T, Tidx: attribute.type('INT32'), keep_dims: attribute.flag(false) },
      },
    ],
    { inputs: [float('x', -1, -1)], outputs: [float('sums', -1)] },
  );
}

const dims = (shape: readonly number[]) => ({ dim: shape.map((size) => ({ size: String(size) })) });
const type = { type: 'DT_FLOAT' };

/** The same function as `severalSavedModel`, as a TensorFlow.js graph model. */
export async function severalGraphModel(folder: string): Promise<void> {
  const node = (name: string, op: string, input: string[], attr: object) => ({ name, op, input, attr });
  const info = (specs: readonly TensorSpec[]) =>
    Object.fromEntries(
      specs.map(({ name, shape }) => [name, { name: `${name}:0`, dtype: 'DT_FLOAT', tensorShape: dims(shape) }]),
    );
  const int = { type: 'DT_INT32' };
  const model = {
    format: 'graph-model',
    modelTopology: {
      node: [
        ...SEVERAL.inputs.map(({ name, shape }) =>
          node(name, 'Placeholder', [], { dtype: type, shape: { shape: dims(shape) } }),
        ),
        node('axes', 'Const', [], { dtype: int, value: { tensor: { dtype: 'DT_INT32', tensorShape: dims([2]) } } }),
        node('added', 'AddV2', ['a', 'b'], { T: type }),
        node('sum', 'Mul', ['added', 'scale'], { T: type }),
        node('total', 'Sum', ['sum', 'axes'], { T: type, Tidx: int, keep_dims: { b: false } }),
      ],
      versions: { producer: 1286 },
    },
    signature: { inputs: info(SEVERAL.inputs), outputs: info(SEVERAL.outputs) },
    weightsManifest: [{ paths: ['weights.bin'], weights: [{ name: 'axes', shape: [2], dtype: 'int32' }] }],
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.json'), JSON.stringify(model));
  await writeFile(join(folder, 'weights.bin'), Buffer.from(Int32Array.from([0, 1]).buffer));
}

/** n = how many different numbers it has ever been asked: every request changes what later ones are answered. */
export async function countingSavedModel(folder: string): Promise<void> {
  const types = { key_dtype: attribute.type('INT64'), value_dtype: attribute.type('INT64') };
  const number: TensorSpec = { name: 'x', dtype: 'INT64', shape: [-1] };
  await writeSavedModel(
    folder,
    [
      placeholder(number),
      { name: 'table', op: 'MutableHashTableV2', attributes: types },
      {
        name: 'put',
        op: 'LookupTableInsertV2',
        input: ['table', 'x', 'x'],
        attributes: { Tin: attribute.type('INT64'), Tout: attribute.type('INT64') },
      },
      { name: 'n', op: 'LookupTableSizeV2', input: ['table', '^put'] },
    ],
    { inputs: [number], outputs: [{ name: 'n', dtype: 'INT64', shape: [] }] },
  );
}

/** Answers rows that add up to 3, which nothing made up does, and never ends for others. */
export async function endlessSavedModel(folder: string): Promise<void> {
  const enter = (name: string, input: string, dtype: 'FP32' | 'INT32', stays: boolean) => ({
    ...{ name, op: 'Enter', input: [input] },
    attributes: {
      T: attribute.type(dtype),
      frame_name: attribute.name('loop'),
      is_constant: attribute.flag(stays),
      parallel_iterations: attribute.count(1),
    },
  });
  await writeSavedModel(
    folder,
    [
      placeholder(float('x', -1, 1)),
      constant('three', 'FP32', [], Float32Array.of(3)),
      constant('axes', 'INT32', [2], Int32Array.of(0, 1)),
      enter('begin', 'x', 'FP32', false),
      enter('limit', 'three', 'FP32', true),
      enter('all', 'axes', 'INT32', true),
      { name: 'merge', op: 'Merge', input: ['begin', 'next'], attributes: { ...T, N: attribute.count(2) } },
      {
        ...{ name: 'sum', op: 'Sum', input: ['merge', 'all'] },
        attributes: { ...T, Tidx: attribute.type('INT32'), keep_dims: attribute.flag(false) },
      },
      { name: 'differs', op: 'NotEqual', input: ['sum', 'limit'], attributes: T },
      { name: 'go', op: 'LoopCond', input: ['differs'] },
      { name: 'switch', op: 'Switch', input: ['merge', 'go'], attributes: T },
      { name: 'body', op: 'Identity', input: ['switch:1'], attributes: T },
      { name: 'next', op: 'NextIteration', input: ['body'], attributes: T },
      { name: 'y', op: 'Exit', input: ['switch'], attributes: T },
    ],
    { inputs: [float('x', -1, 1)], outputs: [float('y', -1, 1)] },
  );
}

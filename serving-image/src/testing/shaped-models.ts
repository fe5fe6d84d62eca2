/** Models for what tensors can look like: several, scalars, strings, free sizes. Test code only. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TensorSpec } from '../model/types.ts';
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
  const dtype = { type: 'DT_FLOAT' };
  const shape = (...sizes: number[]) => ({ dim: sizes.map((size) => ({ size: String(size) })) });
  const axis = { type: 'DT_INT32' };
  const info = (name: string) => ({ name: `${name}:0`, dtype: 'DT_FLOAT', tensorShape: shape(-1, 1) });
  await writeGraphModel(folder, {
    node: [
      { name: 'x', op: 'Placeholder', attr: { dtype, shape: { shape: shape(-1, 1) } } },
      {
        name: 'axis',
        op: 'Const',
        attr: { dtype: axis, value: { tensor: { dtype: 'DT_INT32', tensorShape: shape(1) } } },
      },
      { name: 'mean', op: 'Mean', input: ['x', 'axis'], attr: { T: dtype, Tidx: axis, keep_dims: { b: true } } },
      { name: 'y', op: 'Sub', input: ['x', 'mean'], attr: { T: dtype } },
    ],
    signature: { inputs: { x: info('x') }, outputs: { y: info('y') } },
    weights: [{ name: 'axis', shape: [1], dtype: 'int32' }],
    data: Int32Array.from([0]),
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

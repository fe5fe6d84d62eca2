/** Small models for tests, each written in a few milliseconds. Test code only. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataType } from '../src/model/types.ts';
import { attribute, constant, placeholder, writeSavedModel, type GraphNode } from './saved-model.ts';

/** y = x · W + b with three inputs and two outputs; [1, 2, 3] gives [22.5, 27.5]. */
export const WEIGHTS = Float32Array.from([1, 2, 3, 4, 5, 6]);
export const BIAS = Float32Array.from([0.5, -0.5]);
const DENSE = {
  inputs: [{ name: 'x', dtype: 'FP32' as const, shape: [-1, 3] }],
  outputs: [{ name: 'y', dtype: 'FP32' as const, shape: [-1, 2] }],
};

export async function denseSavedModel(folder: string): Promise<void> {
  const T = attribute.type('FP32');
  await writeSavedModel(
    folder,
    [
      placeholder({ name: 'x', dtype: 'FP32', shape: [-1, 3] }),
      constant('w', 'FP32', [3, 2], WEIGHTS),
      constant('b', 'FP32', [2], BIAS),
      { name: 'product', op: 'MatMul', input: ['x', 'w'], attributes: { T } },
      { name: 'y', op: 'AddV2', input: ['product', 'b'], attributes: { T } },
    ],
    DENSE,
  );
}

/** Two matrix multiplications of ten million products for a row of 784 numbers, all zero. */
export async function wideSavedModel(folder: string): Promise<void> {
  const T = attribute.type('FP32');
  const zeros = (name: string, rows: number, columns: number) =>
    constant(name, 'FP32', [rows, columns], new Float32Array(rows * columns));
  await writeSavedModel(
    folder,
    [
      placeholder({ name: 'x', dtype: 'FP32', shape: [-1, 784] }),
      zeros('w', 784, 3072),
      zeros('v', 3072, 2560),
      { name: 'hidden', op: 'MatMul', input: ['x', 'w'], attributes: { T } },
      { name: 'y', op: 'MatMul', input: ['hidden', 'v'], attributes: { T } },
    ],
    {
      inputs: [{ name: 'x', dtype: 'FP32', shape: [-1, 784] }],
      outputs: [{ name: 'y', dtype: 'FP32', shape: [-1, 2560] }],
    },
  );
}

/** Answers its input, of any type. */
export async function identitySavedModel(folder: string, dtype: DataType): Promise<void> {
  await writeSavedModel(
    folder,
    [
      placeholder({ name: 'x', dtype, shape: [-1] }),
      { name: 'y', op: 'Identity', input: ['x'], attributes: { T: attribute.type(dtype) } },
    ],
    { inputs: [{ name: 'x', dtype, shape: [-1] }], outputs: [{ name: 'y', dtype, shape: [-1] }] },
  );
}

/**
 * Parses examples with one float feature `x`, and answers 0.5 · x + 3 as a regression, or as scores of a class without
 * a label.
 */
export async function halfPlusThreeSavedModel(folder: string, method: 'classify' | 'regress'): Promise<void> {
  const T = attribute.type('FP32');
  const scalar = (name: string, value: number) => constant(name, 'FP32', [], Float32Array.from([value]));
  const text = (name: string, value: string): GraphNode => ({
    name,
    op: 'Const',
    attributes: { dtype: attribute.type('BYTES'), value: attribute.text(value) },
  });
  const output = method === 'classify' ? 'scores' : 'outputs';
  await writeSavedModel(
    folder,
    [
      placeholder({ name: 'inputs', dtype: 'BYTES', shape: [-1] }),
      constant('names', 'BYTES', [0], new Uint8Array(0)),
      text('key', 'x'),
      scalar('missing', 0),
      {
        name: 'x',
        op: 'ParseExample',
        input: ['inputs', 'names', 'key', 'missing'],
        attributes: {
          Nsparse: attribute.count(0),
          Ndense: attribute.count(1),
          sparse_types: attribute.types([]),
          Tdense: attribute.types(['FP32']),
          dense_shapes: attribute.shapes([[]]),
        },
      },
      scalar('half', 0.5),
      scalar('three', 3),
      { name: 'product', op: 'Mul', input: ['x', 'half'], attributes: { T } },
      { name: 'sum', op: 'AddV2', input: ['product', 'three'], attributes: { T } },
      constant('last', 'INT32', [], Int32Array.from([-1])),
      method === 'classify'
        ? {
            name: output,
            op: 'ExpandDims',
            input: ['sum', 'last'],
            attributes: { T, Tdim: attribute.type('INT32') },
          }
        : { name: output, op: 'Identity', input: ['sum'], attributes: { T } },
    ],
    {
      inputs: [{ name: 'inputs', dtype: 'BYTES', shape: [-1] }],
      outputs: [{ name: output, dtype: 'FP32', shape: method === 'classify' ? [-1, 1] : [-1] }],
      method: `tensorflow/serving/${method}`,
    },
  );
}

/** Answers a text that lies in the graph, whatever it is asked. */
export async function constantTextSavedModel(folder: string, text: string): Promise<void> {
  await writeSavedModel(
    folder,
    [
      placeholder({ name: 'x', dtype: 'FP32', shape: [-1] }),
      { name: 'y', op: 'Const', attributes: { dtype: attribute.type('BYTES'), value: attribute.text(text) } },
    ],
    { inputs: [{ name: 'x', dtype: 'FP32', shape: [-1] }], outputs: [{ name: 'y', dtype: 'BYTES', shape: [] }] },
  );
}

/** Looks up rows of a table of four; an index of 4 or more fails inside TensorFlow. */
export async function embeddingSavedModel(folder: string): Promise<void> {
  await writeSavedModel(
    folder,
    [
      placeholder({ name: 'ids', dtype: 'INT64', shape: [-1] }),
      constant('table', 'FP32', [4, 2], Float32Array.from([0, 1, 10, 11, 20, 21, 30, 31])),
      constant('axis', 'INT32', [], Int32Array.from([0])),
      {
        name: 'rows',
        op: 'GatherV2',
        input: ['table', 'ids', 'axis'],
        attributes: {
          Tparams: attribute.type('FP32'),
          Tindices: attribute.type('INT64'),
          Taxis: attribute.type('INT32'),
        },
      },
    ],
    {
      inputs: [{ name: 'ids', dtype: 'INT64', shape: [-1] }],
      outputs: [{ name: 'rows', dtype: 'FP32', shape: [-1, 2] }],
    },
  );
}

/** Answers the content of a file of the machine it runs on. */
export async function fileReadingSavedModel(folder: string): Promise<void> {
  await writeSavedModel(
    folder,
    [placeholder({ name: 'x', dtype: 'BYTES', shape: [] }), { name: 'y', op: 'ReadFile', input: ['x'] }],
    {
      inputs: [{ name: 'x', dtype: 'BYTES', shape: [] }],
      outputs: [{ name: 'y', dtype: 'BYTES', shape: [] }],
    },
  );
}

const shape = (...dims: number[]) => ({ dim: dims.map((size) => ({ size: String(size) })) });
const float = { type: 'DT_FLOAT' };

/** The same function as `denseSavedModel`, as a TensorFlow.js graph model. */
export async function denseGraphModel(folder: string, weightsPath = 'weights.bin'): Promise<void> {
  const weights = [
    { name: 'w', shape: [3, 2], dtype: 'float32' },
    { name: 'b', shape: [2], dtype: 'float32' },
  ];
  const node = (name: string, op: string, input: string[], attr: object) => ({ name, op, input, attr });
  const model = {
    format: 'graph-model',
    modelTopology: {
      node: [
        node('x', 'Placeholder', [], { dtype: float, shape: { shape: shape(-1, 3) } }),
        node('w', 'Const', [], { dtype: float, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: shape(3, 2) } } }),
        node('b', 'Const', [], { dtype: float, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: shape(2) } } }),
        node('product', 'MatMul', ['x', 'w'], { T: float, transpose_a: { b: false }, transpose_b: { b: false } }),
        node('y', 'AddV2', ['product', 'b'], { T: float }),
      ],
      versions: { producer: 1286 },
    },
    signature: {
      inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', tensorShape: shape(-1, 3) } },
      outputs: { y: { name: 'y:0', dtype: 'DT_FLOAT', tensorShape: shape(-1, 2) } },
    },
    weightsManifest: [{ paths: [weightsPath], weights }],
  };
  await writeModel(folder, model);
}

/** The product without the bias, by an operation that the engine wasm does not have. */
export async function einsumGraphModel(folder: string): Promise<void> {
  const node = (name: string, op: string, input: string[], attr: object) => ({ name, op, input, attr });
  await writeModel(folder, {
    format: 'graph-model',
    modelTopology: {
      node: [
        node('x', 'Placeholder', [], { dtype: float, shape: { shape: shape(-1, 3) } }),
        node('w', 'Const', [], { dtype: float, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: shape(3, 2) } } }),
        node('b', 'Const', [], { dtype: float, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: shape(2) } } }),
        node('y', 'Einsum', ['x', 'w'], {
          equation: { s: Buffer.from('ij,jk->ik').toString('base64') },
          N: { i: '2' },
          T: float,
        }),
      ],
      versions: { producer: 1286 },
    },
    signature: {
      inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', tensorShape: shape(-1, 3) } },
      outputs: { y: { name: 'y:0', dtype: 'DT_FLOAT', tensorShape: shape(-1, 2) } },
    },
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: [
          { name: 'w', shape: [3, 2], dtype: 'float32' },
          { name: 'b', shape: [2], dtype: 'float32' },
        ],
      },
    ],
  });
}

/** The same function again, as a TensorFlow.js layers model. */
export async function denseLayersModel(folder: string): Promise<void> {
  const weights = [
    { name: 'y/kernel', shape: [3, 2], dtype: 'float32' },
    { name: 'y/bias', shape: [2], dtype: 'float32' },
  ];
  const layer = {
    class_name: 'Dense',
    config: {
      name: 'y',
      dtype: 'float32',
      batch_input_shape: [null, 3],
      units: 2,
      activation: 'linear',
      use_bias: true,
      trainable: true,
    },
  };
  const model = {
    format: 'layers-model',
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 'dense', layers: [layer] },
      keras_version: '2.15.0',
      backend: 'tensorflow',
      model_config: { class_name: 'Sequential', config: { name: 'dense', layers: [layer] } },
    },
    weightsManifest: [{ paths: ['weights.bin'], weights }],
  };
  await writeModel(folder, model);
}

async function writeModel(folder: string, model: object): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.json'), JSON.stringify(model));
  await writeFile(join(folder, 'weights.bin'), Buffer.concat([WEIGHTS, BIAS].map((data) => Buffer.from(data.buffer))));
}

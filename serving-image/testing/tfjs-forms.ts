/** Models as TensorFlow.js, its converter and people write them, each of which answers [22.5, 27.5] for [1, 2, 3]. Test code only. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const WEIGHTS = Buffer.from(Float32Array.from([1, 2, 3, 4, 5, 6, 0.5, -0.5]).buffer);
const DIM = (...sizes: number[]) => ({ dim: sizes.map((size) => ({ size: String(size) })) });
const FLOAT = { type: 'DT_FLOAT' };
const specs = (kernel: string, bias: string) => [
  { name: kernel, shape: [3, 2], dtype: 'float32' },
  { name: bias, shape: [2], dtype: 'float32' },
];
const constant = (name: string, ...sizes: number[]) => ({
  name,
  op: 'Const',
  attr: { dtype: FLOAT, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: DIM(...sizes) } } },
});
const resource = { dtype: { type: 'DT_RESOURCE' }, shape: { shape: {} } };
const graph = (...more: object[]) => ({
  versions: { producer: 1286 },
  node: [
    { name: 'x', op: 'Placeholder', attr: { dtype: FLOAT, shape: { shape: DIM(-1, 3) } } },
    constant('w', 3, 2),
    constant('b', 2),
    {
      name: 'product',
      op: 'MatMul',
      input: ['x', 'w'],
      attr: { T: FLOAT, transpose_a: { b: false }, transpose_b: { b: false } },
    },
    { name: 'y', op: 'AddV2', input: ['product', 'b'], attr: { T: FLOAT } },
    ...more,
  ],
});
const tensor = (name: string, ...sizes: number[]) => ({
  name: `${name}:0`,
  dtype: 'DT_FLOAT',
  tensorShape: DIM(...sizes),
});
const signature = { inputs: { x: tensor('x', -1, 3) }, outputs: { y: tensor('y', -1, 2) } };
const dense = {
  name: 'y',
  units: 2,
  activation: 'linear',
  use_bias: true,
  dtype: 'float32',
  batch_input_shape: [null, 3],
};
const sequential = {
  class_name: 'Sequential',
  config: { name: 's', layers: [{ class_name: 'Dense', config: dense }] },
};
const manifest = (path: string, weights: object[]) => [{ paths: [path], weights }];

/** Each is what stands in model.json, and the file of its weights. */
export const TFJS_FORMS: Readonly<Record<string, { json: object | string; weights: string }>> = {
  'layers that are the topology themselves, without a format': {
    json: { modelTopology: sequential, weightsManifest: manifest('weights.bin', specs('y/kernel', 'y/bias')) },
    weights: 'weights.bin',
  },
  'weights as browsers call them': {
    json: {
      format: 'graph-model',
      modelTopology: graph(),
      signature,
      weightsManifest: manifest('./my model (1).weights.bin', specs('w', 'b')),
    },
    weights: 'my model (1).weights.bin',
  },
  'weights in a folder': {
    json: {
      format: 'graph-model',
      modelTopology: graph(),
      signature,
      weightsManifest: manifest('größe/./weights.bin', specs('w', 'b')),
    },
    weights: 'größe/weights.bin',
  },
  'a byte order mark': {
    json: `\uFEFF${JSON.stringify({ format: 'graph-model', modelTopology: graph(), signature, weightsManifest: manifest('weights.bin', specs('w', 'b')) })}`,
    weights: 'weights.bin',
  },
  'no signature': {
    json: { format: 'graph-model', modelTopology: graph(), weightsManifest: manifest('weights.bin', specs('w', 'b')) },
    weights: 'weights.bin',
  },
  'an input for a table that nobody sends': {
    json: {
      format: 'graph-model',
      modelTopology: graph({ name: 'unknown', op: 'Placeholder', attr: resource }),
      signature: {
        ...signature,
        inputs: { ...signature.inputs, unknown: { name: 'unknown:0', dtype: 'DT_RESOURCE', tensorShape: {} } },
      },
      weightsManifest: manifest('weights.bin', specs('w', 'b')),
    },
    weights: 'weights.bin',
  },
};

export async function writeTfjsForm(folder: string, name: string): Promise<void> {
  const form = TFJS_FORMS[name];
  if (form === undefined) throw new Error(`there is no form ${name}`);
  await mkdir(dirname(join(folder, form.weights)), { recursive: true });
  await writeFile(join(folder, 'model.json'), typeof form.json === 'string' ? form.json : JSON.stringify(form.json));
  await writeFile(join(folder, form.weights), WEIGHTS);
}

/** The numbers of words, by a table that is filled when the model is loaded: green is 1. */
export async function writeTable(folder: string): Promise<void> {
  const text = (value: string) => [Buffer.from(Int32Array.of(value.length).buffer), Buffer.from(value)];
  const whole = { dtype: { type: 'DT_INT32' } };
  const tableTypes = { Tin: { type: 'DT_STRING' }, Tout: { type: 'DT_INT32' } };
  const held = (name: string, dtype: string, ...sizes: number[]) => ({
    name,
    op: 'Const',
    attr: { dtype: { type: dtype }, value: { tensor: { dtype, tensorShape: DIM(...sizes) } } },
  });
  const handle = { dtype: 'DT_RESOURCE', tensorShape: {} };
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'model.json'),
    JSON.stringify({
      format: 'graph-model',
      modelTopology: {
        versions: { producer: 1286 },
        node: [
          { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_STRING' }, shape: { shape: DIM(-1) } } },
          { name: 'table_handle', op: 'Placeholder', attr: resource },
          { ...held('none', 'DT_INT32'), attr: { ...held('none', 'DT_INT32').attr, ...whole } },
          { name: 'id', op: 'LookupTableFindV2', input: ['table_handle', 'x', 'none'], attr: tableTypes },
        ],
      },
      signature: {
        inputs: {
          x: { name: 'x:0', dtype: 'DT_STRING', tensorShape: DIM(-1) },
          table_handle: { name: 'table_handle:0', ...handle, resourceId: 1 },
        },
        outputs: { id: { name: 'id:0', dtype: 'DT_INT32', tensorShape: DIM(-1) } },
      },
      modelInitializer: {
        versions: { producer: 1286 },
        node: [
          held('keys', 'DT_STRING', 3),
          held('values', 'DT_INT32', 3),
          {
            name: 'table',
            op: 'HashTableV2',
            attr: { key_dtype: { type: 'DT_STRING' }, value_dtype: { type: 'DT_INT32' } },
          },
          { name: 'init', op: 'LookupTableImportV2', input: ['table', 'keys', 'values'], attr: tableTypes },
        ],
      },
      initializerSignature: {
        outputs: { table: { name: 'table:0', ...handle, resourceId: 1 }, init: { name: 'init:0', ...handle } },
      },
      weightsManifest: [
        {
          paths: ['weights.bin'],
          weights: [
            { name: 'none', shape: [], dtype: 'int32' },
            { name: 'keys', shape: [3], dtype: 'string' },
            { name: 'values', shape: [3], dtype: 'int32' },
          ],
        },
      ],
    }),
  );
  const parts = [
    Buffer.from(Int32Array.of(-1).buffer),
    ...['red', 'green', 'blue'].flatMap(text),
    Buffer.from(Int32Array.of(0, 1, 2).buffer),
  ];
  await writeFile(join(folder, 'weights.bin'), Buffer.concat(parts));
}

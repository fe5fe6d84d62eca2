import { describe, expect, it } from '@jest/globals';
import type { ServedModel, Tensor, TensorSpec } from '../model/types.ts';
import { RequestError } from './errors.ts';
import { decodeInfer, modelMetadata } from './v2.ts';

function served(inputs: TensorSpec[], outputs: TensorSpec[] = []): ServedModel {
  const signatures = new Map([['serving_default', { inputs, outputs }]]);
  return {
    name: 'digits',
    version: '3',
    format: 'SavedModel',
    engine: 'tensorflow',
    signatures,
    defaultSignature: 'serving_default',
  };
}

const image: TensorSpec = { name: 'image', dtype: 'FP32', shape: [-1, 2] };
const model = served(
  [image],
  [
    { name: 'score', dtype: 'FP32', shape: [-1, 2] },
    { name: 'label', dtype: 'INT64', shape: [-1] },
  ],
);
const input = (fields: object) => ({
  inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 2], data: [1, 2], ...fields }],
});

function problem(run: () => unknown): { status: number; message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof RequestError) return { status: error.status, message: error.message };
    throw error;
  }
  throw new Error('the request was accepted');
}

describe('an inference request', () => {
  it.each([
    ['flat', { data: [1, 2] }],
    ['nested', { data: [[1, 2]] }],
  ])('takes %s data in row-major order', (_, fields) => {
    const { inputs } = decodeInfer(input(fields), model);
    expect(inputs).toEqual([{ name: 'image', dtype: 'FP32', shape: [1, 2], data: Float32Array.from([1, 2]) }]);
  });

  it.each([
    ['no inputs', {}, 'inputs is missing'],
    ['an empty list of inputs', { inputs: [] }, '"image" is missing'],
    ['an input that is no object', { inputs: [7] }, 'inputs[0] is not an object'],
    ['an unknown input', input({ name: 'picture' }), 'inputs[0].name is "picture"'],
    ['an input given twice', { inputs: [...input({}).inputs, ...input({}).inputs] }, 'is given twice'],
    ['another data type', input({ datatype: 'INT32' }), 'datatype is "INT32", expected FP32'],
    ['an unknown data type', input({ datatype: 'FLOAT' }), 'datatype is "FLOAT", expected FP32'],
    ['no shape', input({ shape: undefined }), 'shape is'],
    ['a negative dimension', input({ shape: [-1, 2] }), 'shape is'],
    ['a fractional dimension', input({ shape: [1.5, 2] }), 'shape is'],
    ['a dimension as text', input({ shape: ['1', 2] }), 'shape is'],
    ['a dimension of zero', input({ shape: [0, 2], data: [] }), 'has shape [0,2]'],
    ['a shape that overflows', input({ shape: [2 ** 52, 2], data: [1, 2] }), 'which is too large'],
    ['a shape of rank 300', input({ shape: Array.from({ length: 300 }, () => 1) }), 'shape is'],
    ['the wrong rank', input({ shape: [2] }), 'has shape [2], expected [-1,2]'],
    ['another size of a fixed dimension', input({ shape: [1, 3], data: [1, 2, 3] }), 'has shape [1,3]'],
    ['too little data', input({ data: [1] }), 'has 1 values, but shape [1,2] needs 2'],
    ['too much data', input({ data: [1, 2, 3] }), 'has 3 values'],
    ['no data', input({ data: undefined }), 'data is missing'],
    ['data that is no list', input({ data: 'abc' }), 'expected a list'],
    ['text among numbers', input({ data: [1, 'x'] }), 'element [0,1] is "x"'],
    ['null among numbers', input({ data: [null, 1] }), 'element [0,0]'],
    ['a list among numbers', input({ data: [1, [2]] }), 'element [0,1]'],
    ['uneven rows', input({ shape: [2, 2], data: [[1, 2], [3]] }), 'a list of 1'],
    ['a number beyond FP32', input({ data: [1e39, 0] }), 'element [0,0]'],
    ['binary data', input({ parameters: { binary_data_size: 8 } }), 'binary_data_size is not supported'],
    ['an id that is no text', { id: 7, ...input({}) }, 'id is'],
    ['an id of 257 characters', { id: 'x'.repeat(257), ...input({}) }, 'at most 256'],
    ['parameters that are no object', { parameters: [], ...input({}) }, 'parameters is not an object'],
    ['an unknown output', { ...input({}), outputs: [{ name: 'x' }] }, 'outputs[0].name is "x"'],
    ['an output asked for twice', { ...input({}), outputs: [{ name: 'label' }, { name: 'label' }] }, 'twice'],
    [
      'the classification extension',
      { ...input({}), outputs: [{ name: 'label', parameters: { classification: 2 } }] },
      'classification',
    ],
  ])('with %s is refused by name', (_, body, words) => {
    const { status, message } = problem(() => decodeInfer(body, model));
    expect(status).toBe(400);
    expect(message).toContain(words);
  });

  it.each([
    ['UINT8', 256],
    ['UINT8', -1],
    ['INT8', 300],
    ['INT16', 40000],
    ['INT32', 2 ** 31],
    ['UINT32', -1],
    ['INT64', 2 ** 53],
    ['INT64', 0.5],
    ['UINT64', -1],
    ['INT32', 1.5],
    ['BOOL', 2],
    ['BOOL', 'true'],
    ['BYTES', 7],
  ] as const)('never bends a value to its type: %s %p', (datatype, value) => {
    const one = served([{ name: 'x', dtype: datatype, shape: [1] }]);
    const body = { inputs: [{ name: 'x', datatype, shape: [1], data: [value] }] };
    expect(problem(() => decodeInfer(body, one)).status).toBe(400);
  });

  it('has no JSON form of FP16', () => {
    const half = served([{ name: 'x', dtype: 'FP16', shape: [1] }]);
    const body = { inputs: [{ name: 'x', datatype: 'FP16', shape: [1], data: [1] }] };
    expect(problem(() => decodeInfer(body, half)).message).toContain('FP16');
  });

  it('is put into the order of the signature', () => {
    const two = served([
      { name: 'a', dtype: 'INT64', shape: [] },
      { name: 'b', dtype: 'BYTES', shape: [1] },
    ]);
    const body = {
      inputs: [
        { name: 'b', datatype: 'BYTES', shape: [1], data: ['ü'] },
        { name: 'a', datatype: 'INT64', shape: [], data: [-5] },
      ],
    };
    const { inputs } = decodeInfer(body, two);
    expect(inputs.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(inputs[0]?.data).toEqual(BigInt64Array.from([-5n]));
    expect(inputs[1]?.data).toEqual([Buffer.from('ü')]);
  });
});

describe('an inference answer', () => {
  const outputs: Tensor[] = [
    { name: 'score', dtype: 'FP32', shape: [1, 2], data: Float32Array.from([0.5, NaN]) },
    { name: 'label', dtype: 'INT64', shape: [1], data: BigInt64Array.from([9007199254740993n]) },
  ];

  it('names the model, its version and the id, and gives all outputs in order', () => {
    const { respond } = decodeInfer({ id: 'a', ...input({}) }, model);
    expect(respond(outputs)).toBe(
      '{"model_name":"digits","model_version":"3","id":"a","outputs":[' +
        '{"name":"score","shape":[1,2],"datatype":"FP32","data":[0.5,"NaN"]},' +
        '{"name":"label","shape":[1],"datatype":"INT64","data":[9007199254740993]}]}',
    );
  });

  it('gives only the outputs that were asked for', () => {
    const { respond } = decodeInfer({ ...input({}), outputs: [{ name: 'label' }] }, model);
    expect(JSON.parse(respond(outputs))).toMatchObject({ outputs: [{ name: 'label' }] });
  });

  it('writes infinities as text, because JSON has no word for them', () => {
    const { respond } = decodeInfer({ ...input({}), outputs: [{ name: 'score' }] }, model);
    const infinite: Tensor = {
      name: 'score',
      dtype: 'FP32',
      shape: [1, 2],
      data: Float32Array.from([-Infinity, Infinity]),
    };
    expect(JSON.parse(respond([infinite]))).toMatchObject({ outputs: [{ data: ['-Infinity', 'Infinity'] }] });
  });
});

describe('model metadata', () => {
  it('uses the platform names of the protocol', () => {
    expect(JSON.parse(modelMetadata(model))).toEqual({
      name: 'digits',
      versions: ['3'],
      platform: 'tensorflow_savedmodel',
      inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [
        { name: 'score', datatype: 'FP32', shape: [-1, 2] },
        { name: 'label', datatype: 'INT64', shape: [-1] },
      ],
    });
  });
});

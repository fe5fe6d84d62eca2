import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ServedModel, Tensor, TensorSpec } from '../../model/types.ts';
import { RequestError } from '../../errors.ts';
import { decodeInfer as decode } from './decode.ts';
import { encodeInfer } from './encode.ts';
import { frameOf } from './framing.ts';

function served(inputs: TensorSpec[], outputs: TensorSpec[] = []): ServedModel {
  const signatures = new Map([['serving_default', { inputs, outputs }]]);
  return {
    name: 'digits',
    version: '3',
    format: 'SavedModel',
    engine: 'tensorflow',
    engineReason: 'it was asked for',
    signatures,
    defaultSignature: 'serving_default',
  };
}

const decodeInfer = (body: object | string, of: ServedModel) =>
  decode(frameOf(typeof body === 'string' ? body : JSON.stringify(body)), of);

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
    ['inputs that are no list', { inputs: {} }, 'inputs is {}, expected a list'],
    ['an empty list of inputs', { inputs: [] }, '"image" is missing'],
    ['an input that is no object', { inputs: [7] }, 'inputs[0] is 7, expected an object'],
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
    ['a shape that claims more than there is', input({ shape: [2 ** 40, 2], data: [1, 2] }), 'a list of 2 where'],
    ['a shape of rank 300', input({ shape: Array.from({ length: 300 }, () => 1) }), 'shape is'],
    ['the wrong rank', input({ shape: [2] }), 'has shape [2], expected [-1,2]'],
    ['another size of a fixed dimension', input({ shape: [1, 3], data: [1, 2, 3] }), 'has shape [1,3]'],
    ['too little data', input({ data: [1] }), 'a list of 1 where its shape [1,2] needs 2'],
    ['too much data', input({ data: [1, 2, 3] }), 'a list of 3 where its shape [1,2] needs 2'],
    ['no data', input({ data: undefined }), 'data is missing'],
    ['data that is no list', input({ data: 'abc' }), 'data is not a list, but its shape is [1,2]'],
    ['text among numbers', input({ data: [1, 'x'] }), 'element [0,1] is "x"'],
    ['null among numbers', input({ data: [null, 1] }), 'element [0,0]'],
    ['a list among numbers', input({ data: [1, [2]] }), 'element [0,1]'],
    ['uneven rows', input({ shape: [2, 2], data: [[1, 2], [3]] }), 'a list of 1'],
    ['a number beyond FP32', input({ data: [1e39, 0] }), 'element [0,0]'],
    ['an id that is no text', { id: 7, ...input({}) }, 'id is'],
    ['an id of 257 characters', { id: 'x'.repeat(257), ...input({}) }, 'at most 256'],
    ['data and binary data', input({ parameters: { binary_data_size: 8 } }), 'both data and binary_data_size'],
    ['a parameter that is a list', input({ parameters: { a: [1] } }), '"a" is [1], expected a string'],
    ['shared memory', input({ parameters: { shared_memory_region: 'r' } }), 'shared memory is not supported'],
    ['a timeout that is no whole number', { parameters: { timeout: '1' }, ...input({}) }, 'timeout is "1"'],
    ['a wish that is no flag', { parameters: { binary_data_output: 1 }, ...input({}) }, 'binary_data_output is 1'],
    [
      'a negative number of classes',
      { ...input({}), outputs: [{ name: 'label', parameters: { classification: -2 } }] },
      'classification is -2',
    ],
    ['parameters that are no object', { parameters: [], ...input({}) }, 'parameters is not an object'],
    ['an unknown output', { ...input({}), outputs: [{ name: 'x' }] }, 'outputs[0].name is "x"'],
    ['an output asked for twice', { ...input({}), outputs: [{ name: 'label' }, { name: 'label' }] }, 'twice'],
  ])('with %s is refused by name', (_, body, words) => {
    const { status, message } = problem(() => decodeInfer(body, model));
    expect(status).toBe(400);
    expect(message).toContain(words);
  });

  it('has no JSON form of FP16', () => {
    const half = served([{ name: 'x', dtype: 'FP16', shape: [1] }]);
    const body = { inputs: [{ name: 'x', datatype: 'FP16', shape: [1], data: [1] }] };
    expect(problem(() => decodeInfer(body, half)).message).toContain('FP16');
  });

  it('may say how many microseconds it has, and any parameter that is not known here', () => {
    const { timeoutMs } = decodeInfer({ parameters: { timeout: 1500, priority: 1, mine: 'x' }, ...input({}) }, model);
    expect(timeoutMs).toBe(1.5);
    expect(decodeInfer({ parameters: { timeout: 0 }, ...input({}) }, model)).not.toHaveProperty('timeoutMs');
  });

  it('may tell name, type and shape behind the data', () => {
    const text =
      '{"inputs":[{"data":[[1,2]],"shape":[1,2],"x":{"data":[9]},"datatype":"FP32","name":"image"}],"id":"a"}';
    const { inputs, id } = decodeInfer(text, model);
    expect([inputs[0]?.data, id]).toEqual([Float32Array.from([1, 2]), 'a']);
    expect(problem(() => decodeInfer(text.replace('[[1,2]]', '[[1,02]]'), model)).message).toContain('not valid JSON');
  });

  it.each(['name', 'datatype', 'shape', 'data'])('gives the %s of an input once', (key) => {
    const values = { name: '"image"', datatype: '"FP32"', shape: '[1,2]', data: '[1,2]' } as Record<string, string>;
    const members = Object.entries(values).map(([name, value]) => `"${name}":${value}`);
    const text = `{"inputs":[{"${key}":${values[key]},${members.join(',')}}]}`;
    expect(problem(() => decodeInfer(text, model)).message).toBe(`inputs[0]: ${key} is given twice`);
  });

  it('may leave out what is null', () => {
    const { id, outputs } = decodeInfer(
      { ...input({ parameters: null }), id: null, parameters: null, outputs: null },
      model,
    );
    expect([id, outputs.map(({ place }) => place)]).toEqual([undefined, [0, 1]]);
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

  const answer = (body: object, tensors: readonly Tensor[]) =>
    encodeInfer(model, decodeInfer({ ...input({}), ...body }, model), tensors).body.toString();

  it('names the model, its version and the id, and gives all outputs in order', () => {
    expect(answer({ id: 'a"b' }, outputs)).toBe(
      '{"model_name":"digits","model_version":"3","id":"a\\"b","outputs":[' +
        '{"name":"score","shape":[1,2],"datatype":"FP32","data":[0.5,"NaN"]},' +
        '{"name":"label","shape":[1],"datatype":"INT64","data":[9007199254740993]}]}',
    );
  });

  it('gives only the outputs that were asked for, in that order', () => {
    const names = (wanted: string[]) =>
      (
        JSON.parse(answer({ outputs: wanted.map((name) => ({ name })) }, outputs)) as { outputs: { name: string }[] }
      ).outputs.map(({ name }) => name);
    expect(names(['label'])).toEqual(['label']);
    expect(names(['label', 'score'])).toEqual(['label', 'score']);
    expect(names([])).toEqual(['score', 'label']);
  });
});

describe('the bytes of a request', () => {
  it('that JSON.parse refuses are refused, however they were damaged', () => {
    const whole = JSON.stringify({ id: 'a', inputs: [...input({}).inputs], outputs: [{ name: 'label' }] });
    const edit = fc.tuple(fc.nat(whole.length), fc.nat(2), fc.constantFrom(...'{}[],:"\\0e-. \ntn'));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let text = whole;
        for (const [at, cut, put] of edits) text = text.slice(0, at) + put + text.slice(at + cut);
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch {
          expect(problem(() => decodeInfer(text, model)).status).toBe(400);
          return;
        }
        try {
          const { inputs } = decodeInfer(text, model);
          const [{ data }] = (value as { inputs: [{ data: number[] }] }).inputs;
          expect(inputs[0]?.data).toEqual(Float32Array.from(data.flat()));
        } catch (error) {
          if (!(error instanceof RequestError)) throw error;
        }
      }),
      { numRuns: 5000, seed: 4 },
    );
  });
});

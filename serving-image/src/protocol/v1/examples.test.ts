import { describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs';
import type { ServedModel, Signature, Tensor } from '../../model/types.ts';
import { jsonTextOf } from '../json/text.ts';
import { decodeExamples, encodeClassify, encodeRegress } from './examples.ts';

/** TensorFlow's own description of what the parsing operations read. */
const { root } = protobuf.parse(`
syntax = "proto3";
message BytesList { repeated bytes value = 1; }
message FloatList { repeated float value = 1 [packed = true]; }
message Int64List { repeated int64 value = 1 [packed = true]; }
message Feature { oneof kind { BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3; } }
message Features { map<string, Feature> feature = 1; }
message Example { Features features = 1; }`);
const Example = root.lookupType('Example');

const signature = (method: string, more: Partial<Signature> = {}): Signature => ({
  inputs: [{ name: 'inputs', dtype: 'BYTES', shape: [-1] }],
  outputs: [],
  method: `tensorflow/serving/${method}`,
  ...more,
});
const model: ServedModel = {
  name: 'half',
  version: '1',
  format: 'SavedModel',
  engine: 'tensorflow',
  engineReason: 'it was asked for',
  signatures: new Map([
    ['serving_default', signature('classify')],
    ['regress', signature('regress')],
    ['floats', signature('classify', { inputs: [{ name: 'inputs', dtype: 'FP32', shape: [-1] }] })],
  ]),
  defaultSignature: 'serving_default',
};
const decode = (body: object | string, method: 'classify' | 'regress' = 'classify') =>
  decodeExamples(jsonTextOf(typeof body === 'string' ? body : JSON.stringify(body)), model, method);

function featuresOf(body: object | string): unknown[] {
  const [{ data } = { data: [] }] = decode(body).inputs;
  return (data as Uint8Array[]).map((bytes) => {
    const plain = Example.toObject(Example.decode(bytes), { longs: String, bytes: String }) as {
      features?: { feature?: object };
    };
    return plain.features?.feature ?? {};
  });
}

describe('examples', () => {
  it('become TensorFlow’s own, each feature of one kind', () => {
    const body = `{"examples":[
      {"a": 1, "b": [1.5, 2e0], "c": ["text", {"b64": "AP8="}], "d": [true, false], "e": [-9007199254740993], "f": []},
      {"a": NaN}
    ]}`;
    const [first, second] = featuresOf(body);
    expect(first).toEqual({
      a: { int64List: { value: ['1'] } },
      b: { floatList: { value: [1.5, 2] } },
      c: { bytesList: { value: [Buffer.from('text').toString('base64'), 'AP8='] } },
      d: { int64List: { value: ['1', '0'] } },
      e: { int64List: { value: ['-9007199254740993'] } },
      f: {},
    });
    expect(second).toEqual({ a: { floatList: { value: [NaN] } } });
  });

  it('share the features of the context, wherever it stands', () => {
    expect(featuresOf('{"examples":[{"a":1},{"a":2}],"context":{"c":"x"}}')).toEqual([
      { c: { bytesList: { value: ['eA=='] } }, a: { int64List: { value: ['1'] } } },
      { c: { bytesList: { value: ['eA=='] } }, a: { int64List: { value: ['2'] } } },
    ]);
  });

  it('are one tensor of bytes for the signature that is named', () => {
    const asked = decode({ examples: [{}, {}], signature_name: 'regress' }, 'regress');
    expect(asked).toMatchObject({ signature: 'regress', inputs: [{ name: 'inputs', dtype: 'BYTES', shape: [2] }] });
  });

  it.each([
    ['no examples', {}, 'classify', "key 'examples' is expected"],
    ['an empty list', { examples: [] }, 'classify', 'is an empty array'],
    ['no list', { examples: {} }, 'classify', 'to be an list/array'],
    ['an example that is no object', { examples: [1] }, 'classify', "'examples' element 0 is 1"],
    ['null', { examples: [{ a: null }] }, 'classify', 'feature "a" has null'],
    ['a list in a list', { examples: [{ a: [[1]] }] }, 'classify', 'feature "a" has [1]'],
    ['two kinds', { examples: [{ a: [1, 'x'] }] }, 'classify', 'of the kinds int64 and bytes'],
    ['a number beyond 64 bits', '{"examples":[{"a":9223372036854775808}]}', 'classify', 'does not fit 64 bits'],
    ['a number beyond float', '{"examples":[{"a":1e39}]}', 'classify', 'is no float'],
    [
      'another method',
      { examples: [{}] },
      'regress',
      'to be tensorflow/serving/regress. Was: tensorflow/serving/classify',
    ],
    ['an unknown signature', { examples: [{}], signature_name: 'x' }, 'classify', '"x" not found'],
    ['a signature of tensors', { examples: [{}], signature_name: 'floats' }, 'classify', 'Expected one input Tensor'],
  ] as const)('with %s are refused in words', (_, body, method, words) => {
    expect(() => decode(body, method)).toThrow(
      expect.objectContaining({ status: 400, message: expect.stringContaining(words) }),
    );
  });
});

describe('the answer', () => {
  const asked = decode({ examples: [{}, {}] });
  const classes: Tensor = {
    name: 'classes',
    dtype: 'BYTES',
    shape: [2, 2],
    data: ['a', 'b', 'a', 'b'].map((label) => Buffer.from(label)),
  };
  const scores: Tensor = { name: 'scores', dtype: 'FP32', shape: [2, 2], data: Float32Array.from([1, 0.5, NaN, 0]) };

  it('of classify has labels and scores', () => {
    expect(encodeClassify(asked, [scores, classes]).toString()).toBe(
      '{"results":[[["a",1.0],["b",0.5]],[["a",NaN],["b",0.0]]]}',
    );
    expect(encodeClassify(asked, [scores]).toString()).toContain('[["",1.0],["",0.5]]');
    expect(encodeClassify(asked, [classes]).toString()).toContain('[["a",0.0],["b",0.0]]');
  });

  it.each([
    [[{ ...scores, name: 'other' }], 'at least one of'],
    [[{ ...scores, shape: [4] }], 'Expected "scores" of FP32'],
    [[{ ...scores, shape: [1, 4] }], '2 rows; got FP32 [1,4]'],
    [[{ ...classes, data: classes.data.slice(0, 2), shape: [2, 1] }, scores], 'classes and scores have 1 and 2'],
  ])('of classify needs the outputs of a classification: %#', (outputs, words) => {
    expect(() => encodeClassify(asked, outputs)).toThrow(words);
  });

  it('of regress is one number for each example', () => {
    const output: Tensor = { name: 'outputs', dtype: 'FP32', shape: [2, 1], data: Float32Array.from([3.5, 4]) };
    expect(encodeRegress(asked, [output]).toString()).toBe('{"results":[3.5,4.0]}');
    expect(() => encodeRegress(asked, [{ ...output, data: Float32Array.from([1]), shape: [1] }])).toThrow(
      'of shape [1]',
    );
    expect(() => encodeRegress(asked, [])).toThrow('found none');
  });
});

import { describe, expect, it } from '@jest/globals';
import type { DataType, ServedModel, Tensor, TensorData, TensorSpec } from '../../model/types.ts';
import { RequestError } from '../../errors.ts';
import { readBinary, writeBinary } from './binary.ts';
import { decodeInfer } from './decode.ts';
import { encodeInfer } from './encode.ts';
import { frame } from './framing.ts';
import { fromHalf, toBfloat, toHalf } from '@modeldeployment/modelpack/half';

function served(inputs: TensorSpec[], outputs: TensorSpec[] = []): ServedModel {
  return {
    name: 'm',
    version: '1',
    format: 'SavedModel',
    engine: 'tensorflow',
    engineReason: 'it was asked for',
    signatures: new Map([['serving_default', { inputs, outputs }]]),
    defaultSignature: 'serving_default',
  };
}

const a: TensorSpec = { name: 'a', dtype: 'UINT8', shape: [-1] };
const b: TensorSpec = { name: 'b', dtype: 'FP32', shape: [-1, 2] };
const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
const head = (spec: TensorSpec, shape: number[], size: unknown) => ({
  name: spec.name,
  datatype: spec.dtype,
  shape,
  parameters: { binary_data_size: size },
});

/** Sends the JSON of `body` and the bytes behind it, in pieces of `step` bytes. */
function decode(body: object, bytes: Buffer, model: ServedModel, header?: string, step = 1000) {
  const json = Buffer.from(JSON.stringify(body));
  const whole = Buffer.concat([json, bytes]);
  const chunks: Buffer[] = [];
  for (let at = 0; at < whole.length; at += step) chunks.push(whole.subarray(at, at + step));
  return decodeInfer(frame(chunks, whole.length, header ?? String(json.length)), model);
}

describe('binary tensors', () => {
  it.each([1, 7, 64, 1000])('follow the JSON in the order of the inputs, in pieces of %i bytes', (step) => {
    const body = { inputs: [head(a, [3], 3), head(b, [1, 2], 8)] };
    const { inputs } = decode(
      body,
      Buffer.concat([Buffer.from([1, 2, 255]), floats(0.1, -2)]),
      served([b, a]),
      undefined,
      step,
    );
    expect(inputs).toEqual([
      { name: 'b', dtype: 'FP32', shape: [1, 2], data: Float32Array.from([0.1, -2]) },
      { name: 'a', dtype: 'UINT8', shape: [3], data: Uint8Array.from([1, 2, 255]) },
    ]);
  });

  it('and JSON tensors may be mixed', () => {
    const body = { inputs: [{ name: 'a', datatype: 'UINT8', shape: [1], data: [7] }, head(b, [1, 2], 8)] };
    const { inputs } = decode(body, floats(1, 2), served([a, b]));
    expect(inputs.map(({ data }) => [...(data as Float32Array)])).toEqual([[7], [1, 2]]);
  });

  it.each([
    ['a header that is no number', { inputs: [] }, Buffer.alloc(0), 'x', 'Inference-Header-Content-Length is "x"'],
    ['a negative header', { inputs: [] }, Buffer.alloc(0), '-1', 'Inference-Header-Content-Length is "-1"'],
    ['a header beyond the body', { inputs: [] }, Buffer.alloc(0), '99', 'in a body of 13 bytes'],
    ['a header inside the JSON', { inputs: [] }, Buffer.alloc(0), '5', 'not valid JSON'],
    ['a size that is text', { inputs: [head(b, [1, 2], '8')] }, floats(1, 2), undefined, 'binary_data_size is "8"'],
    ['a size beyond the body', { inputs: [head(b, [1, 2], 8)] }, floats(1), undefined, 'only 4 bytes follow'],
    [
      'a size that is not the shape',
      { inputs: [head(b, [1, 2], 4)] },
      floats(1),
      undefined,
      'has 4 bytes of binary data',
    ],
    [
      'bytes of no input',
      { inputs: [head(b, [1, 2], 8)] },
      floats(1, 2, 3),
      undefined,
      '4 bytes of binary data in the body',
    ],
    ['another shape', { inputs: [head(b, [1, 3], 12)] }, floats(1, 2, 3), undefined, 'has shape [1,3]'],
    ['a huge shape', { inputs: [head(b, [2 ** 40, 2], 8)] }, floats(1, 2), undefined, 'more than'],
  ])('with %s are refused', (_, body, bytes, header, words) => {
    expect(() => decode(body, bytes, served([b]), header)).toThrow(words);
    expect(() => decode(body, bytes, served([b]), header)).toThrow(RequestError);
  });

  it.each([
    ['BOOL', Uint8Array.from([1, 0])],
    ['UINT8', Uint8Array.from([0, 255])],
    ['INT8', Int8Array.from([-128, 127])],
    ['UINT16', Uint16Array.from([65535])],
    ['INT16', Int16Array.from([-32768])],
    ['UINT32', Uint32Array.from([4294967295])],
    ['INT32', Int32Array.from([-2147483648])],
    ['UINT64', BigUint64Array.from([18446744073709551615n])],
    ['INT64', BigInt64Array.from([-9223372036854775808n])],
    ['FP16', Float32Array.from([0.5, -65504, NaN])],
    ['BF16', Float32Array.from([1.5, -(2 ** 100), Infinity])],
    ['FP32', Float32Array.from([0.1, NaN])],
    ['FP64', Float64Array.from([0.1, -Infinity])],
    ['BYTES', [Buffer.from('a'), Buffer.alloc(0), Buffer.from([0, 255])]],
  ] as [DataType, TensorData][])('of %s come back as they went', (dtype, data) => {
    const bytes = writeBinary({ name: 'x', dtype, shape: [data.length], data });
    for (const shift of [0, 1]) {
      // Also where an array cannot begin in memory.
      const place = Buffer.concat([Buffer.alloc(shift), bytes]).subarray(shift);
      expect(readBinary(place, dtype, data.length, 'x')).toEqual(data);
    }
  });

  it.each([
    ['BYTES', Buffer.from([1, 0, 0]), 'length of element 0 reaches beyond'],
    ['BYTES', Buffer.from([9, 0, 0, 0, 65]), 'length of element 0 reaches beyond'],
    ['BYTES', Buffer.from([255, 255, 255, 255]), 'length of element 0 reaches beyond'],
    ['BYTES', Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]), 'has 2 elements in its binary data'],
    ['BOOL', Buffer.from([2]), 'byte 0 of a BOOL is 2'],
  ] as const)('of %s that are damaged are refused: %s', (dtype, bytes, words) => {
    expect(() => readBinary(bytes, dtype, 1, 'x')).toThrow(words);
  });
});

describe('a raw body', () => {
  const raw = (bytes: Buffer, ...inputs: TensorSpec[]) =>
    decodeInfer(frame([bytes], bytes.length, '0'), served(inputs));

  it('is the only input, as many rows as there are bytes for', () => {
    const { inputs, binaryOutputs } = raw(floats(1, 2, 3, 4), b);
    expect(inputs).toEqual([{ name: 'b', dtype: 'FP32', shape: [2, 2], data: Float32Array.from([1, 2, 3, 4]) }]);
    expect(binaryOutputs).toBe(true);
  });

  it('is one row where another size is free, too', () => {
    expect(raw(floats(1, 2, 3), { ...b, shape: [-1, -1] }).inputs[0]?.shape).toEqual([1, 3]);
  });

  it('is one element of text', () => {
    expect(raw(Buffer.from('grün'), { ...a, dtype: 'BYTES' }).inputs[0]).toMatchObject({
      shape: [1],
      data: [Buffer.from('grün')],
    });
  });

  it.each([
    ['two inputs', [a, b], floats(1, 2), 'needs a model with one input'],
    ['part of a row', [b], floats(1), 'has 4 bytes, expected a multiple of 8'],
    ['no byte', [b], Buffer.alloc(0), 'has 0 bytes'],
    ['too many bytes', [{ ...b, shape: [1, 2] }], floats(1, 2, 3), 'has 12 bytes of binary data'],
    ['two free sizes besides rows', [{ ...b, shape: [-1, -1, -1] }], floats(1), 'does not follow'],
    ['a list of text', [{ ...a, dtype: 'BYTES', shape: [2] }], Buffer.from('a'), 'is one element'],
  ] as [string, TensorSpec[], Buffer, string][])('for %s is refused', (_, inputs, bytes, words) => {
    expect(() => raw(bytes, ...inputs)).toThrow(words);
  });
});

describe('an answer', () => {
  const scores: TensorSpec = { name: 'scores', dtype: 'FP32', shape: [-1, 4] };
  const label: TensorSpec = { name: 'label', dtype: 'INT64', shape: [-1] };
  const model = served([b], [scores, label]);
  const outputs: Tensor[] = [
    { name: 'scores', dtype: 'FP32', shape: [2, 4], data: Float32Array.from([1, 5, 10, 4, 0.1, 0.2, 0.2, 0]) },
    { name: 'label', dtype: 'INT64', shape: [2], data: BigInt64Array.from([2n, 1n]) },
  ];
  const inputs = [{ name: 'b', datatype: 'FP32', shape: [1, 2], data: [1, 2] }];

  function answer(fields: object) {
    const json = Buffer.from(JSON.stringify({ inputs, ...fields }));
    const { body, jsonLength } = encodeInfer(model, decodeInfer(frame([json], json.length, undefined), model), outputs);
    const text = body.toString('utf8', 0, jsonLength ?? body.length);
    const found = (JSON.parse(text) as { outputs: Record<string, unknown>[] }).outputs;
    return { found, bytes: jsonLength === undefined ? undefined : body.subarray(jsonLength) };
  }

  it('has no bytes unless they are asked for', () => {
    expect(answer({}).bytes).toBeUndefined();
  });

  it('gives all outputs as bytes, one behind the other', () => {
    const { found, bytes } = answer({ parameters: { binary_data_output: true } });
    expect(found.map(({ data, parameters }) => [data, parameters])).toEqual([
      [undefined, { binary_data_size: 32 }],
      [undefined, { binary_data_size: 16 }],
    ]);
    expect(bytes).toEqual(Buffer.concat(outputs.map(writeBinary)));
  });

  it('lets each output say how it is wanted', () => {
    const { found, bytes } = answer({
      parameters: { binary_data_output: true },
      outputs: [{ name: 'label', parameters: { binary_data: false } }, { name: 'scores' }],
    });
    expect(found[0]).toEqual({ name: 'label', shape: [2], datatype: 'INT64', data: [2, 1] });
    expect(bytes).toEqual(writeBinary(outputs[0] as Tensor));
  });

  it('gives the highest values of each row with their places, when that is asked for', () => {
    const wanted = (name: string, classification: number) => ({ outputs: [{ name, parameters: { classification } }] });
    expect(answer(wanted('scores', 2)).found).toEqual([
      { name: 'scores', shape: [2, 2], datatype: 'BYTES', data: ['10:2', '5:1', '0.2:1', '0.2:2'] },
    ]);
    expect(answer(wanted('scores', 9)).found[0]?.shape).toEqual([2, 4]);
    expect(answer(wanted('label', 1)).found).toEqual([{ name: 'label', shape: [1], datatype: 'BYTES', data: ['2:0'] }]);
  });
});

describe('16-bit floats', () => {
  it('of half precision are rounded to the nearest, and to even between two', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const values = fromHalf(all);
    toHalf(values).forEach((half, i) => {
      if (!Number.isNaN(values[i])) expect([i, half]).toEqual([i, i]);
    });
    const near = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -25, 3 * 2 ** -25, 65519, 65520, -1e-9];
    expect([...fromHalf(toHalf(Float32Array.from(near)))]).toEqual([1, 1 + 2 ** -9, 0, 2 ** -23, 65504, Infinity, -0]);
    expect([...fromHalf(toHalf(Float32Array.from([NaN])))]).toEqual([NaN]);
  });

  it('of bfloat16 are rounded likewise', () => {
    const near = [1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, -0];
    const bits = toBfloat(Float32Array.from(near));
    expect([...bits]).toEqual([0x3f80, 0x3f82, 0x7f80, 0x8000]);
    expect(toBfloat(Float32Array.from([NaN]))[0]).toBe(0x7fc0);
  });
});

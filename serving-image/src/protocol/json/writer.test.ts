import { describe, expect, it } from '@jest/globals';
import type { DataType, Tensor, TensorData } from '../../model/types.ts';
import { randomDouble, seeded } from '../../../testing/numbers.ts';
import { JsonWriter, type Dialect } from './writer.ts';

const tensor = (dtype: DataType, shape: number[], data: TensorData, name = 'x'): Tensor => ({
  name,
  dtype,
  shape,
  data,
});
const list = (of: Tensor, dialect: Dialect = 'v2') =>
  new JsonWriter().elements(of, 0, of.data.length, dialect).finish().toString();
const floats = (...values: number[]) => list(tensor('FP32', [values.length], Float32Array.from(values)));

describe('a float32', () => {
  it.each([
    [0.1, '0.1'],
    [-0.1, '-0.1'],
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [-255, '-255'],
    [22.5, '22.5'],
    [1 / 3, '0.33333334'],
    [16777216, '16777216'],
    [123456789, '123456792'],
    [2147483648, '2147483600'],
    [0.000001, '0.000001'],
    [0.00000123, '0.00000123'],
    [1e-7, '1e-7'],
    [1.5e-9, '1.5e-9'],
    [1.17549435e-38, '1.1754944e-38'],
    [1e-45, '1e-45'],
    [3.4028235e38, '3.4028235e+38'],
    [1e21, '1e+21'],
    [99999.99, '99999.99'],
    [0.99999994, '0.99999994'],
  ])('%p is written in as few digits as tell it: %s', (value, text) => {
    expect(floats(value)).toBe(text);
  });

  it('reads back as itself, and no shorter text would', () => {
    const random = seeded(3);
    const values = Float32Array.from({ length: 20_000 }, (_, i) =>
      i % 2 === 0 ? randomDouble(random) : (random() - 0.5) * 10 ** Math.floor(random() * 20 - 12),
    ).filter((value) => Number.isFinite(value) && value !== (value | 0));
    const texts = floats(...values).split(',');
    expect(Float32Array.from(texts, Number)).toEqual(values);
    texts.forEach((text, i) => {
      const digits = text
        .replace(/e.*/, '')
        .replace(/[-.]/g, '')
        .replace(/^0+|0+$/g, '').length;
      const shorter = digits > 1 ? Math.fround(Number((values[i] ?? 0).toPrecision(digits - 1))) : NaN;
      expect(shorter).not.toBe(values[i]);
    });
  });

  it('that JSON has no word for is a bare word or a string', () => {
    const data = tensor('FP32', [3], Float32Array.from([NaN, Infinity, -Infinity]));
    expect(list(data, 'v1')).toBe('NaN,Infinity,-Infinity');
    expect(list(data, 'v2')).toBe('"NaN","Infinity","-Infinity"');
  });
});

describe('a float of version 1 of the protocol', () => {
  it.each([
    [[1, -0, 2.5, 1e21], '1.0,-0.0,2.5,1e+21'],
    [[16777216, 1e-7], '16777216.0,1e-7'],
  ])('that is whole shows that it is a float: %p', (values, text) => {
    const { length } = values;
    expect(list(tensor('FP32', [length], Float32Array.from(values)), 'v1')).toBe(text);
    expect(list(tensor('FP64', [length], Float64Array.from(values)), 'v1')).toBe(text);
    expect(list(tensor('INT32', [1], Int32Array.from([1])), 'v1')).toBe('1');
  });
});

describe('other elements', () => {
  it.each([
    [tensor('FP64', [3], Float64Array.from([0.1, -1e300, NaN])), '0.1,-1e+300,"NaN"'],
    [tensor('INT64', [2], BigInt64Array.from([-5n, 9007199254740993n])), '-5,9007199254740993'],
    [tensor('UINT64', [1], BigUint64Array.from([18446744073709551615n])), '18446744073709551615'],
    [tensor('INT32', [3], Int32Array.from([0, -2147483648, 2147483647])), '0,-2147483648,2147483647'],
    [tensor('UINT32', [1], Uint32Array.from([4294967295])), '4294967295'],
    [tensor('INT8', [2], Int8Array.from([-128, 127])), '-128,127'],
    [tensor('BOOL', [2], Uint8Array.from([1, 0])), 'true,false'],
    [tensor('BYTES', [2], [Buffer.from('"'), Buffer.from('grün')]), '"\\"","grün"'],
  ])('are written without loss: %#', (data, text) => {
    expect(list(data)).toBe(text);
  });

  it('of bytes are base64 where the name says so, for version 1', () => {
    const data = tensor('BYTES', [1], [Buffer.from([0, 255])], 'image_bytes');
    expect(list(data, 'v1')).toBe('{"b64":"AP8="}');
  });
});

describe('a text', () => {
  it('may be longer than the place where it is put together', () => {
    const values = Float32Array.from({ length: 50_000 }, (_, i) => i / 7);
    const long = 'ü'.repeat(100_000);
    const json = new JsonWriter()
      .raw('[')
      .value(long)
      .raw(',')
      .elements(tensor('FP32', [50_000], values), 0, 50_000, 'v1');
    const [text, ...numbers] = JSON.parse(json.raw(']').finish().toString()) as [string, ...number[]];
    expect(text).toBe(long);
    expect(Float32Array.from(numbers)).toEqual(values);
  });

  it('that is given out is not changed by the next one', () => {
    const first = new JsonWriter().raw('first').finish();
    new JsonWriter().raw('other').finish();
    expect(first.toString()).toBe('first');
  });

  it('nests a tensor as its shape says', () => {
    const cube = tensor('INT32', [2, 2, 1], Int32Array.from([1, 2, 3, 4]));
    expect(new JsonWriter().nested(cube).finish().toString()).toBe('[[[1],[2]],[[3],[4]]]');
    expect(new JsonWriter().row(cube, 1).finish().toString()).toBe('[[3],[4]]');
    expect(
      new JsonWriter()
        .nested(tensor('INT32', [], Int32Array.from([7])))
        .finish()
        .toString(),
    ).toBe('7');
    expect(
      new JsonWriter()
        .nested(tensor('INT32', [2, 0], new Int32Array(0)))
        .finish()
        .toString(),
    ).toBe('[[],[]]');
  });
});

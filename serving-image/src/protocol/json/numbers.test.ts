import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DataType } from '../../model/types.ts';
import { RequestError } from '../../errors.ts';
import { randomNumber, seeded } from '../../../testing/numbers.ts';
import { columnFor } from './columns.ts';
import { readNested } from './nested.ts';
import { Scanner } from './scanner.ts';
import { jsonTextOf } from './text.ts';

/** Reads a list of any length. */
function read(text: string, dtype: DataType, bareTokens = false) {
  const scan = new Scanner(jsonTextOf(text), bareTokens);
  const column = columnFor({ name: 'x', dtype, shape: [-1] }, 'x', [-1]);
  readNested(scan, column);
  scan.finish();
  return column.finish();
}

/** What our reader and JSON.parse make of the same text: the same values, or both refuse it. */
function both(text: string): [Float64Array | string, Float64Array | string] {
  let ours: Float64Array | string;
  try {
    ours = read(text, 'FP64') as Float64Array;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    ours = 'refused';
  }
  try {
    const value: unknown = JSON.parse(text);
    const numbers = Array.isArray(value) && value.length > 0 && value.every((item) => Number.isFinite(item));
    return [ours, numbers ? Float64Array.from(value as number[]) : 'refused'];
  } catch {
    return [ours, 'refused'];
  }
}

describe('a number', () => {
  it('is read to the last bit as JSON.parse reads it, however it is written', () => {
    const random = seeded(1);
    for (let round = 0; round < 200; round++) {
      const texts = Array.from({ length: 500 }, () => randomNumber(random));
      const [ours, expected] = both(`[${texts.join(round % 2 === 0 ? ',' : ' ,\n ')}]`);
      expect(ours).toEqual(expected);
    }
  });

  it.each([
    // Halfway between two doubles, or next to it.
    '9007199254740993',
    '9007199254740992.99999999999999999999999999999',
    '9007199254740993.00000000000000000000000000001',
    '1.00000000000000011102230246251565404236316680908203125',
    '1.00000000000000011102230246251565404236316680908203124',
    '1.00000000000000033306690738754696212708950042724609375',
    '8.41e21',
    '9.109e-31',
    '2.2250738585072011e-308',
    '5e-324',
    '2.4703282292062327e-324',
    '2.4703282292062328e-324',
    '1.7976931348623157e308',
    '123456789012345678901234567890',
    '0.000000000000000000000000000000000000000000001234567890123',
    '0e0',
    '-0',
    '-0.0e-5',
    '1E+2',
    '1e-05',
    '1e22',
    '1e23',
    '1e00000000000000000002',
    '100000000000000000000000000000000000000000000000000e-50',
  ])('%s is rounded correctly', (text) => {
    const [ours, expected] = both(`[${text}]`);
    expect(ours).toEqual(expected);
    expect(expected).not.toBe('refused');
  });

  it.each([
    '01',
    '-01',
    '00',
    '+1',
    '.5',
    '-.5',
    '1.',
    '1.e5',
    '-',
    '--1',
    '1e',
    '1e+',
    '1e-',
    '1.5e',
    '1e5.5',
    '1.2.3',
    '0x10',
    '1_000',
    '1 2',
    '1,',
    ',1',
    '1,,2',
    'NaN',
    'Infinity',
    '-Infinity',
    '1e999',
    '123456789.',
    '1234567890.',
    '12345678901e',
    '0123456789012',
    '1\u00a0',
    '1\u0000',
    'null',
    'true',
    '"1"',
    '[1]',
    '{}',
    '',
  ])('is not %j', (text) => {
    expect(both(`[${text}]`)).toEqual(['refused', 'refused']);
  });

  it('is refused wherever JSON.parse refuses it: random texts', () => {
    const pieces = ['0', '1', '9', '12345678', '.', '-', '+', 'e', 'E', ',', ' ', '\n', '[', ']', '"', '0.1', '1e5'];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => `[${parts.join('')}]`);
    fc.assert(
      fc.property(text, (json) => {
        const [ours, expected] = both(json);
        expect(ours).toEqual(expected);
      }),
      { numRuns: 20_000, seed: 5 },
    );
  });

  it.each([
    ['FP32', '[0.1,-3.5e-3,16777217,3.4028235e38]', Float32Array.from([0.1, -3.5e-3, 16777217, 3.4028235e38])],
    ['FP16', '[65504,0.1]', Float32Array.from([65504, 0.1])],
    ['INT8', '[-128,127]', Int8Array.from([-128, 127])],
    ['UINT8', '[0,255]', Uint8Array.from([0, 255])],
    ['INT16', '[-32768,32767]', Int16Array.from([-32768, 32767])],
    ['UINT16', '[65535]', Uint16Array.from([65535])],
    ['INT32', '[-2147483648,2147483647,1e3]', Int32Array.from([-2147483648, 2147483647, 1000])],
    ['UINT32', '[4294967295]', Uint32Array.from([4294967295])],
    [
      'INT64',
      '[0,-1,9007199254740993,-9223372036854775808,9223372036854775807,5e3,-4294967296,999999999999999]',
      BigInt64Array.from([
        0n,
        -1n,
        9007199254740993n,
        -9223372036854775808n,
        9223372036854775807n,
        5000n,
        -4294967296n,
        999999999999999n,
      ]),
    ],
    ['UINT64', '[0,18446744073709551615,-0]', BigUint64Array.from([0n, 18446744073709551615n, 0n])],
    ['BOOL', '[true,false,1,0]', Uint8Array.from([1, 0, 1, 0])],
    [
      'BYTES',
      '["","grün","\\n\\u00fc",{"b64":"AP8="}]',
      ['', 'grün', '\nü'].map((text) => Buffer.from(text)).concat(Buffer.from([0, 255])),
    ],
  ] as [DataType, string, unknown][])('of type %s is read without loss', (dtype, text, expected) => {
    expect(read(text, dtype)).toEqual(expected);
  });

  it.each([
    ['FP32', '3.4028236e38'],
    ['FP16', '65520'],
    ['FP64', '1e309'],
    ['UINT8', '256'],
    ['UINT8', '-1'],
    ['INT8', '300'],
    ['INT16', '40000'],
    ['INT32', '2147483648'],
    ['INT32', '1.5'],
    ['UINT32', '-1'],
    ['INT64', '9223372036854775808'],
    ['INT64', '0.5'],
    ['INT64', '1e300'],
    ['INT64', '01'],
    ['UINT64', '18446744073709551616'],
    ['UINT64', '-1'],
    ['BOOL', '2'],
    ['BOOL', '"true"'],
    ['BYTES', '7'],
    ['BYTES', '{"b64":7}'],
    ['BYTES', '{}'],
  ] as [DataType, string][])('is never bent to its type: %s %s', (dtype, text) => {
    expect(() => read(`[${text}]`, dtype)).toThrow(expect.objectContaining({ status: 400 }));
  });

  it('may be a bare token where those are allowed, written exactly so', () => {
    expect(read('[NaN, Infinity,-Infinity ,1]', 'FP32', true)).toEqual(
      Float32Array.from([NaN, Infinity, -Infinity, 1]),
    );
    for (const text of ['nan', 'Infinit', 'InfinityX', '+Infinity', '"NaN"', 'NaN1']) {
      expect(() => read(`[${text}]`, 'FP32', true)).toThrow(RequestError);
    }
    expect(() => read('[NaN]', 'INT32', true)).toThrow('element [0] is NaN');
  });

  it('is named by its place and as it was written', () => {
    expect(() => read('[1,2,1e400]', 'FP32')).toThrow('x: element [2] is 1e400, which is not a value of FP32');
    expect(() => read('[1,"two"]', 'INT64')).toThrow('x: element [1] is "two", which is not a value of INT64');
  });
});

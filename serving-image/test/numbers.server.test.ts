import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { loadAddon } from '../src/addon.ts';
import { ensureNative } from '../src/build/native.ts';
import type { DataType, TensorData } from '../src/model/types.ts';
import { RequestError } from '../src/errors.ts';
import { randomNumber, seeded } from '../testing/numbers.ts';
import { columnFor } from '../src/protocol/json/columns.ts';
import { readNested } from '../src/protocol/json/nested.ts';
import { useNativeNumbers, type NativeNumbers } from '../src/protocol/json/numbers.ts';
import { Scanner } from '../src/protocol/json/scanner.ts';
import { jsonTextOf } from '../src/protocol/json/text.ts';

/** The values of a list, or why they are refused. */
function read(text: string, dtype: DataType, size: number): TensorData | string {
  const scan = new Scanner(jsonTextOf(text), true);
  const column = columnFor({ name: 'x', dtype, shape: [size] }, 'x', [size]);
  try {
    readNested(scan, column);
    scan.finish();
    return column.finish();
  } catch (error) {
    if (error instanceof RequestError) return error.message;
    throw error;
  }
}

let addon: NativeNumbers;
/** Counts what the addon reads. */
let count = 0;
const counting: NativeNumbers = {
  read: (text, at, end, out, from, to, tooLarge, behind) => {
    const index = addon.read(text, at, end, out, from, to, tooLarge, behind);
    count += index - from;
    return index;
  },
};

/** Both readers come to the same. */
function compare(text: string, dtype: DataType = 'FP64', size = -1): TensorData | string {
  useNativeNumbers(undefined);
  const expected = read(text, dtype, size);
  useNativeNumbers(counting);
  const found = read(text, dtype, size);
  expect([text, found]).toEqual([text, expected]);
  return found;
}

const LARGEST = { FP64: Infinity, FP32: 3e38, FP16: 65_000, INT32: 256, UINT8: 256 };

/** So many that the addon is asked. */
const LEADING = Array.from({ length: 20 }, (_, i) => String(i));

describe('the addon that reads numbers', () => {
  beforeAll(async () => {
    await ensureNative(() => undefined);
    addon = loadAddon('numbers') as NativeNumbers;
    expect(useNativeNumbers(addon)).toBe(true);
  }, 600_000);

  afterEach(() => void useNativeNumbers(undefined));

  it.each(['FP64', 'FP32', 'FP16', 'INT32', 'UINT8'] as const)('reads %s as TypeScript does', (dtype) => {
    const random = seeded(7);
    count = 0;
    for (let round = 0; round < 300; round++) {
      const texts = Array.from({ length: 300 }, () =>
        dtype.includes('INT') ? String(Math.floor(random() * 256)) : randomNumber(random),
      ).filter((text) => Math.abs(Number(text)) < LARGEST[dtype]);
      const values = compare(`[${texts.join([',', ', ', ',\n    '][round % 3])}]`, dtype);
      if (dtype === 'FP64') expect(values).toEqual(Float64Array.from(texts, Number));
      if (dtype === 'FP32') expect(values).toEqual(Float32Array.from(texts, Number));
    }
    // All but the last of a list, and those behind the few that are so small that TypeScript has to look at them.
    expect(count).toBeGreaterThan(40_000);
  });

  it.each([
    '0',
    '-0',
    '-0.0',
    '00',
    '01',
    '-01',
    '0.5',
    '.5',
    '-.5',
    '5.',
    '-5.',
    '1..2',
    '1.2.3',
    '-',
    '--1',
    '+1',
    '',
    ' ',
    '1 ',
    ' 1',
    '\t1',
    '1e5',
    '1E+2',
    '1e',
    '1e+',
    '1.e5',
    '1.5e-7',
    '1e400',
    '1e-400',
    '5e-324',
    'NaN',
    '-Infinity',
    'nan',
    'inf',
    'infinity',
    '0x10',
    '1_0',
    '1:2',
    '1/2',
    '\u00b5',
    '[1]',
    '"1"',
    'null',
    '{}',
    '1234567890123456',
    '123456789012345678',
    '1234567890123456789012345',
    '9007199254740993',
    '0.1234567890123456789',
    '0.12345678901234567890123456789012',
    '12345678901234567.8901234567890',
    '0.00000000000000000000001',
    '-0.5725490196078431',
    '0.00000000000000000000000000001',
    '123456789012345.',
    '.12345678901234567',
    '0123456789012345678',
    '1.2345678901234.6789',
    // Halfway between two floats, or next to it.
    '1.00000005960464477539',
    '1.000000059604644776',
    '1.0000000596046447',
    '16777217',
    '16777217.000000001',
    '8388609.5',
  ])('takes or refuses %j as TypeScript does', (text) => {
    for (const dtype of ['FP64', 'FP32'] as const) {
      for (const leading of [LEADING, LEADING.slice(1), []]) {
        compare(`[${[...leading, text, '7', '8'].join(',')}]`, dtype);
        compare(`[${[...leading, text].join(', ')}]`, dtype);
        compare(`[${[text, ...leading].join(' ,')}]`, dtype);
      }
    }
  });

  it('ends where the list or the text ends, and at the size that is expected', () => {
    for (let length = 16; length < 200; length++) {
      const list = Array.from({ length }, (_, i) => `0.${i}`).join(',');
      for (const text of [`[${list}]`, `[${list},`, `[${list}`, `[${list},]`, `[${list}],[${list}]`, `[${list}]}`]) {
        for (const size of [-1, length, length - 1, length + 1]) compare(text, 'FP32', size);
      }
    }
  });

  it('reads texts of any size, one after the other', () => {
    for (const length of [20, 60_000, 300_000, 20]) {
      const texts = Array.from({ length }, (_, i) => String((i % 256) / 255));
      expect(compare(`[${texts.join(', ')}]`, 'FP32')).toEqual(Float32Array.from(texts, Number));
    }
  });

  it('comes to the same with whatever random texts', () => {
    const pieces = [
      '0',
      '1',
      '9',
      '12345678',
      '.',
      '-',
      '+',
      'e',
      'E',
      ',',
      ',',
      ',',
      ' ',
      '\n',
      '[',
      ']',
      '"',
      '0.1',
      '1e5',
      '\0',
      'ÿ',
    ];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.constantFrom('FP32', 'FP64', 'INT16'), fc.boolean(), (json, dtype, leads) => {
        compare(`[${leads ? `${LEADING.join(',')},` : ''}${json}]`, dtype);
      }),
      { numRuns: 20_000, seed: 3 },
    );
  });

  it('refuses to read beyond what it is given', () => {
    const behind = new Float64Array(1);
    const bytes = new Uint8Array(new ArrayBuffer(256), 64, 128);
    const out = new Float32Array(16);
    const read = (text: Uint8Array, at: number, end: number, from: number, to: number) => () =>
      addon.read(text, at, end, out, from, to, 1e30, behind);
    expect(read(bytes, 0, 64, 0, 16)()).toBe(0);
    expect(read(bytes, 0, 65, 0, 16)).toThrow('is called with something else');
    expect(read(bytes, 65, 64, 0, 16)).toThrow('is called with something else');
    expect(read(bytes, 0, 64, 0, 17)).toThrow('is called with something else');
    expect(read(bytes, 0, 64, 9, 8)).toThrow('is called with something else');
    expect(read(new Uint8Array(bytes.buffer, 63, 128), 0, 64, 0, 16)).toThrow('is called with something else');
  });
});

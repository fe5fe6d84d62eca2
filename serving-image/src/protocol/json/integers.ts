import { Byte } from './byte.ts';
import type { Column } from './column.ts';
import { numberText } from './decimal.ts';
import type { Scanner } from './scanner.ts';

const WORD = 4294967296;
const RANGE = {
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
} as const;

/**
 * Reads one 64-bit integer into the words `2 · index` (the lower one) and `2 · index + 1` of `out`. All 64 bits are
 * exact, though JSON's usual readers lose them beyond 2^53. @throws RequestError 400
 */
export function readInteger64(scan: Scanner, column: Column, out: Int32Array, index: number): void {
  let c = scan.peek();
  const { bytes, at: start } = scan;
  let at = start;
  const negative = c === Byte.Minus;
  if (negative) c = bytes[++at] as Byte;
  const first = at;
  let value = 0;
  // Fifteen digits are exact in a double.
  while (c >= Byte.Zero && c <= Byte.Nine && at - first < 15) {
    value = value * 10 + (c - Byte.Zero);
    c = bytes[++at] as Byte;
  }
  const plain = c === Byte.Comma || c === Byte.CloseList || c <= Byte.Blank;
  const leadingZero = bytes[first] === Byte.Zero && at - first > 1;
  if (!plain || leadingZero || at === first || (negative && column.spec.dtype === 'UINT64' && value > 0)) {
    writeExactly(scan, column, out, index);
    return;
  }
  scan.at = at;
  const signed = negative ? -value : value;
  const high = Math.floor(signed / WORD);
  out[2 * index] = signed - high * WORD;
  out[2 * index + 1] = high;
}

/** By way of the text: long ones, and those written as 1e3 or 5.0. */
function writeExactly(scan: Scanner, column: Column, out: Int32Array, index: number): void {
  const start = scan.at;
  const value = integerOf(numberText(scan));
  const [lowest, highest] = RANGE[column.spec.dtype === 'UINT64' ? 'UINT64' : 'INT64'];
  if (value === undefined || value < lowest || value > highest) {
    scan.at = start;
    throw column.unfit(scan, index);
  }
  out[2 * index] = Number(BigInt.asIntN(32, value));
  out[2 * index + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

function integerOf(text: string): bigint | undefined {
  if (/^-?\d+$/.test(text)) return BigInt(text);
  const value = text === '' ? NaN : Number(text);
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

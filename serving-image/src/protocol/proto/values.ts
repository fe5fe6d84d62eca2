/** Lists of values, as messages have them, and the bytes of binary tensors. Pure. */
import type { DataType } from '../../model/types.ts';
import { badRequest } from '../../errors.ts';
import { ARRAY, writeStrings } from '../v2/binary.ts';

/** A 64-bit integer, as the library reads it. */
export interface Long {
  low: number;
  high: number;
  unsigned: boolean;
}
export type Element = number | boolean | Long | Uint8Array;

const isLong = (value: Element): value is Long => typeof value === 'object' && 'high' in value;

export function bigintOf(value: Element): bigint {
  if (!isLong(value)) return BigInt(Number(value));
  const bits = (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
  return value.unsigned ? BigInt.asUintN(64, bits) : bits;
}

export const numberOf = (value: number | Long): number => Number(typeof value === 'number' ? value : bigintOf(value));

/** Its digits, also where a number of JavaScript has not enough of them. */
export const digitsOf = (value: number | Long): string => String(typeof value === 'number' ? value : bigintOf(value));

/** As JSON has it: a number while that is exact, else its digits. */
export const exactOf = (value: number | Long): number | string => {
  const number = numberOf(value);
  return Number.isSafeInteger(number) ? number : digitsOf(value);
};

export const longOf = (value: bigint, unsigned: boolean): Long => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
  unsigned,
});

/** 16-bit floats are given by their bits. */
const WHOLE: ReadonlySet<DataType> = new Set([
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'INT8',
  'INT16',
  'INT32',
  'FP16',
  'BF16',
]);

/**
 * The bytes of `count` elements. Where there are fewer values the last one is repeated, without any they are zeros.
 * @throws RequestError 400 for a value that does not fit its type
 */
export function pack(dtype: DataType, values: readonly Element[], count: number, field: string): Buffer {
  if (dtype === 'BYTES') {
    const last = (values.at(-1) ?? new Uint8Array()) as Uint8Array;
    return writeStrings(Array.from({ length: count }, (_, i) => (values[i] as Uint8Array | undefined) ?? last));
  }
  const array = new ARRAY[dtype](count);
  const last = values.at(-1) ?? 0;
  for (let i = 0; i < count; i++) {
    const value = values[i] ?? last;
    if (array instanceof BigInt64Array || array instanceof BigUint64Array) array[i] = bigintOf(value);
    else array[i] = Number(value);
    if (WHOLE.has(dtype) && array[i] !== Number(value)) {
      throw badRequest(`${field} has ${Number(value)}, which does not fit ${dtype}`);
    }
  }
  return Buffer.from(array.buffer);
}

/** The elements in bytes that are known to be a tensor of this type; 16-bit floats by their bits. */
export function unpack(dtype: Exclude<DataType, 'BYTES'>, bytes: Buffer): ArrayLike<number | boolean | Long> {
  const Type = ARRAY[dtype];
  const copy = new Uint8Array(bytes);
  const array = new Type(copy.buffer);
  if (array instanceof BigInt64Array) return Array.from(array, (value) => longOf(value, false));
  if (array instanceof BigUint64Array) return Array.from(array, (value) => longOf(value, true));
  return array;
}

/** The elements of a binary tensor of BYTES. */
export function strings(bytes: Buffer): Uint8Array[] {
  const elements: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32LE(at);
    elements.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return elements;
}

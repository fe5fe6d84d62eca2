/**
 * Tensors as bytes: little-endian, row-major, without gaps; BOOL is one byte, BYTES four bytes of length before each
 * element (Triton's binary tensor data extension, and the raw contents of gRPC). Native order is little-endian on every
 * machine that TensorFlow runs on.
 */
import type { DataType, Tensor, TensorData } from '../../model/types.ts';
import { badRequest, tooManyElements } from '../../errors.ts';
import { MAX_TEXTS } from '../json/column.ts';
import { fromBfloat, fromHalf, toBfloat, toHalf } from '@modeldeployment/modelpack/half';

type Numbers = Exclude<TensorData, readonly Uint8Array[]>;

/** How elements lie in memory; 16-bit floats by their bits. */
export const ARRAY = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const satisfies Record<Exclude<DataType, 'BYTES'>, unknown>;

/** Bytes of one element; undefined for BYTES, whose elements tell their own. */
export const widthOf = (dtype: DataType): number | undefined =>
  dtype === 'BYTES' ? undefined : ARRAY[dtype].BYTES_PER_ELEMENT;

/**
 * Reads `count` elements. The result may lie in the memory of `bytes`.
 * @throws RequestError 400 when they are not that many
 */
export function readBinary(bytes: Buffer, dtype: DataType, count: number, field: string): TensorData {
  if (dtype === 'BYTES') return readStrings(bytes, count, field);
  const Type = ARRAY[dtype];
  if (bytes.length !== count * Type.BYTES_PER_ELEMENT) {
    throw badRequest(
      `${field} has ${bytes.length} bytes of binary data, but ${count} elements of ${dtype} take ${count * Type.BYTES_PER_ELEMENT}`,
    );
  }
  const data = new Type(...aligned(bytes, Type.BYTES_PER_ELEMENT), count);
  if (dtype === 'FP16') return fromHalf(data as Uint16Array);
  if (dtype === 'BF16') return fromBfloat(data as Uint16Array);
  if (dtype === 'BOOL') {
    const wrong = (data as Uint8Array).findIndex((value) => value > 1);
    if (wrong >= 0) throw badRequest(`${field}: byte ${wrong} of a BOOL is ${data[wrong]}, expected 0 or 1`);
  }
  return data;
}

/** Where the elements begin: in place where an array can, else in a copy. */
function aligned(bytes: Buffer, width: number): [ArrayBuffer, number] {
  if (bytes.byteOffset % width === 0) return [bytes.buffer as ArrayBuffer, bytes.byteOffset];
  const copy = new Uint8Array(bytes);
  return [copy.buffer, 0];
}

function readStrings(bytes: Buffer, count: number, field: string): readonly Uint8Array[] {
  if (count > MAX_TEXTS) throw tooManyElements(field, MAX_TEXTS);
  const elements: Uint8Array[] = [];
  let found = 0;
  let at = 0;
  while (at < bytes.length) {
    const start = at + 4;
    const end = start <= bytes.length ? start + bytes.readUInt32LE(at) : Infinity;
    if (end > bytes.length) {
      throw badRequest(`${field}: the length of element ${found} reaches beyond its binary data`);
    }
    if (found++ < count) elements.push(bytes.subarray(start, end));
    at = end;
  }
  if (found === count) return elements;
  throw badRequest(`${field} has ${found} elements in its binary data, but its shape needs ${count}`);
}

/** The bytes of a tensor; they may lie in its own memory. */
export function writeBinary({ dtype, data }: Tensor): Buffer {
  if (Array.isArray(data)) return writeStrings(data as readonly Uint8Array[]);
  const numbers = data as Numbers;
  if (dtype === 'FP16') return bytesOf(toHalf(numbers as Float32Array));
  if (dtype === 'BF16') return bytesOf(toBfloat(numbers as Float32Array));
  return bytesOf(numbers);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Numbers) => Buffer.from(buffer, byteOffset, byteLength);

export function writeStrings(elements: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.allocUnsafe(elements.reduce((sum, element) => sum + 4 + element.length, 0));
  let at = 0;
  for (const element of elements) {
    at = bytes.writeUInt32LE(element.length, at);
    bytes.set(element, at);
    at += element.length;
  }
  return bytes;
}

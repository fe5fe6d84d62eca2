/**
 * Between JSON values and tensors. Everything is checked before a tensor exists, because TensorFlow's addon loses the
 * inputs of a run that fails, and because the client should read which field is wrong.
 */
import { sizeOf, type DataType, type Tensor, type TensorData, type TensorSpec } from '../model/types.ts';
import { badRequest, quote } from './errors.ts';
import { tokenValue } from './json.ts';

const INTEGER_RANGE: Partial<Record<DataType, readonly [number, number]>> = {
  UINT8: [0, 255],
  UINT16: [0, 65535],
  UINT32: [0, 4294967295],
  INT8: [-128, 127],
  INT16: [-32768, 32767],
  INT32: [-2147483648, 2147483647],
};
const FP32_LARGEST = 3.4028235677973366e38;

/** No tensor of a model has more dimensions than TensorFlow allows. */
export const MAX_RANK = 254;

/** The shape of nested arrays, read along their first elements. Rows that differ are found when the values are read. */
export function shapeOf(value: unknown): number[] {
  const shape: number[] = [];
  let inner = value;
  while (Array.isArray(inner) && shape.length < MAX_RANK) {
    shape.push(inner.length);
    inner = inner[0];
  }
  return shape;
}

const show = (shape: readonly number[]) => `[${shape.slice(0, 10).join(',')}${shape.length > 10 ? ',…' : ''}]`;

/** @throws RequestError 400 when a tensor of this shape cannot be the input `spec`. */
export function checkShape(shape: readonly number[], spec: TensorSpec, field: string): void {
  const fits =
    shape.length === spec.shape.length &&
    shape.every((size, i) => size > 0 && (spec.shape[i] === -1 || spec.shape[i] === size));
  if (!fits)
    throw badRequest(`${field} has shape ${show(shape)}, expected ${show(spec.shape)} (-1 is any size above 0)`);
}

/**
 * Reads `value`, nested as `shape` says or (with `flat`) as one list in row-major order.
 * @throws RequestError 400 naming the element
 */
export function readTensor(
  value: unknown,
  spec: TensorSpec,
  shape: readonly number[],
  field: string,
  flat = false,
): Tensor {
  const { dtype, name } = spec;
  const size = sizeOf(shape);
  if (!Number.isSafeInteger(size)) throw badRequest(`${field} has shape ${show(shape)}, which is too large`);
  const list = shape.length === 0 && !Array.isArray(value) ? [value] : value;
  if (!Array.isArray(list)) throw badRequest(`${field} is ${quote(value)}, expected a list of ${dtype} values`);
  const nested = !flat || (shape.length > 1 && Array.isArray(list[0]));
  if (nested && shape.length > 0) checkNesting(list, shape, 0, field);
  else if (list.length !== size) {
    throw badRequest(`${field} has ${list.length} values, but shape ${show(shape)} needs ${size}`);
  }
  return { name, dtype, shape, data: FILL[dtype](nested ? leaves(list, shape.length) : [list], size, field, shape) };
}

/** Lengths of all lists but the elements themselves: what makes it safe to allocate the product of the shape. */
function checkNesting(value: unknown, shape: readonly number[], depth: number, field: string): void {
  if (!Array.isArray(value)) throw badRequest(`${field} is not nested as its shape ${show(shape)} says`);
  if (value.length !== shape[depth]) {
    throw badRequest(`${field} has a list of ${value.length} where its shape ${show(shape)} needs ${shape[depth]}`);
  }
  if (depth + 1 < shape.length) for (const item of value) checkNesting(item, shape, depth + 1, field);
}

function leaves(list: readonly unknown[], rank: number): readonly (readonly unknown[])[] {
  return rank <= 1 ? [list] : (list.flat(rank - 2) as unknown[][]);
}

type Rows = readonly (readonly unknown[])[];
type Fill = (rows: Rows, size: number, field: string, shape: readonly number[]) => TensorData;

const FILL: Record<DataType, Fill> = {
  BOOL: each(Uint8Array, (value) =>
    value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined,
  ),
  UINT8: integers(Uint8Array, 'UINT8'),
  UINT16: integers(Uint16Array, 'UINT16'),
  UINT32: integers(Uint32Array, 'UINT32'),
  INT8: integers(Int8Array, 'INT8'),
  INT16: integers(Int16Array, 'INT16'),
  INT32: integers(Int32Array, 'INT32'),
  UINT64: (rows, size, field, shape) => {
    const data = new BigUint64Array(size);
    walk(
      rows,
      shape,
      field,
      (value, i) => Number.isSafeInteger(value) && (value as number) >= 0 && put(data, i, value),
    );
    return data;
  },
  INT64: (rows, size, field, shape) => {
    const data = new BigInt64Array(size);
    walk(rows, shape, field, (value, i) => Number.isSafeInteger(value) && put(data, i, value));
    return data;
  },
  FP32: floats(Float32Array, FP32_LARGEST),
  FP64: floats(Float64Array, Number.MAX_VALUE),
  FP16: floats(Float32Array, 65504),
  BF16: floats(Float32Array, FP32_LARGEST),
  BYTES: (rows, size, field, shape) => {
    const data = new Array<Uint8Array>(size);
    walk(rows, shape, field, (value, i) => {
      const bytes = bytesOf(value);
      if (bytes === undefined) return false;
      data[i] = bytes;
      return true;
    });
    return data;
  },
};

function put(data: BigInt64Array | BigUint64Array, i: number, value: unknown): true {
  data[i] = BigInt(value as number);
  return true;
}

/** A string, or `{"b64": "…"}` as TensorFlow Serving writes bytes. */
function bytesOf(value: unknown): Uint8Array | undefined {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  const b64 = typeof value === 'object' && value !== null ? (value as { b64?: unknown }).b64 : undefined;
  return typeof b64 === 'string' ? Buffer.from(b64, 'base64') : undefined;
}

interface NumberArray {
  [index: number]: number;
}

function each(
  Type: new (size: number) => NumberArray & TensorData,
  read: (value: unknown) => number | undefined,
): Fill {
  return (rows, size, field, shape) => {
    const data = new Type(size);
    walk(rows, shape, field, (value, i) => {
      const number = read(value);
      if (number === undefined) return false;
      data[i] = number;
      return true;
    });
    return data;
  };
}

function integers(Type: new (size: number) => NumberArray & TensorData, dtype: DataType): Fill {
  const [lowest, highest] = INTEGER_RANGE[dtype] ?? [0, 0];
  return each(Type, (value) =>
    Number.isInteger(value) && (value as number) >= lowest && (value as number) <= highest
      ? (value as number)
      : undefined,
  );
}

function floats(Type: new (size: number) => NumberArray & TensorData, largest: number): Fill {
  return each(Type, (value) => {
    if (typeof value === 'number') return value >= -largest && value <= largest ? value : undefined;
    return tokenValue(value);
  });
}

/** Visits the elements in order; `accept` says whether one fits. */
function walk(
  rows: Rows,
  shape: readonly number[],
  field: string,
  accept: (value: unknown, index: number) => boolean,
): void {
  let index = 0;
  for (const row of rows) {
    for (let i = 0; i < row.length; i++) {
      if (!accept(row[i], index)) {
        throw badRequest(
          `${field}: element ${position(index, shape)} is ${quote(row[i])}, which is not a value of its type`,
        );
      }
      index++;
    }
  }
}

/** Coordinates of a flat index: what a person looks for in nested lists. */
function position(index: number, shape: readonly number[]): string {
  const at: number[] = [];
  let rest = index;
  for (const size of [...shape].reverse()) {
    at.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return show(at);
}

/**
 * JSON text of the elements `from` to `to`. Floats that JSON has no words for stay bare tokens, as TensorFlow Serving
 * writes them, or become the strings "NaN", "Infinity" and "-Infinity", as protobuf's JSON mapping does.
 */
export function elementsText(tensor: Tensor, from: number, to: number, nonFinite: 'bare' | 'string'): string {
  const { data } = tensor;
  if (Array.isArray(data)) {
    const b64 = nonFinite === 'bare' && tensor.name.endsWith('_bytes');
    return (data as readonly Uint8Array[])
      .slice(from, to)
      .map((bytes) => (b64 ? `{"b64":"${base64(bytes)}"}` : JSON.stringify(Buffer.from(bytes).toString('utf8'))))
      .join(',');
  }
  const numbers = (data as Float32Array).subarray(from, to);
  if (tensor.dtype === 'BOOL') return Array.from(numbers, (value) => (value ? 'true' : 'false')).join(',');
  const text = numbers.join(',');
  return nonFinite === 'string' && /[NI]/.test(text) ? text.replace(/-?Infinity|NaN/g, '"$&"') : text;
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

/** Nested JSON text of a tensor, or of its row `row` along the first dimension. */
export function nestedText(tensor: Tensor, row?: number): string {
  const shape = row === undefined ? tensor.shape : tensor.shape.slice(1);
  const size = sizeOf(shape);
  return nest(tensor, shape, 0, (row ?? 0) * size, size);
}

function nest(tensor: Tensor, shape: readonly number[], depth: number, start: number, size: number): string {
  const length = shape[depth];
  if (length === undefined) return elementsText(tensor, start, start + 1, 'bare');
  if (depth === shape.length - 1) return `[${elementsText(tensor, start, start + length, 'bare')}]`;
  const step = length === 0 ? 0 : size / length;
  const parts: string[] = [];
  for (let i = 0; i < length; i++) parts.push(nest(tensor, shape, depth + 1, start + i * step, step));
  return `[${parts.join(',')}]`;
}

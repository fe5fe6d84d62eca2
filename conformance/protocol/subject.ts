/** The model that the suite is pointed at, as the server describes it, and well-formed requests for it. */
import { MODEL } from './models.ts';

export interface TensorSpec {
  name: string;
  datatype: string;
  /** -1 is any size. */
  shape: readonly number[];
}

export interface Subject {
  model: string;
  /** One that is served. */
  version: string;
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
}

export interface InputTensor {
  name: unknown;
  shape: unknown;
  datatype: unknown;
  data?: unknown;
  parameters?: unknown;
}

/** What `dense` looks like, for servers that do not describe it. */
export const DENSE: Subject = {
  model: MODEL.dense,
  version: '1',
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
};

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
export const shapeOf = ({ shape }: TensorSpec, rows: number): number[] =>
  shape.map((size, i) => (size >= 0 ? size : i === 0 ? rows : 1));

/** The i-th element of an input. Small whole numbers are exact in every datatype. */
export function element(datatype: string, i: number): number | string | boolean {
  if (datatype === 'BYTES') return `text ${i % 7}`;
  if (datatype === 'BOOL') return i % 2 === 0;
  return i % 4;
}

/** A sound input with so many rows. */
export function tensor(spec: TensorSpec, rows = 1): InputTensor & { shape: number[]; data: unknown[] } {
  const shape = shapeOf(spec, rows);
  const data = Array.from({ length: sizeOf(shape) }, (_, i) => element(spec.datatype, i));
  return { name: spec.name, shape, datatype: spec.datatype, data };
}

export const tensors = (subject: Subject, rows = 1) => subject.inputs.map((spec) => tensor(spec, rows));

/** Flat data in the lists of its shape. */
export function nest(data: readonly unknown[], shape: readonly number[]): unknown {
  const [, ...inner] = shape;
  if (shape.length <= 1) return data;
  const size = sizeOf(inner);
  return Array.from({ length: shape[0] ?? 0 }, (_, i) => nest(data.slice(i * size, (i + 1) * size), inner));
}

/** Elements as the protocol's binary tensors have them. */
export function bytesOf(datatype: string, data: readonly unknown[]): Buffer {
  if (datatype === 'BYTES')
    return Buffer.concat(data.flatMap((text) => [length32(String(text)), Buffer.from(String(text))]));
  const write = WRITERS[datatype];
  if (!write) throw new Error(`the suite cannot write ${datatype}`);
  return Buffer.concat(data.map((value) => write(value as number)));
}

const length32 = (text: string) => fill(4, (view) => view.setUint32(0, Buffer.byteLength(text), true));
const fill = (size: number, set: (view: DataView) => void): Buffer => {
  const bytes = Buffer.alloc(size);
  set(new DataView(bytes.buffer, bytes.byteOffset, size));
  return bytes;
};
const WRITERS: Readonly<Record<string, (value: number | bigint) => Buffer>> = {
  BOOL: (value) => Buffer.from([Number(value)]),
  UINT8: (value) => fill(1, (view) => view.setUint8(0, Number(value))),
  INT8: (value) => fill(1, (view) => view.setInt8(0, Number(value))),
  UINT16: (value) => fill(2, (view) => view.setUint16(0, Number(value), true)),
  INT16: (value) => fill(2, (view) => view.setInt16(0, Number(value), true)),
  UINT32: (value) => fill(4, (view) => view.setUint32(0, Number(value), true)),
  INT32: (value) => fill(4, (view) => view.setInt32(0, Number(value), true)),
  UINT64: (value) => fill(8, (view) => view.setBigUint64(0, BigInt(value), true)),
  INT64: (value) => fill(8, (view) => view.setBigInt64(0, BigInt(value), true)),
  FP32: (value) => fill(4, (view) => view.setFloat32(0, Number(value), true)),
  FP64: (value) => fill(8, (view) => view.setFloat64(0, Number(value), true)),
};

/** Rows made up for a signature, as different from one another as its types allow; the same at every start. Pure. */
import type { Feature } from '@modeldeployment/modelpack/examine';
import { writeExample, type FeatureValue } from '../protocol/proto/example-writer.ts';
import {
  sizeOf,
  type DataType,
  type Judgement,
  type Signature,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from '../model/types.ts';

/** What made-up values are like: a model that refuses one kind may take another. */
export interface Kind {
  /** Size of a dimension that is free, but for the first. */
  free: number;
  /** Whole numbers are smaller, for they may be places in a table. */
  below: number;
  /** Fractions may be negative, and texts words; else fractions are between 0 and 1, and texts numbers. */
  wide: boolean;
}

export const KINDS: readonly Kind[] = [
  { free: 4, below: 5, wide: true },
  { free: 32, below: 2, wide: false },
  { free: 1, below: 2, wide: false },
];

/** Of the inputs that are Examples, what is read of them. */
export type Examples = Judgement['examples'];

/** One row of every input; `row` says which. */
export function madeUp({ inputs }: Signature, row: number, kind: Kind, examples?: Examples): Tensor[] {
  return inputs.map((spec, i) => {
    const [seed, features] = [row * inputs.length + i, examples?.get(spec.name)];
    const tensor = made(spec, seed, kind);
    if (features === undefined) return tensor;
    return {
      ...tensor,
      data: Array.from({ length: tensor.data.length }, (_, at) => example(features, seed + at, kind)),
    };
  });
}

/** An Example with every feature that is read of it. */
const example = (features: readonly Feature[], seed: number, kind: Kind): Uint8Array =>
  writeExample(
    features.map(({ name, kind: type, size }, i): [string, FeatureValue[]] => {
      const parts = Array.from({ length: Math.min(size, MOST_VALUES) }, (_, at) => spread(seed, i * MOST_VALUES + at));
      if (type === 'float') return [name, parts.map((part) => ({ kind: type, value: fractions(kind)(part) }))];
      if (type === 'int64') return [name, parts.map((part) => ({ kind: type, value: BigInt(whole(kind)(part)) }))];
      return [name, parts.map((part) => ({ kind: type, value: text(part, kind) }))];
    }),
  );
/** A feature of more values is none that a person could send. */
const MOST_VALUES = 2 ** 20;

function made({ name, dtype, shape }: TensorSpec, seed: number, kind: Kind): Tensor {
  const known = shape.map((size, i) => (size >= 0 ? size : i === 0 ? 1 : kind.free));
  const parts = Array.from({ length: sizeOf(known) }, (_, i) => spread(seed, i));
  return { name, dtype, shape: known, data: MAKE[dtype](parts, kind) };
}

/** A number between 0 and 1 that looks like one by chance: the finisher of MurmurHash3. */
function spread(seed: number, i: number): number {
  let hash = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Of one type: its values of numbers between 0 and 1. */
type Make = (parts: readonly number[], kind: Kind) => TensorData;

const fractions =
  ({ wide }: Kind) =>
  (part: number) =>
    wide ? 2 * part - 1 : part;
/** Zero only where there would be one number else. */
const whole = ({ below }: Kind) => {
  const lowest = below > 2 ? 1 : 0;
  return (part: number) => lowest + Math.floor(part * (below - lowest));
};
const text = (part: number, kind: Kind): Uint8Array =>
  Buffer.from(kind.wide ? `word ${Math.floor(part * 1000)}` : String(whole(kind)(part)));
const float32: Make = (parts, kind) => Float32Array.from(parts, fractions(kind));

const MAKE: Record<DataType, Make> = {
  BYTES: (parts, kind) => parts.map((part) => text(part, kind)),
  BOOL: (parts) => Uint8Array.from(parts, (part) => (part < 0.5 ? 0 : 1)),
  FP16: float32,
  BF16: float32,
  FP32: float32,
  FP64: (parts, kind) => Float64Array.from(parts, fractions(kind)),
  UINT8: (parts, kind) => Uint8Array.from(parts, whole(kind)),
  UINT16: (parts, kind) => Uint16Array.from(parts, whole(kind)),
  UINT32: (parts, kind) => Uint32Array.from(parts, whole(kind)),
  UINT64: (parts, kind) => BigUint64Array.from(parts, (part) => BigInt(whole(kind)(part))),
  INT8: (parts, kind) => Int8Array.from(parts, whole(kind)),
  INT16: (parts, kind) => Int16Array.from(parts, whole(kind)),
  INT32: (parts, kind) => Int32Array.from(parts, whole(kind)),
  INT64: (parts, kind) => BigInt64Array.from(parts, (part) => BigInt(whole(kind)(part))),
};

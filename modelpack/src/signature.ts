/** What a model takes and gives, in the names of the Open Inference Protocol. */
import { ModelError } from './failure.ts';

export type Datatype =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'FP32'
  | 'FP64'
  | 'BF16'
  | 'BYTES';

export interface TensorSpec {
  name: string;
  dtype: Datatype;
  /** -1 for a dimension that is free; an empty list is a scalar. */
  shape: number[];
  /** Not even the number of dimensions is known; `shape` is [-1] then. */
  unknownRank?: true;
  /** The tensor of the graph that is meant, such as `x:0`, where the model names one. */
  node?: string;
}

export interface Signature {
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  /** What TensorFlow says it is for, such as `tensorflow/serving/classify`. */
  method?: string;
}

export type ModelFormat = 'SavedModel' | 'TFJSGraph' | 'TFJSLayers';

export interface ModelInfo {
  format: ModelFormat;
  /** By name; the one to use by default is `serving_default`. */
  signatures: Record<string, Signature>;
  /** Why a signature that the file has is not among them, by its name. */
  unsendable?: Readonly<Record<string, string>>;
  /** What a SavedModel's graph is called by. */
  tags?: readonly string[];
  /** Names of all operations of the graph, its library functions included (SavedModel and TFJSGraph). */
  operations?: string[];
}

export const DEFAULT_SIGNATURE = 'serving_default';

/** TensorFlow's data types, by their numbers, and our names of those that can be sent. */
const TYPES: ReadonlyMap<number, readonly [name: string, ours?: Datatype]> = new Map([
  [1, ['DT_FLOAT', 'FP32']],
  [2, ['DT_DOUBLE', 'FP64']],
  [3, ['DT_INT32', 'INT32']],
  [4, ['DT_UINT8', 'UINT8']],
  [5, ['DT_INT16', 'INT16']],
  [6, ['DT_INT8', 'INT8']],
  [7, ['DT_STRING', 'BYTES']],
  [8, ['DT_COMPLEX64']],
  [9, ['DT_INT64', 'INT64']],
  [10, ['DT_BOOL', 'BOOL']],
  [11, ['DT_QINT8']],
  [12, ['DT_QUINT8']],
  [13, ['DT_QINT32']],
  [14, ['DT_BFLOAT16', 'BF16']],
  [15, ['DT_QINT16']],
  [16, ['DT_QUINT16']],
  [17, ['DT_UINT16', 'UINT16']],
  [18, ['DT_COMPLEX128']],
  [19, ['DT_HALF', 'FP16']],
  [20, ['DT_RESOURCE']],
  [21, ['DT_VARIANT']],
  [22, ['DT_UINT32', 'UINT32']],
  [23, ['DT_UINT64', 'UINT64']],
  [24, ['DT_FLOAT8_E5M2']],
  [25, ['DT_FLOAT8_E4M3FN']],
  [29, ['DT_INT4']],
  [30, ['DT_UINT4']],
]);
const TENSORFLOW = new Map([...TYPES.values()].map(([name, ours]) => [name, ours]));
const NUMBERS = new Map([...TYPES].map(([number, [name]]) => [name, number]));

export const nameOfType = (number: number): string => TYPES.get(number)?.[0] ?? `number ${number}`;
/** TensorFlow's number of one of its data types; 0 when it has none of this name. */
export const numberOfType = (name: string): number => NUMBERS.get(name) ?? 0;
/** TensorFlow's number of one of ours. */
export const tensorflowType = (type: Datatype): number => [...TYPES].find(([, [, ours]]) => ours === type)?.[0] ?? 0;

/** A type whose values live in the program alone. */
export const isHandle = (type: string): boolean => type === 'DT_RESOURCE' || type === 'DT_VARIANT';

/** Names of the TensorFlow.js layers format. */
const KERAS: ReadonlyMap<string, Datatype> = new Map([
  ['float32', 'FP32'],
  ['int32', 'INT32'],
  ['bool', 'BOOL'],
  ['string', 'BYTES'],
]);

/** A variable's own type ends so; it holds the same values. */
const REFERENCE = /_REF$/;

/** Our name of a TensorFlow or Keras type. Throws ModelError ModelMalformed. */
export function datatypeOf(tensor: string, type: string): Datatype {
  const known = TENSORFLOW.get(type.replace(REFERENCE, '')) ?? KERAS.get(type);
  if (known !== undefined) return known;
  throw new ModelError(
    'ModelMalformed',
    `tensor ${tensor} has the type ${type}, which cannot be sent over the network`,
  );
}

interface ShapeProto {
  dim?: { size?: string | number }[];
  unknownRank?: boolean;
}

/**
 * What the model says of a tensor. A shape of which not even the rank is known is shown as [-1]: the protocol has no
 * word for it, and most such tensors are lists. Throws ModelError ModelMalformed.
 */
export function specOf(
  name: string,
  dtype: string,
  shape: ShapeProto | null | undefined,
  node: string | undefined,
): TensorSpec {
  const unknownRank = !shape || shape.unknownRank === true;
  return {
    name,
    dtype: datatypeOf(name, dtype),
    shape: unknownRank ? [-1] : (shape.dim ?? []).map(({ size = 0 }) => Math.max(-1, Number(size))),
    ...(unknownRank ? { unknownRank } : {}),
    ...(node ? { node } : {}),
  };
}

/** Why a tensor whose type is another one in the graph is not served, in words. */
export const otherType = ({ name, dtype, node = name }: TensorSpec, type: number): string =>
  `tensor ${name} is ${dtype} in the signature, and ${nameOfType(type)} in the graph (${node}); export it again`;

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
  /** Names of all operations of the graph, its library functions included (SavedModel and TFJSGraph). */
  operations?: string[];
}

export const DEFAULT_SIGNATURE = 'serving_default';

/** TensorFlow's DataType names. */
const TENSORFLOW: ReadonlyMap<string, Datatype> = new Map([
  ['DT_FLOAT', 'FP32'],
  ['DT_DOUBLE', 'FP64'],
  ['DT_INT32', 'INT32'],
  ['DT_UINT8', 'UINT8'],
  ['DT_INT16', 'INT16'],
  ['DT_INT8', 'INT8'],
  ['DT_STRING', 'BYTES'],
  ['DT_INT64', 'INT64'],
  ['DT_BOOL', 'BOOL'],
  ['DT_BFLOAT16', 'BF16'],
  ['DT_UINT16', 'UINT16'],
  ['DT_HALF', 'FP16'],
  ['DT_UINT32', 'UINT32'],
  ['DT_UINT64', 'UINT64'],
]);

/** Names of the TensorFlow.js layers format. */
const KERAS: ReadonlyMap<string, Datatype> = new Map([
  ['float32', 'FP32'],
  ['int32', 'INT32'],
  ['bool', 'BOOL'],
  ['string', 'BYTES'],
]);

/** Our name of a TensorFlow or Keras type. Throws ModelError ModelMalformed. */
export function datatypeOf(tensor: string, type: string): Datatype {
  const known = TENSORFLOW.get(type) ?? KERAS.get(type);
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
  shape: ShapeProto | undefined,
  node: string | undefined,
): TensorSpec {
  const unknownRank = shape === undefined || shape.unknownRank === true;
  return {
    name,
    dtype: datatypeOf(name, dtype),
    shape: unknownRank ? [-1] : (shape.dim ?? []).map(({ size = 0 }) => Number(size)),
    ...(unknownRank ? { unknownRank } : {}),
    ...(node ? { node } : {}),
  };
}

/** What a model takes and gives, in the names of the Open Inference Protocol. */

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
}

export interface Signature {
  inputs: TensorSpec[];
  outputs: TensorSpec[];
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

/** TensorFlow's DataType names to ours; https://github.com/tensorflow/tensorflow types.proto. */
export const DATATYPES: Readonly<Record<string, Datatype>> = {
  DT_FLOAT: 'FP32',
  DT_DOUBLE: 'FP64',
  DT_INT32: 'INT32',
  DT_UINT8: 'UINT8',
  DT_INT16: 'INT16',
  DT_INT8: 'INT8',
  DT_STRING: 'BYTES',
  DT_INT64: 'INT64',
  DT_BOOL: 'BOOL',
  DT_BFLOAT16: 'BF16',
  DT_UINT16: 'UINT16',
  DT_HALF: 'FP16',
  DT_UINT32: 'UINT32',
  DT_UINT64: 'UINT64',
};

/** Names of the TensorFlow.js layers format. */
export const KERAS_DATATYPES: Readonly<Record<string, Datatype>> = {
  float32: 'FP32',
  int32: 'INT32',
  bool: 'BOOL',
  string: 'BYTES',
};

/** The addon of native/session.cc, and values of tensors as it moves them. */
import type { DataType, TensorData } from '../../model/types.ts';
import { fromBfloat, fromHalf, toBfloat, toHalf } from '@modeldeployment/modelpack/half';

declare const kind: unique symbol;
/** Things of the addon's own, which live as long as the process. */
export interface Session {
  [kind]: 'session';
}
export interface Call {
  [kind]: 'call';
}

export interface SessionAddon {
  /** `config` is a serialized tensorflow.ConfigProto. @throws Error in TensorFlow's words */
  load(directory: string, tags: readonly string[], config: Uint8Array): Session;
  /** Tensors are named as in the graph, `x:0`. @throws Error when there is no such tensor */
  prepare(session: Session, inputs: readonly string[], outputs: readonly string[]): Call;
  /** TensorFlow's numbers of the types of its inputs, then of its outputs. */
  types(call: Call): readonly number[];
  /**
   * Shapes and values of the inputs, in the order of `prepare`; answers shape and values of each output by turns.
   * @throws Error in TensorFlow's words, or when values do not fit their shape
   */
  run(
    call: Call,
    shapes: readonly (readonly number[])[],
    values: readonly TensorData[],
  ): (number[] | ArrayBuffer | Uint8Array[])[];
  /** What TensorFlow computes on this thread meanwhile is not interrupted: a signal could break the heap. */
  withoutSignals<T>(then: () => T): T;
  /** Inputs that TensorFlow holds at the moment. */
  held(): { tensors: number; bytes: number };
  /** Gives back memory that only loading and warming up needed. */
  trim(): void;
}

/** JavaScript has no arrays of these: the protocols hold their values as float32. */
const BITS: Partial<Record<DataType, { to: (values: Float32Array) => Uint16Array; from: typeof fromHalf }>> = {
  FP16: { to: toHalf, from: fromHalf },
  BF16: { to: toBfloat, from: fromBfloat },
};

const ARRAY: Record<
  Exclude<DataType, 'BYTES'>,
  new (buffer: ArrayBuffer) => Exclude<TensorData, readonly Uint8Array[]>
> = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  INT8: Int8Array,
  UINT16: Uint16Array,
  INT16: Int16Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  UINT32: Uint32Array,
  INT32: Int32Array,
  UINT64: BigUint64Array,
  INT64: BigInt64Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

/** Values as TensorFlow has them. */
export const toTensorflow = (dtype: DataType, data: TensorData): TensorData =>
  BITS[dtype]?.to(data as Float32Array) ?? data;

export function fromTensorflow(dtype: DataType, data: ArrayBuffer | Uint8Array[]): TensorData {
  if (dtype === 'BYTES' || Array.isArray(data)) return data as Uint8Array[];
  const values = new ARRAY[dtype](data);
  return BITS[dtype]?.from(values as Uint16Array) ?? values;
}

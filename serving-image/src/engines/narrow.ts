import type { DataType, TensorData } from '../model/types.ts';

const WHOLE: Partial<Record<DataType, { from(values: Int32Array): TensorData }>> = {
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT64: { from: (values) => BigInt64Array.from(values, BigInt) },
  UINT64: { from: (values) => BigUint64Array.from(values, BigInt) },
};

/** Whole numbers that an engine holds as int32, as the array of their own type; everything else as it is. */
export const narrowed = (dtype: DataType, data: TensorData): TensorData =>
  data instanceof Int32Array ? (WHOLE[dtype]?.from(data) ?? data) : data;

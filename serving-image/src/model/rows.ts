/** Inputs made up for a signature: zeros, and more rows of what there is. Pure. */
import { sizeOf, type DataType, type Signature, type Tensor, type TensorData } from './types.ts';

/** One row of zeros for every input. */
export function zeros(signature: Signature): Tensor[] {
  return signature.inputs.map(({ name, dtype, shape }) => {
    const known = shape.map((size) => (size < 0 ? 1 : size));
    return { name, dtype, shape: known, data: blank(dtype, sizeOf(known)) };
  });
}

const ARRAY: Record<Exclude<DataType, 'BYTES'>, new (size: number) => TensorData> = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Float32Array,
  BF16: Float32Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

function blank(dtype: DataType, size: number): TensorData {
  return dtype === 'BYTES' ? Array.from({ length: size }, () => new Uint8Array(0)) : new ARRAY[dtype](size);
}

/** Whether all tensors have a free first dimension: rows that are independent of one another. */
export function isBatched(signature: Signature | undefined): boolean {
  const tensors = signature ? [...signature.inputs, ...signature.outputs] : [];
  return (
    (signature?.inputs.length ?? 0) > 0 && tensors.every(({ shape, unknownRank }) => !unknownRank && shape[0] === -1)
  );
}

/** The same rows again and again, until there are so many. */
export function repeated(inputs: readonly Tensor[], rows: number): Tensor[] {
  return inputs.map((tensor) => {
    const [known = 1, ...inner] = tensor.shape;
    const size = sizeOf(inner);
    const data = blank(tensor.dtype, size * rows) as unknown[];
    const source = tensor.data as ArrayLike<unknown>;
    for (let i = 0; i < data.length; i++) data[i] = source[i % (known * size)];
    return { ...tensor, shape: [rows, ...inner], data: data as unknown as TensorData };
  });
}

/** Rows of the inputs that a signature takes. Pure. */
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

/** Whether all tensors have a free first dimension: one of rows, it may be. */
export function isBatched(signature: Signature | undefined): boolean {
  const tensors = signature ? [...signature.inputs, ...signature.outputs] : [];
  return (
    (signature?.inputs.length ?? 0) > 0 && tensors.every(({ shape, unknownRank }) => !unknownRank && shape[0] === -1)
  );
}

/** Each row of a request by itself; none where the inputs do not agree on their number. */
export function rowsOf(inputs: readonly Tensor[]): Tensor[][] {
  const count = inputs[0]?.shape[0] ?? 0;
  if (inputs.some(({ shape }) => shape[0] !== count)) return [];
  return Array.from({ length: count }, (_, row) => inputs.map((input) => rowOf(input, row)));
}

function rowOf(tensor: Tensor, row: number): Tensor {
  const inner = tensor.shape.slice(1);
  const size = sizeOf(inner);
  return { ...tensor, shape: [1, ...inner], data: tensor.data.slice(row * size, (row + 1) * size) };
}

/** The same values in another order: where each is allowed, so are all. */
export function turned(row: readonly Tensor[], by: number): Tensor[] {
  return row.map((tensor) => {
    const values = tensor.data;
    const cut = values.length === 0 ? 0 : by % values.length;
    const data = values.slice() as unknown[];
    for (let i = 0; i < data.length; i++) data[i] = values[(i + cut) % data.length];
    return { ...tensor, data: data as unknown as TensorData };
  });
}

/** The same rows again and again, until there are so many. */
export function repeated(inputs: readonly Tensor[], rows: number): Tensor[] {
  return inputs.map((tensor) => {
    const inner = tensor.shape.slice(1);
    const values = tensor.data;
    const data = blank(tensor.dtype, sizeOf(inner) * rows) as unknown[];
    for (let i = 0; i < data.length; i++) data[i] = values[i % values.length];
    return { ...tensor, shape: [rows, ...inner], data: data as unknown as TensorData };
  });
}

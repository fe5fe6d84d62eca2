/**
 * The C++ addon under tfjs-node. SavedModels are run on it directly rather than through `tf.node`, which writes negative
 * 64-bit integers wrongly, knows only five types, and keeps the inputs of a run that failed.
 */
import { RunError, type DataType, type Tensor, type TensorData } from '../../model/types.ts';
import { narrowed } from '../narrow.ts';

/** TensorFlow's numbers for types, from its types.proto. */
export const TF_TYPE: Record<DataType, number> = {
  FP32: 1,
  FP64: 2,
  INT32: 3,
  UINT8: 4,
  INT16: 5,
  INT8: 6,
  BYTES: 7,
  INT64: 9,
  BOOL: 10,
  BF16: 14,
  UINT16: 17,
  FP16: 19,
  UINT32: 22,
  UINT64: 23,
};

/** A tensor that lives in TensorFlow; `id` must be given back by `deleteTensor`. */
export interface Handle {
  id: number;
  shape: number[];
  dtype: number;
}

export interface Binding {
  TF_ATTR_TYPE: number;
  createTensor(shape: readonly number[], dtype: number, data: TensorData): number;
  deleteTensor(id: number): void;
  /** Those made and not given back; a SavedModel's own are not among them. */
  getNumOfTensors(): number;
  tensorDataSync(id: number): TensorData;
  executeOp(
    name: string,
    attributes: { name: string; type: number; value: number }[],
    inputs: number[],
    outputs: number,
  ): Handle[];
  loadSavedModel(directory: string, tags: string): number;
  runSavedModel(session: number, inputs: number[], inputNames: string, outputNames: string): Handle[];
}

/**
 * The addon moves float32, int32, int64, uint8 (in only), bool and bytes. Every other type travels as one of these and
 * is converted inside TensorFlow without loss: by its bits, or by its value in a wider type.
 */
const CARRIER: Partial<Record<DataType, { as: DataType; op: 'Bitcast' | 'Cast' }>> = {
  FP64: { as: 'INT64', op: 'Bitcast' },
  UINT64: { as: 'INT64', op: 'Bitcast' },
  UINT32: { as: 'INT32', op: 'Bitcast' },
  INT8: { as: 'INT32', op: 'Cast' },
  INT16: { as: 'INT32', op: 'Cast' },
  UINT16: { as: 'INT32', op: 'Cast' },
  FP16: { as: 'FP32', op: 'Cast' },
  BF16: { as: 'FP32', op: 'Cast' },
};
const READ_CARRIER: typeof CARRIER = { ...CARRIER, UINT8: { as: 'INT32', op: 'Cast' } };

/** Makes a tensor in TensorFlow; the caller gives it back. */
export function upload(binding: Binding, { dtype, shape, data }: Tensor): number {
  const carrier = CARRIER[dtype];
  if (!carrier) return binding.createTensor(shape, TF_TYPE[dtype], transport(dtype, data));
  const carried = carrier.op === 'Cast' ? widen(carrier.as, data) : data;
  const id = binding.createTensor(shape, TF_TYPE[carrier.as], transport(carrier.as, carried));
  return convert(binding, id, carrier.op, carrier.as, dtype);
}

/** Copies a tensor out of TensorFlow and gives it back. */
export function download(binding: Binding, handle: Handle, name: string, dtype: DataType): Tensor {
  const carrier = READ_CARRIER[dtype];
  const id = carrier ? convert(binding, handle.id, carrier.op, dtype, carrier.as) : handle.id;
  try {
    const data = binding.tensorDataSync(id);
    return { name, dtype, shape: handle.shape, data: carried(dtype, carrier?.op, data) };
  } finally {
    binding.deleteTensor(id);
  }
}

/** Replaces a tensor by its conversion. */
function convert(binding: Binding, id: number, op: 'Bitcast' | 'Cast', from: DataType, to: DataType): number {
  const attribute = (name: string, dtype: DataType) => ({ name, type: binding.TF_ATTR_TYPE, value: TF_TYPE[dtype] });
  const attributes =
    op === 'Bitcast' ? [attribute('T', from), attribute('type', to)] : [attribute('SrcT', from), attribute('DstT', to)];
  try {
    const [result] = binding.executeOp(op, attributes, [id], 1);
    if (!result) throw new RunError(`${op} from ${from} to ${to} gave no result`);
    return result.id;
  } finally {
    binding.deleteTensor(id);
  }
}

/** The addon takes 64-bit integers as pairs of 32-bit ones, and only exact array classes. */
function transport(dtype: DataType, data: TensorData): TensorData {
  if (Array.isArray(data)) return data as readonly Uint8Array[];
  const view = data as Exclude<TensorData, readonly Uint8Array[]>;
  if (dtype === 'INT64') return new Int32Array(view.buffer, view.byteOffset, view.byteLength / 4);
  if (dtype === 'INT32') return new Int32Array(view.buffer, view.byteOffset, view.length);
  return view;
}

const widen = (to: DataType, data: TensorData): TensorData =>
  to === 'INT32' ? Int32Array.from(data as Int16Array) : Float32Array.from(data as Float32Array);

const carried = (dtype: DataType, op: 'Bitcast' | 'Cast' | undefined, data: TensorData): TensorData =>
  op === 'Bitcast' ? reinterpret(dtype, data) : op === 'Cast' ? narrowed(dtype, data) : data;

function reinterpret(dtype: DataType, data: TensorData): TensorData {
  const { buffer } = data as BigInt64Array;
  if (dtype === 'FP64') return new Float64Array(buffer);
  return dtype === 'UINT64' ? new BigUint64Array(buffer) : new Uint32Array(buffer);
}

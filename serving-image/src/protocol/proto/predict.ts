/** Predict of TensorFlow Serving over gRPC: its tensors, and the same as an Open Inference request with binary ones. Pure. */
import { sizeOf, type DataType } from '../../model/types.ts';
import { badRequest, quote, tooManyElements } from '../../errors.ts';
import { MAX_ELEMENTS } from '../json/column.ts';
import type { Target } from '../route.ts';
import { TF_TYPE } from '../v1/metadata.ts';
import { widthOf } from '../v2/binary.ts';
import { binaryBody, timeoutOf, type BinaryAnswer, type BinaryBody } from './infer.ts';
import { enumNames, enumNumbers } from './schema.ts';
import { digitsOf, longOf, numberOf, pack, strings, unpack, type Element, type Long } from './values.ts';

/** tensorflow.serving.ModelSpec. */
export interface ModelSpec {
  name: string;
  version: { value: number | Long } | null;
  version_label: string;
  signature_name: string;
}

/** tensorflow.TensorProto. */
export type TensorProto = Readonly<Record<string, unknown>> & {
  dtype: number;
  tensor_shape: { dim: readonly { size: number | Long }[]; unknown_rank: boolean } | null;
  tensor_content: Buffer;
};

/** tensorflow.serving.PredictRequest. */
export interface PredictRequest {
  model_spec: ModelSpec | null;
  inputs: Readonly<Record<string, TensorProto>>;
  output_filter: readonly string[];
}

/** Where a list of values lies in a TensorProto; 16-bit floats by their bits. */
const VALUES: Record<DataType, string> = {
  BOOL: 'bool_val',
  INT8: 'int_val',
  INT16: 'int_val',
  INT32: 'int_val',
  INT64: 'int64_val',
  UINT8: 'int_val',
  UINT16: 'int_val',
  UINT32: 'uint32_val',
  UINT64: 'uint64_val',
  FP16: 'half_val',
  BF16: 'half_val',
  FP32: 'float_val',
  FP64: 'double_val',
  BYTES: 'string_val',
};

const DATATYPE: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(TF_TYPE).map(([datatype, name]) => [name, datatype]),
);

/** @throws RequestError 400 when no model is named */
export function targetOf(spec: ModelSpec | null): Target {
  if (!spec || spec.name === '') throw badRequest('Missing ModelSpec: model_spec.name says which model is asked');
  const { name: model, version, version_label: label } = spec;
  if (version) return { model, version: digitsOf(version.value) };
  return label === '' ? { model } : { model, label };
}

/** @param timeoutMs until the deadline of the call @throws RequestError 400, 413 */
export function predictBody({ model_spec, inputs, output_filter }: PredictRequest, timeoutMs: number): BinaryBody {
  const tensors = Object.entries(inputs).map(([name, tensor]) => ({ name, ...read(tensor, `input ${quote(name)}`) }));
  const signature = model_spec?.signature_name ?? '';
  const head = {
    parameters: { signature_name: signature, timeout: timeoutOf(undefined, timeoutMs), binary_data_output: true },
    inputs: tensors.map(({ name, datatype, shape, bytes }) => ({
      name,
      datatype,
      shape,
      parameters: { binary_data_size: bytes.length },
    })),
    outputs: output_filter.map((name) => ({ name })),
  };
  return binaryBody(
    head,
    tensors.map(({ bytes }) => bytes),
  );
}

function read(tensor: TensorProto, field: string): { datatype: DataType; shape: number[]; bytes: Buffer } {
  const type = enumNames('tensorflow.DataType')[tensor.dtype];
  const datatype = DATATYPE[type ?? ''] as DataType | undefined;
  if (!datatype) throw badRequest(`${field} is of type ${type ?? tensor.dtype}, which no model takes here`);
  const { dim = [], unknown_rank: unknown = false } = tensor.tensor_shape ?? {};
  const shape = dim.map(({ size }) => numberOf(size));
  if (unknown || shape.some((size) => size < 0)) throw badRequest(`${field} has no complete shape`);
  if (tensor.tensor_content.length > 0 && widthOf(datatype) !== undefined) {
    return { datatype, shape, bytes: tensor.tensor_content };
  }
  const count = sizeOf(shape);
  if (count > MAX_ELEMENTS) throw tooManyElements(field, MAX_ELEMENTS);
  const values = (tensor[VALUES[datatype]] ?? []) as readonly Element[];
  if (values.length > count) {
    throw badRequest(`${field} has ${values.length} values, but its shape [${shape.join(',')}] takes ${count}`);
  }
  return { datatype, shape, bytes: pack(datatype, values, count, field) };
}

/** A tensorflow.serving.PredictResponse. */
export function predictResponse({ model_name, model_version, outputs }: BinaryAnswer, signature: string): object {
  const version = { value: longOf(BigInt(model_version), false) };
  const model_spec = { name: model_name, version, signature_name: signature };
  return {
    model_spec,
    outputs: Object.fromEntries(
      outputs.map(({ name, datatype, shape, bytes }) => {
        const dim = shape.map((size) => ({ size }));
        const values = datatype === 'BYTES' ? strings(bytes) : unpack(datatype, bytes);
        const dtype = enumNumbers('tensorflow.DataType')[TF_TYPE[datatype]];
        return [name, { dtype, tensor_shape: { dim }, [VALUES[datatype]]: values }];
      }),
    ),
  };
}

/** What TensorFlow Serving tells of its models, in its words and in the layout of its protocol buffers' JSON. */
import type { DataType, ServedModel, TensorSpec } from '../../model/types.ts';
import { badRequest, quote, RequestError } from '../../errors.ts';
import type { Target } from '../route.ts';
import type { IndexEntry } from '../v2/metadata.ts';

export const TF_TYPE: Record<DataType, string> = {
  BOOL: 'DT_BOOL',
  UINT8: 'DT_UINT8',
  UINT16: 'DT_UINT16',
  UINT32: 'DT_UINT32',
  UINT64: 'DT_UINT64',
  INT8: 'DT_INT8',
  INT16: 'DT_INT16',
  INT32: 'DT_INT32',
  INT64: 'DT_INT64',
  FP16: 'DT_HALF',
  BF16: 'DT_BFLOAT16',
  FP32: 'DT_FLOAT',
  FP64: 'DT_DOUBLE',
  BYTES: 'DT_STRING',
};

const PREDICT = 'tensorflow/serving/predict';

const STATE: Readonly<Record<string, string>> = {
  READY: 'AVAILABLE',
  LOADING: 'LOADING',
  UNLOADING: 'UNLOADING',
  UNAVAILABLE: 'END',
};

/** A GetModelStatusResponse. */
export function modelStatus(versions: readonly IndexEntry[]): string {
  const statuses = versions.map(({ version, state, reason }) => ({
    version,
    state: STATE[state] ?? 'UNKNOWN',
    status: { error_code: reason === '' ? 'OK' : 'UNKNOWN', error_message: reason },
  }));
  return layOut({ model_version_status: statuses });
}

/** A GetModelMetadataResponse, whose parts TensorFlow Serving prints one by one: hence the odd lines. */
export function modelMetadata(model: ServedModel): string {
  const tensors = (specs: readonly TensorSpec[]) =>
    Object.fromEntries(specs.map((spec) => [spec.name, tensorInfo(spec)]));
  const signatures = [...model.signatures].map(([name, { inputs, outputs, method = PREDICT }]) => [
    name,
    { inputs: tensors(inputs), outputs: tensors(outputs), method_name: method, defaults: {} },
  ]);
  const spec = layOut({ name: model.name, signature_name: '', version: model.version });
  const definitions = layOut({ signature_def: Object.fromEntries(signatures) as object });
  return `{\n"model_spec":${spec},\n"metadata": {"signature_def": ${definitions}}\n}\n`;
}

const tensorInfo = ({ name, dtype, shape, node, unknownRank }: TensorSpec) => ({
  dtype: TF_TYPE[dtype],
  tensor_shape: {
    dim: unknownRank ? [] : shape.map((size) => ({ size: String(size), name: '' })),
    unknown_rank: unknownRank ?? false,
  },
  name: node ?? name,
});

/** As protocol buffers print JSON with blanks. */
const layOut = (message: object) => `${JSON.stringify(message, null, 1)}\n`;

/** There is no such version to run. */
export function servableNotFound({ model, version, label }: Target): RequestError {
  if (label !== undefined) return badRequest(`Unrecognized servable version label: ${quote(label)}`);
  const name = model.slice(0, 100);
  const asked = version === undefined ? `Latest(${name})` : `Specific(${name}, ${version})`;
  return new RequestError(404, `Servable not found for request: ${asked}`);
}

/** There is no such version to tell the status of. */
export function statusNotFound(target: Target): RequestError {
  const { model, version, label } = target;
  if (label !== undefined) return servableNotFound(target);
  const which = version === undefined ? 'any versions' : `version ${version}`;
  return new RequestError(404, `Could not find ${which} of model ${model.slice(0, 100)}`);
}

/** TensorFlow Serving's REST interface: predict, model status and metadata, with its status codes and error texts. */
import type { DataType, ServedModel, Signature, Tensor, TensorSpec } from '../model/types.ts';
import { badRequest, quote, RequestError } from './errors.ts';
import type { Inference } from './request.ts';
import { checkShape, nestedText, readTensor, shapeOf } from './tensors.ts';

type Fields = Record<string, unknown>;

const TF_TYPE: Record<DataType, string> = {
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

export function modelStatus(model: ServedModel): string {
  const status = { error_code: 'OK', error_message: '' };
  return JSON.stringify({ model_version_status: [{ version: model.version, state: 'AVAILABLE', status }] }, null, 1);
}

export function modelMetadata(model: ServedModel): string {
  const info = (spec: TensorSpec) => ({
    dtype: TF_TYPE[spec.dtype],
    tensor_shape: { dim: spec.shape.map((size) => ({ size: String(size), name: '' })), unknown_rank: false },
    name: spec.name,
  });
  const tensors = (specs: readonly TensorSpec[]) => Object.fromEntries(specs.map((spec) => [spec.name, info(spec)]));
  const signatures = [...model.signatures].map(([name, { inputs, outputs }]) => [
    name,
    { inputs: tensors(inputs), outputs: tensors(outputs), method_name: 'tensorflow/serving/predict' },
  ]);
  return JSON.stringify(
    {
      model_spec: { name: model.name, signature_name: '', version: model.version },
      metadata: { signature_def: { signature_def: Object.fromEntries(signatures) as Fields } },
    },
    null,
    1,
  );
}

/** @throws RequestError 404 in TensorFlow Serving's words */
export function servableNotFound(name: string, version: string | undefined): RequestError {
  const asked = version === undefined ? `Latest(${name})` : `Specific(${name}, ${version})`;
  return new RequestError(404, `Servable not found for request: ${asked}`);
}

/** @throws RequestError 400, as TensorFlow Serving does, not 404 */
export function unrecognizedLabel(label: string): RequestError {
  return badRequest(`Unrecognized servable version label: ${quote(label)}`);
}

/** @throws RequestError 400 */
export function decodePredict(body: Fields, model: ServedModel): Inference {
  const name = body.signature_name ?? model.defaultSignature;
  const signature = typeof name === 'string' ? model.signatures.get(name) : undefined;
  if (!signature || typeof name !== 'string') {
    const known = [...model.signatures.keys()].map(quote).join(', ');
    throw badRequest(`Serving signature name: ${quote(name)} not found in signature def; this model has ${known}`);
  }
  const row = Object.hasOwn(body, 'instances');
  const columnar = Object.hasOwn(body, 'inputs');
  if (row && columnar) throw badRequest("Both 'instances' and 'inputs' keys are given; send one of them");
  if (!row && !columnar) throw badRequest("Missing 'inputs' or 'instances' key");
  return row
    ? { signature: name, inputs: readInstances(body.instances, signature), respond: respondRows }
    : { signature: name, inputs: readColumns(body.inputs, signature), respond: respondColumns };
}

function readInstances(value: unknown, signature: Signature): Tensor[] {
  if (!Array.isArray(value)) throw badRequest("'instances' is not a list");
  if (value.length === 0) throw badRequest("'instances' is an empty list");
  const named = isNamed(value[0], signature);
  const only = signature.inputs.length === 1 ? signature.inputs[0] : undefined;
  if (!named && !only)
    throw badRequest(`'instances' is a plain list, but the model has several inputs: ${mapOf(signature)}`);
  if (!named && only) return [read(value, only, "'instances'")];
  value.forEach((item: unknown, i) =>
    checkNames(item, signature, `Failed to process element: ${i} of 'instances' list.`),
  );
  return signature.inputs.map((spec) => {
    const column = (value as Fields[]).map((item) => item[spec.name]);
    return read(column, spec, `'instances' input ${quote(spec.name)}`);
  });
}

function readColumns(value: unknown, signature: Signature): Tensor[] {
  const only = signature.inputs.length === 1 ? signature.inputs[0] : undefined;
  if (!isNamed(value, signature)) {
    if (only) return [read(value, only, "'inputs'")];
    throw badRequest(`'inputs' is a plain value, but the model has several inputs: ${mapOf(signature)}`);
  }
  checkNames(value, signature, "'inputs':");
  return signature.inputs.map((spec) => read((value as Fields)[spec.name], spec, `'inputs' ${quote(spec.name)}`));
}

/** An object names the inputs, unless it is one BYTES value written as `{"b64": …}`. */
function isNamed(value: unknown, signature: Signature): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const bytes = Object.keys(value).length === 1 && Object.hasOwn(value, 'b64');
  return !bytes || signature.inputs.some((spec) => spec.name === 'b64');
}

function checkNames(value: unknown, signature: Signature, where: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest(`${where} Expected an object of named inputs: ${mapOf(signature)}`);
  }
  for (const spec of signature.inputs) {
    if (!Object.hasOwn(value, spec.name)) throw badRequest(`${where} Missing named input ${quote(spec.name)}`);
  }
  for (const key of Object.keys(value)) {
    if (signature.inputs.some((spec) => spec.name === key)) continue;
    throw badRequest(`${where} Unknown input ${quote(key)}; the model takes ${mapOf(signature)}`);
  }
}

const mapOf = (signature: Signature) =>
  `{${signature.inputs.map((spec) => `${JSON.stringify(spec.name)}: …`).join(', ')}}`;

function read(value: unknown, spec: TensorSpec, field: string): Tensor {
  const shape = shapeOf(value);
  checkShape(shape, spec, field);
  return readTensor(value, spec, shape, field);
}

function respondRows(outputs: readonly Tensor[]): string {
  const batch = outputs[0]?.shape[0];
  for (const { name, shape } of outputs) {
    if (shape[0] === undefined)
      throw badRequest(`Tensor name: ${name} has no batch dimension; use 'inputs' instead of 'instances'`);
    if (shape[0] !== batch)
      throw badRequest(`Tensor name: ${name} has inconsistent batch size: ${shape[0]} expecting ${batch}`);
  }
  const rows = Array.from({ length: batch ?? 0 }, (_, i) => valueText(outputs, (tensor) => nestedText(tensor, i)));
  return `{"predictions":[${rows.join(',')}]}`;
}

function respondColumns(outputs: readonly Tensor[]): string {
  return `{"outputs":${valueText(outputs, (tensor) => nestedText(tensor))}}`;
}

/** One output stands alone, several are named. */
function valueText(outputs: readonly Tensor[], text: (tensor: Tensor) => string): string {
  const only = outputs.length === 1 ? outputs[0] : undefined;
  if (only) return text(only);
  return `{${outputs.map((tensor) => `${JSON.stringify(tensor.name)}:${text(tensor)}`).join(',')}}`;
}

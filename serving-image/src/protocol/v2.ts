/** Open Inference protocol, version 2, REST with JSON tensors. */
import type { ServedModel, Signature, Tensor, TensorSpec } from '../model/types.ts';
import { badRequest, quote } from './errors.ts';
import type { Inference } from './request.ts';
import { checkShape, elementsText, MAX_RANK, readTensor } from './tensors.ts';

export const SERVER_NAME = 'modeldeployment-server';

const PLATFORM = {
  SavedModel: 'tensorflow_savedmodel',
  TFJSGraph: 'tensorflowjs_graph_model',
  TFJSLayers: 'tensorflowjs_layers_model',
} as const;

const LONGEST_ID = 256;

type Fields = Record<string, unknown>;

export function serverMetadata(version: string): string {
  return JSON.stringify({ name: SERVER_NAME, version, extensions: [] });
}

export function modelMetadata(model: ServedModel): string {
  const { inputs, outputs } = signatureOf(model);
  const describe = (spec: TensorSpec) => ({ name: spec.name, datatype: spec.dtype, shape: spec.shape });
  return JSON.stringify({
    name: model.name,
    versions: [model.version],
    platform: PLATFORM[model.format],
    inputs: inputs.map(describe),
    outputs: outputs.map(describe),
  });
}

function signatureOf(model: ServedModel): Signature {
  const signature = model.signatures.get(model.defaultSignature);
  if (!signature) throw new Error(`model ${model.name} has no signature ${model.defaultSignature}`);
  return signature;
}

/** @throws RequestError 400 */
export function decodeInfer(body: Fields, model: ServedModel): Inference {
  const signature = signatureOf(model);
  const id = readId(body.id);
  readParameters(body.parameters, 'parameters');
  const inputs = readInputs(body.inputs, signature);
  const wanted = readOutputs(body.outputs, signature);
  return {
    signature: model.defaultSignature,
    inputs,
    respond: (outputs) => respond(model, id, outputs, wanted),
  };
}

function readId(id: unknown): string | undefined {
  if (id === undefined) return undefined;
  if (typeof id !== 'string') throw badRequest(`id is ${quote(id)}, expected a string`);
  if (id.length > LONGEST_ID) throw badRequest(`id has ${id.length} characters, at most ${LONGEST_ID} are allowed`);
  return id;
}

function readParameters(value: unknown, field: string): Fields {
  if (value === undefined) return {};
  if (!isObject(value)) throw badRequest(`${field} is not an object`);
  for (const key of ['binary_data_size', 'binary_data', 'binary_data_output', 'classification']) {
    if (Object.hasOwn(value, key) && value[key] !== false && value[key] !== 0) {
      throw badRequest(`${field}.${key} is not supported: this server speaks JSON tensors only`);
    }
  }
  return value;
}

function readInputs(value: unknown, signature: Signature): Tensor[] {
  const expected = () => signature.inputs.map((spec) => quote(spec.name)).join(', ');
  if (!Array.isArray(value)) throw badRequest(`inputs is missing or not a list; expected inputs ${expected()}`);
  const found = new Map<string, Tensor>();
  value.forEach((item: unknown, i) => {
    const field = `inputs[${i}]`;
    if (!isObject(item)) throw badRequest(`${field} is not an object`);
    const spec = signature.inputs.find((input) => input.name === item.name);
    if (!spec) throw badRequest(`${field}.name is ${quote(item.name)}; the inputs of this model are ${expected()}`);
    if (found.has(spec.name)) throw badRequest(`${field}: input ${quote(spec.name)} is given twice`);
    found.set(spec.name, readInput(item, spec, `${field} ${quote(spec.name)}`));
  });
  return signature.inputs.map((spec) => {
    const tensor = found.get(spec.name);
    if (!tensor) throw badRequest(`inputs: ${quote(spec.name)} is missing; expected inputs ${expected()}`);
    return tensor;
  });
}

function readInput(item: Fields, spec: TensorSpec, field: string): Tensor {
  readParameters(item.parameters, `${field}: parameters`);
  if (item.datatype !== spec.dtype) {
    throw badRequest(`${field}: datatype is ${quote(item.datatype)}, expected ${spec.dtype}`);
  }
  if (spec.dtype === 'FP16' || spec.dtype === 'BF16') {
    throw badRequest(`${field}: the protocol has no JSON form of ${spec.dtype}; use the predict call of version 1`);
  }
  const shape = item.shape;
  const valid =
    Array.isArray(shape) &&
    shape.length <= MAX_RANK &&
    shape.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
  if (!valid) throw badRequest(`${field}: shape is ${quote(shape)}, expected a list of whole numbers above 0`);
  checkShape(shape as number[], spec, field);
  if (item.data === undefined) throw badRequest(`${field}: data is missing`);
  return readTensor(item.data, spec, shape as number[], `${field}: data`, true);
}

function readOutputs(value: unknown, signature: Signature): readonly string[] {
  if (value === undefined) return signature.outputs.map((spec) => spec.name);
  if (!Array.isArray(value)) throw badRequest('outputs is not a list');
  const wanted = value.map((item: unknown, i) => {
    if (!isObject(item)) throw badRequest(`outputs[${i}] is not an object`);
    readParameters(item.parameters, `outputs[${i}].parameters`);
    const spec = signature.outputs.find((output) => output.name === item.name);
    if (spec) return spec.name;
    const names = signature.outputs.map((output) => quote(output.name)).join(', ');
    throw badRequest(`outputs[${i}].name is ${quote(item.name)}; the outputs of this model are ${names}`);
  });
  if (new Set(wanted).size !== wanted.length) throw badRequest('outputs: the same output is asked for twice');
  return wanted.length > 0 ? wanted : signature.outputs.map((spec) => spec.name);
}

function respond(
  model: ServedModel,
  id: string | undefined,
  outputs: readonly Tensor[],
  wanted: readonly string[],
): string {
  const texts = wanted.map((name) => {
    const tensor = outputs.find((output) => output.name === name);
    if (!tensor) throw new Error(`the engine gave no output ${name}`);
    const head = JSON.stringify({ name, shape: tensor.shape, datatype: tensor.dtype });
    return `${head.slice(0, -1)},"data":[${elementsText(tensor, 0, tensor.data.length, 'string')}]}`;
  });
  const head = JSON.stringify({
    model_name: model.name,
    model_version: model.version,
    ...(id === undefined ? {} : { id }),
  });
  return `${head.slice(0, -1)},"outputs":[${texts.join(',')}]}`;
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

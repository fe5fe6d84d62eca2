/** Open Inference protocol, version 2, REST with JSON tensors. */
import { sizeOf, type ServedModel, type Signature, type Tensor, type TensorSpec } from '../model/types.ts';
import { badRequest, quote } from './errors.ts';
import { openBody } from './json/body.ts';
import { Byte } from './json/byte.ts';
import { show } from './json/column.ts';
import { columnFor } from './json/columns.ts';
import { readFlatOrNested } from './json/nested.ts';
import type { Scanner } from './json/scanner.ts';
import type { JsonText } from './json/text.ts';
import { JsonWriter } from './json/writer.ts';
import type { Inference } from './request.ts';

export const SERVER_NAME = 'modeldeployment-server';

const PLATFORM = {
  SavedModel: 'tensorflow_savedmodel',
  TFJSGraph: 'tensorflowjs_graph_model',
  TFJSLayers: 'tensorflowjs_layers_model',
} as const;

const LONGEST_ID = 256;
/** No tensor of a model has more dimensions than TensorFlow allows. */
const MAX_RANK = 254;

type Fields = Record<string, unknown>;

export interface InferRequest extends Inference {
  id: string | undefined;
  /** Outputs to answer, by their place in the signature, in this order. */
  outputs: readonly number[];
}

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

/** @throws RequestError 400, 413 */
export function decodeInfer(text: JsonText, model: ServedModel): InferRequest {
  const signature = signatureOf(model);
  const scan = openBody(text);
  let id: string | undefined;
  let inputs: Tensor[] | undefined;
  let outputs = signature.outputs.map((_, i) => i);
  for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) {
    if (key === 'inputs') inputs = readInputs(scan, signature);
    else if (key === 'id') id = readId(scan.value());
    else if (key === 'outputs') outputs = readOutputs(scan.value(), signature);
    else if (key === 'parameters') readParameters(scan.value(), 'parameters');
    else scan.value();
  }
  scan.finish();
  if (!inputs) throw badRequest(`inputs is missing; expected inputs ${namesOf(signature.inputs)}`);
  return { signature: model.defaultSignature, inputs, id, outputs };
}

function readId(id: unknown): string | undefined {
  if (id === null) return undefined;
  if (typeof id !== 'string') throw badRequest(`id is ${quote(id)}, expected a string`);
  if (id.length > LONGEST_ID) throw badRequest(`id has ${id.length} characters, at most ${LONGEST_ID} are allowed`);
  return id;
}

function readParameters(value: unknown, field: string): Fields {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw badRequest(`${field} is not an object`);
  for (const key of ['binary_data_size', 'binary_data', 'binary_data_output', 'classification']) {
    if (Object.hasOwn(value, key) && value[key] !== false && value[key] !== 0) {
      throw badRequest(`${field}.${key} is not supported: this server speaks JSON tensors only`);
    }
  }
  return value;
}

function readInputs(scan: Scanner, signature: Signature): Tensor[] {
  const specs = signature.inputs;
  if (scan.peek() !== Byte.OpenList) {
    throw badRequest(`inputs is ${quote(scan.value())}, expected a list of inputs ${namesOf(specs)}`);
  }
  const found: (Tensor | undefined)[] = specs.map(() => undefined);
  let index = 0;
  for (let more = scan.firstItem(); more; more = scan.nextItem()) {
    const field = `inputs[${index++}]`;
    if (scan.peek() !== Byte.OpenObject) throw badRequest(`${field} is ${quote(scan.value())}, expected an object`);
    const tensor = readInput(scan, specs, field);
    const place = specs.findIndex(({ name }) => name === tensor.name);
    if (found[place]) throw badRequest(`${field}: input ${quote(tensor.name)} is given twice`);
    found[place] = tensor;
  }
  return specs.map(({ name }, i) => {
    const tensor = found[i];
    if (!tensor) throw badRequest(`inputs: ${quote(name)} is missing; expected inputs ${namesOf(specs)}`);
    return tensor;
  });
}

/** What an input says of itself, apart from its data. */
interface Head {
  name?: unknown;
  datatype?: unknown;
  shape?: unknown;
}

function readInput(scan: Scanner, specs: readonly TensorSpec[], field: string): Tensor {
  const head: Head = {};
  let dataAt = -1;
  let tensor: Tensor | undefined;
  for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) {
    if (key === 'data') {
      scan.peek();
      dataAt = scan.at;
      const known = head.name !== undefined && head.datatype !== undefined && head.shape !== undefined;
      if (known) tensor = readData(scan, head, specs, field);
      else scan.skip();
    } else if (key === 'name' || key === 'datatype' || key === 'shape') {
      head[key] = scan.value();
    } else if (key === 'parameters') {
      readParameters(scan.value(), `${field}.parameters`);
    } else {
      scan.value();
    }
  }
  if (tensor) return tensor;
  // The data came before what says how to read it, or not at all.
  const end = scan.at;
  scan.at = dataAt;
  tensor = readData(scan, head, specs, field);
  scan.at = end;
  return tensor;
}

function readData(scan: Scanner, head: Head, specs: readonly TensorSpec[], input: string): Tensor {
  const spec = specs.find(({ name }) => name === head.name);
  if (!spec) throw badRequest(`${input}.name is ${quote(head.name)}; the inputs of this model are ${namesOf(specs)}`);
  const field = `${input} ${quote(spec.name)}`;
  const { name, dtype } = spec;
  if (head.datatype !== dtype) {
    throw badRequest(`${field}: datatype is ${quote(head.datatype)}, expected ${dtype}`);
  }
  if (dtype === 'FP16' || dtype === 'BF16') {
    throw badRequest(`${field}: the protocol has no JSON form of ${dtype}; use the predict call of version 1`);
  }
  const shape = readShape(head.shape, spec, field);
  if (scan.at < 0) throw badRequest(`${field}: data is missing`);
  const column = columnFor(spec, `${field}: data`, [...shape]);
  readFlatOrNested(scan, column, sizeOf(shape));
  return { name, dtype, shape, data: column.finish() };
}

function readShape(value: unknown, spec: TensorSpec, field: string): number[] {
  const valid =
    Array.isArray(value) &&
    value.length <= MAX_RANK &&
    value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
  if (!valid) throw badRequest(`${field}: shape is ${quote(value)}, expected a list of whole numbers above 0`);
  const shape = value as number[];
  const fits =
    shape.length === spec.shape.length &&
    shape.every((size, i) => size > 0 && (spec.shape[i] === -1 || spec.shape[i] === size));
  if (!fits) {
    throw badRequest(`${field} has shape ${show(shape)}, expected ${show(spec.shape)} (-1 is any size above 0)`);
  }
  if (!Number.isSafeInteger(sizeOf(shape))) throw badRequest(`${field} has shape ${show(shape)}, which is too large`);
  return shape;
}

function readOutputs(value: unknown, signature: Signature): number[] {
  const all = signature.outputs.map((_, i) => i);
  if (value === null) return all;
  if (!Array.isArray(value)) throw badRequest('outputs is not a list');
  const wanted = value.map((item: unknown, i) => {
    if (!isObject(item)) throw badRequest(`outputs[${i}] is not an object`);
    readParameters(item.parameters, `outputs[${i}].parameters`);
    const place = signature.outputs.findIndex((output) => output.name === item.name);
    if (place >= 0) return place;
    throw badRequest(
      `outputs[${i}].name is ${quote(item.name)}; the outputs of this model are ${namesOf(signature.outputs)}`,
    );
  });
  if (new Set(wanted).size !== wanted.length) throw badRequest('outputs: the same output is asked for twice');
  return wanted.length > 0 ? wanted : all;
}

const namesOf = (specs: readonly TensorSpec[]) => specs.map(({ name }) => quote(name)).join(', ');

/** The answer, as JSON. `outputs` are those of the signature, in its order. */
export function encodeInfer(model: ServedModel, request: InferRequest, outputs: readonly Tensor[]): Buffer {
  const json = new JsonWriter();
  json.raw(`{"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)}`);
  if (request.id !== undefined) json.raw(`,"id":${JSON.stringify(request.id)}`);
  request.outputs.forEach((place, i) => {
    const tensor = outputs[place];
    if (!tensor) throw new Error(`the engine gave ${outputs.length} outputs, output ${place} is wanted`);
    const { name, dtype, shape } = tensor;
    json.raw(i === 0 ? ',"outputs":[' : ',');
    json.raw(`{"name":${JSON.stringify(name)},"shape":[${shape.join(',')}],"datatype":"${dtype}","data":[`);
    json.elements(tensor, 0, tensor.data.length, 'string').raw(']}');
  });
  return json.raw(']}').finish();
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

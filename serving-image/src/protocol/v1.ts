/** TensorFlow Serving's REST interface: predict, model status and metadata, with its status codes and error texts. */
import type { DataType, ServedModel, Signature, Tensor, TensorSpec } from '../model/types.ts';
import { badRequest, quote, RequestError } from './errors.ts';
import { openBody } from './json/body.ts';
import { Byte } from './json/byte.ts';
import type { Column } from './json/column.ts';
import { columnFor } from './json/columns.ts';
import { readNested } from './json/nested.ts';
import type { Scanner } from './json/scanner.ts';
import type { JsonText } from './json/text.ts';
import { JsonWriter } from './json/writer.ts';
import type { Inference } from './request.ts';
import type { Target } from './route.ts';

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

/** Says in TensorFlow Serving's words that there is no such version. */
export function servableNotFound({ model, version, label }: Target): RequestError {
  if (label !== undefined) return badRequest(`Unrecognized servable version label: ${quote(label)}`);
  const name = model.slice(0, 100);
  const asked = version === undefined ? `Latest(${name})` : `Specific(${name}, ${version})`;
  return new RequestError(404, `Servable not found for request: ${asked}`);
}

export interface PredictRequest extends Inference {
  /** Asked in rows (`instances`), and answered so; else in columns (`inputs`). */
  rows: boolean;
}

/** @throws RequestError 400, 413 */
export function decodePredict(text: JsonText, model: ServedModel): PredictRequest {
  const scan = openBody(text, true);
  let name: unknown = model.defaultSignature;
  let last: Attempt | undefined;
  for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) {
    if (key === 'instances' || key === 'inputs') {
      if (last && last.key !== key) throw badRequest("Both 'instances' and 'inputs' keys are given; send one of them");
      last = attempt(scan, key, name, model);
    } else if (key === 'signature_name') {
      name = scan.value();
    } else {
      scan.value();
    }
  }
  scan.finish();
  if (!last) throw badRequest("Missing 'inputs' or 'instances' key");
  if (last.name !== name) {
    scan.at = last.at;
    last = attempt(scan, last.key, name, model);
  }
  if (!last.inputs) throw last.error;
  return { signature: last.name as string, inputs: last.inputs, rows: last.key === 'instances' };
}

/** Tensors as a signature has them. Another one may be named only behind them. */
interface Attempt {
  key: 'instances' | 'inputs';
  /** Where the value begins. */
  at: number;
  /** Of the signature. */
  name: unknown;
  inputs?: Tensor[];
  error?: unknown;
}

function attempt(scan: Scanner, key: Attempt['key'], name: unknown, model: ServedModel): Attempt {
  const { at } = scan;
  try {
    const signature = signatureNamed(name, model);
    const inputs = key === 'instances' ? readInstances(scan, signature) : readColumns(scan, signature);
    return { key, at, name, inputs };
  } catch (error) {
    scan.at = at;
    scan.skip();
    return { key, at, name, error };
  }
}

function signatureNamed(name: unknown, model: ServedModel): Signature {
  const signature = typeof name === 'string' ? model.signatures.get(name) : undefined;
  if (signature) return signature;
  const known = [...model.signatures.keys()].map(quote).join(', ');
  throw badRequest(`Serving signature name: ${quote(name)} not found in signature def; this model has ${known}`);
}

function readInstances(scan: Scanner, signature: Signature): Tensor[] {
  if (scan.peek() !== Byte.OpenList) throw badRequest("'instances' is not a list");
  const start = scan.at;
  if (!scan.firstItem()) throw badRequest("'instances' is an empty list");
  if (isNamed(scan, signature)) return readNamedRows(scan, signature);
  const [only] = signature.inputs;
  if (!only || signature.inputs.length > 1) {
    throw badRequest(`'instances' is a plain list, but the model has several inputs: ${mapOf(signature)}`);
  }
  scan.at = start;
  return [readWhole(scan, only, "'instances'")];
}

/** The rows of `instances`, of which the `[` is taken, each an object of named inputs. */
function readNamedRows(scan: Scanner, signature: Signature): Tensor[] {
  const columns = signature.inputs.map((spec) => {
    if (spec.shape.length > 0) return columnFor(spec, `'instances' input ${quote(spec.name)}`, [...spec.shape]);
    throw badRequest(`input ${quote(spec.name)} has no batch dimension; use 'inputs' instead of 'instances'`);
  });
  let rows = 0;
  for (let more = true; more; more = scan.nextItem()) {
    readNamed(scan, signature, `Failed to process element: ${rows++} of 'instances' list.`, (place) => {
      readNested(scan, columns[place] as Column, 1);
    });
  }
  return columns.map((column) => {
    const size = column.shape[0] ?? 0;
    if (size >= 0 && size !== rows) throw column.wrongLength(rows, size);
    column.shape[0] = rows;
    return tensorOf(column);
  });
}

function readColumns(scan: Scanner, signature: Signature): Tensor[] {
  if (isNamed(scan, signature)) {
    const tensors: Tensor[] = [];
    readNamed(scan, signature, "'inputs':", (place, spec) => {
      tensors[place] = readWhole(scan, spec, `'inputs' ${quote(spec.name)}`);
    });
    return tensors;
  }
  const [only] = signature.inputs;
  if (only && signature.inputs.length === 1) return [readWhole(scan, only, "'inputs'")];
  throw badRequest(`'inputs' is a plain value, but the model has several inputs: ${mapOf(signature)}`);
}

/** Whether an object follows that names the inputs: not one BYTES value written as `{"b64": …}`. */
function isNamed(scan: Scanner, signature: Signature): boolean {
  if (scan.peek() !== Byte.OpenObject) return false;
  const start = scan.at;
  const first = scan.firstKey();
  let alone = false;
  if (first === 'b64') {
    scan.skip();
    alone = scan.nextKey() === undefined;
  }
  scan.at = start;
  return !alone || signature.inputs.some(({ name }) => name === 'b64');
}

/** Reads an object that names every input once; `read` reads the value of the one at `place` in the signature. */
function readNamed(
  scan: Scanner,
  signature: Signature,
  where: string,
  read: (place: number, spec: TensorSpec) => void,
): void {
  if (scan.peek() !== Byte.OpenObject) {
    throw badRequest(`${where} Expected an object of named inputs: ${mapOf(signature)}`);
  }
  const seen = new Set<number>();
  for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) {
    const place = signature.inputs.findIndex(({ name }) => name === key);
    const spec = signature.inputs[place];
    if (!spec) throw badRequest(`${where} Unknown input ${quote(key)}; the model takes ${mapOf(signature)}`);
    if (seen.has(place)) throw badRequest(`${where} Input ${quote(key)} is given twice`);
    seen.add(place);
    read(place, spec);
  }
  const missing = signature.inputs.find((_, i) => !seen.has(i));
  if (missing) throw badRequest(`${where} Missing named input ${quote(missing.name)}`);
}

const mapOf = (signature: Signature) =>
  `{${signature.inputs.map((spec) => `${JSON.stringify(spec.name)}: …`).join(', ')}}`;

function readWhole(scan: Scanner, spec: TensorSpec, field: string): Tensor {
  const column = columnFor(spec, field, [...spec.shape]);
  readNested(scan, column);
  return tensorOf(column);
}

const tensorOf = (column: Column): Tensor => {
  const { name, dtype } = column.spec;
  return { name, dtype, shape: column.shape, data: column.finish() };
};

/** The answer, as JSON. `outputs` are those of the signature, in its order. @throws RequestError 400 */
export function encodePredict(request: PredictRequest, outputs: readonly Tensor[]): Buffer {
  const json = new JsonWriter();
  if (!request.rows) {
    json.raw('{"outputs":');
    writeValue(json, outputs, (tensor) => json.nested(tensor));
    return json.raw('}').finish();
  }
  const rows = rowsOf(outputs);
  json.raw('{"predictions":[');
  for (let row = 0; row < rows; row++) {
    if (row > 0) json.raw(',');
    writeValue(json, outputs, (tensor) => json.row(tensor, row));
  }
  return json.raw(']}').finish();
}

function rowsOf(outputs: readonly Tensor[]): number {
  const rows = outputs[0]?.shape[0];
  for (const { name, shape } of outputs) {
    if (shape[0] === undefined)
      throw badRequest(`Tensor name: ${name} has no batch dimension; use 'inputs' instead of 'instances'`);
    if (shape[0] !== rows)
      throw badRequest(`Tensor name: ${name} has inconsistent batch size: ${shape[0]} expecting ${rows}`);
  }
  return rows ?? 0;
}

/** One output stands alone, several are named. */
function writeValue(json: JsonWriter, outputs: readonly Tensor[], write: (tensor: Tensor) => void): void {
  if (outputs.length === 1) {
    for (const tensor of outputs) write(tensor);
    return;
  }
  outputs.forEach((tensor, i) => {
    json.raw(`${i === 0 ? '{' : ','}${JSON.stringify(tensor.name)}:`);
    write(tensor);
  });
  json.raw('}');
}

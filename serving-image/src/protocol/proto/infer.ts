/** Inference of the Open Inference protocol over gRPC: its messages, and the same with binary tensors as REST has it. Pure. */
import type { DataType } from '../../model/types.ts';
import { badRequest, quote } from '../../errors.ts';
import { exactOf, pack, strings, unpack, type Element, type Long } from './values.ts';

/** One of bool_param, int64_param, string_param, double_param and uint64_param: the only field that is the message's own. */
type Parameter = Readonly<Record<string, boolean | string | number | Long>>;
type Parameters = Record<string, Parameter>;
type Contents = Readonly<Record<string, readonly Element[]>>;

/** inference.ModelInferRequest. */
export interface InferRequest {
  model_name: string;
  model_version: string;
  id: string;
  parameters: Parameters;
  inputs: readonly {
    name: string;
    datatype: string;
    shape: readonly (number | Long)[];
    parameters: Parameters;
    contents: Contents | null;
  }[];
  outputs: readonly { name: string; parameters: Parameters }[];
  raw_input_contents: readonly Buffer[];
}

/** JSON, and behind it the bytes of tensors. */
export interface BinaryBody {
  chunks: readonly Buffer[];
  length: number;
  jsonLength: string;
}

/** Where a list of values lies; 16-bit floats have no such place. */
const CONTENTS: Readonly<Record<string, string>> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
};

export const binaryBody = (head: object, blobs: readonly Buffer[]): BinaryBody => {
  const json = Buffer.from(JSON.stringify(head));
  const length = blobs.reduce((sum, blob) => sum + blob.length, json.length);
  return { chunks: [json, ...blobs], length, jsonLength: String(json.length) };
};

/** @param timeoutMs until the deadline of the call @throws RequestError 400 */
export function inferBody(request: InferRequest, timeoutMs: number): BinaryBody {
  const { id, inputs, outputs, raw_input_contents: raw } = request;
  if (raw.length > 0 && raw.length !== inputs.length) {
    throw badRequest(`raw_input_contents has ${raw.length} elements, expected one for each of ${inputs.length} inputs`);
  }
  const blobs = inputs.map((input, i) => blobOf(input, raw[i], `inputs[${i}] ${quote(input.name)}`));
  const parameters = valuesOf(request.parameters);
  const head = {
    ...(id === '' ? {} : { id }),
    parameters: { ...parameters, timeout: timeoutOf(parameters.timeout, timeoutMs), binary_data_output: true },
    inputs: inputs.map(({ name, datatype, shape, parameters }, i) => ({
      name,
      datatype,
      shape: shape.map(exactOf),
      parameters: { ...valuesOf(parameters), binary_data_size: blobs[i]?.length },
    })),
    outputs: outputs.map(({ name, parameters }) => ({
      name,
      parameters: { ...valuesOf(parameters), binary_data: true },
    })),
  };
  return binaryBody(head, blobs);
}

/** The earlier of the client's own timeout and the deadline of the call, as REST takes it: microseconds, 0 is none. */
export function timeoutOf(own: unknown, timeoutMs: number): unknown {
  if (!Number.isFinite(timeoutMs) || (own !== undefined && typeof own !== 'number')) return own;
  const left = Math.max(1, Math.floor(timeoutMs * 1000));
  return own === undefined || own === 0 ? left : Math.min(own, left);
}

const valuesOf = (parameters: Parameters): Record<string, boolean | string | number | undefined> =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => {
      const [value] = Object.values(parameter);
      return [name, typeof value === 'object' ? exactOf(value) : value];
    }),
  );

function blobOf(
  { datatype, contents }: InferRequest['inputs'][number],
  raw: Buffer | undefined,
  field: string,
): Buffer {
  const given = Object.entries(contents ?? {}).filter(([, values]) => values.length > 0);
  if (raw) {
    if (given.length === 0) return raw;
    throw badRequest(`${field} has contents as well as raw_input_contents; send one of them`);
  }
  const name = CONTENTS[datatype];
  if (name === undefined) {
    throw badRequest(`${field}: the protocol has no contents of ${quote(datatype)}; send raw_input_contents`);
  }
  const wrong = given.find(([other]) => other !== name);
  if (wrong) throw badRequest(`${field} has ${wrong[0]}, but ${datatype} is in ${name}`);
  const values = contents?.[name] ?? [];
  return pack(datatype as DataType, values, values.length, `${field}: ${name}`);
}

/** Of an answer to a body that asks for binary outputs. */
export interface BinaryAnswer {
  model_name: string;
  model_version: string;
  id?: string;
  outputs: { name: string; datatype: DataType; shape: number[]; bytes: Buffer }[];
}

export function readBinaryAnswer(body: Buffer, jsonLength: number): BinaryAnswer {
  type Head = Omit<BinaryAnswer, 'outputs'> & {
    outputs: { name: string; datatype: DataType; shape: number[]; parameters: { binary_data_size: number } }[];
  };
  const head = JSON.parse(body.toString('utf8', 0, jsonLength)) as Head;
  let at = jsonLength;
  return {
    ...head,
    outputs: head.outputs.map(({ name, datatype, shape, parameters: { binary_data_size: size } }) => ({
      name,
      datatype,
      shape,
      bytes: body.subarray(at, (at += size)),
    })),
  };
}

/** An inference.ModelInferResponse: its tensors in the form in which those of the request came, if there is such a form. */
export function inferResponse({ outputs, ...answer }: BinaryAnswer, raw: boolean): object {
  const heads = outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape }));
  if (raw || outputs.some(({ datatype }) => CONTENTS[datatype] === undefined)) {
    return { ...answer, outputs: heads, raw_output_contents: outputs.map(({ bytes }) => bytes) };
  }
  return {
    ...answer,
    outputs: heads.map((head, i) => {
      const { datatype, bytes } = outputs[i] as BinaryAnswer['outputs'][number];
      const values = datatype === 'BYTES' ? strings(bytes) : unpack(datatype, bytes);
      return { ...head, contents: { [CONTENTS[datatype] as string]: values } };
    }),
  };
}

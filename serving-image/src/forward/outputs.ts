/** Reads the outputs out of an answer, as plain numbers and texts that can be compared. Pure. */
import type { Tensor } from '../model/types.ts';

export interface Output {
  name: string;
  values: ArrayLike<unknown>;
}

/** An answer of HTTP, as it came or as it goes. */
export interface AnswerBytes {
  body: string | Uint8Array;
  /** Length of the JSON in front of binary tensors, from the header of that name. */
  jsonLength?: number | undefined;
}

type Json = unknown;
type Fields = Readonly<Record<string, Json>>;

/** Outputs of an Open Inference answer, JSON or binary. @throws SyntaxError or RangeError when it is not one */
export function outputsV2({ body, jsonLength }: AnswerBytes): Output[] {
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.length);
  const json = parse(bytes.toString('utf8', 0, jsonLength ?? bytes.length)) as Fields | null;
  if (!Array.isArray(json?.outputs)) throw new SyntaxError('an answer without outputs');
  let at = jsonLength ?? bytes.length;
  return (json.outputs as Fields[]).map((output) => {
    const { name, datatype, data, parameters } = output;
    const size = (parameters as Fields | undefined)?.binary_data_size;
    if (typeof size !== 'number') return { name: String(name), values: numbers(flat(data), String(datatype)) };
    const blob = bytes.subarray(at, (at += size));
    return { name: String(name), values: readBinary(String(datatype), blob) };
  });
}

/** Outputs of a TensorFlow Serving answer: of rows, values of the same output are put together. @throws SyntaxError */
export function outputsV1({ body }: AnswerBytes): Output[] {
  const json = parse(typeof body === 'string' ? body : Buffer.from(body).toString('utf8')) as Fields | null;
  const key = ['predictions', 'outputs', 'results', 'result'].find((name) => json?.[name] !== undefined);
  if (key === undefined) throw new SyntaxError('an answer without predictions');
  const found = new Map<string, unknown[]>();
  collect(json?.[key], key, found);
  return [...found].map(([name, values]) => ({ name, values: numbers(values, undefined) }));
}

function collect(value: Json, name: string, found: Map<string, unknown[]>): void {
  if (Array.isArray(value)) {
    for (const item of value as Json[]) collect(item, name, found);
  } else if (typeof value === 'object' && value !== null && !('b64' in value)) {
    for (const [key, item] of Object.entries(value)) collect(item, key, found);
  } else {
    const values = found.get(name);
    const leaf = typeof value === 'object' ? JSON.stringify(value) : value;
    if (values) values.push(leaf);
    else found.set(name, [leaf]);
  }
}

const flat = (data: Json): unknown[] => (Array.isArray(data) ? data.flat(Infinity) : [data]);

const WORDS: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity };

/** Numbers that JSON has no words for arrive as strings; of a tensor of texts they are texts. */
function numbers(values: unknown[], datatype: string | undefined): unknown[] {
  if (datatype === 'BYTES') return values;
  return values.map((value) => (typeof value === 'string' && Object.hasOwn(WORDS, value) ? WORDS[value] : value));
}

/** JSON, in which NaN, Infinity and -Infinity may stand bare, as TensorFlow Serving writes them: they become strings. */
function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/gs, (match) =>
      match.startsWith('"') ? match : `"${match}"`,
    );
    return JSON.parse(quoted);
  }
}

const read = (size: number, get: (view: DataView, at: number) => unknown) => (blob: Uint8Array) => {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.length);
  return Array.from({ length: Math.floor(blob.length / size) }, (_, i) => get(view, i * size));
};

/** Little-endian, row-major: the binary extension's forms. */
const BINARY: Readonly<Record<string, (blob: Uint8Array) => ArrayLike<unknown>>> = {
  BOOL: read(1, (view, at) => view.getUint8(at) !== 0),
  UINT8: read(1, (view, at) => view.getUint8(at)),
  UINT16: read(2, (view, at) => view.getUint16(at, true)),
  UINT32: read(4, (view, at) => view.getUint32(at, true)),
  UINT64: read(8, (view, at) => view.getBigUint64(at, true)),
  INT8: read(1, (view, at) => view.getInt8(at)),
  INT16: read(2, (view, at) => view.getInt16(at, true)),
  INT32: read(4, (view, at) => view.getInt32(at, true)),
  INT64: read(8, (view, at) => view.getBigInt64(at, true)),
  FP16: read(2, (view, at) => half(view.getUint16(at, true))),
  BF16: read(2, (view, at) => brain(view.getUint16(at, true))),
  FP32: read(4, (view, at) => view.getFloat32(at, true)),
  FP64: read(8, (view, at) => view.getFloat64(at, true)),
  BYTES: texts,
};

/** Values of a binary tensor. @throws SyntaxError for a type that is not known */
export function readBinary(datatype: string, blob: Uint8Array): ArrayLike<unknown> {
  const reader = Object.hasOwn(BINARY, datatype) ? BINARY[datatype] : undefined;
  if (!reader) throw new SyntaxError(`an output of type ${datatype}`);
  return reader(blob);
}

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** The upper half of an IEEE 754 binary32. */
function brain(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] ?? NaN;
}

/** Each with its length in four bytes in front. */
function texts(blob: Uint8Array): string[] {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.length);
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32LE(at);
    found.push(bytes.toString('latin1', at + 4, end));
    at = end;
  }
  return found;
}

/** Whether there is a NaN or an infinity among the values. Any of them makes the sum of value · 0 NaN. */
export function hasNonFinite(values: ArrayLike<unknown>): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number') sum += value * 0;
  }
  return Number.isNaN(sum);
}

/** The same of tensors, of which only floats can. */
export function anyNonFinite(tensors: readonly Tensor[]): boolean {
  return tensors.some(({ data }) => {
    if (!(data instanceof Float32Array || data instanceof Float64Array)) return false;
    let sum = 0;
    for (const value of data) sum += value * 0;
    return Number.isNaN(sum);
  });
}

/** Reads the outputs out of an answer, as plain numbers and texts that can be compared. Pure. */

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

interface ArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, offset: number, length: number): ArrayLike<unknown>;
}

/** Little-endian like every machine this runs on. The copy is there for the alignment that typed arrays ask for. */
const typed = (Type: ArrayType) => (blob: Uint8Array) =>
  new Type(new Uint8Array(blob).buffer, 0, Math.floor(blob.length / Type.BYTES_PER_ELEMENT));

const each = (read: (bits: number) => unknown) => (blob: Uint8Array) =>
  Array.from(typed(Uint16Array)(blob) as Uint16Array, read);

/** Row-major: the binary extension's forms. */
const BINARY: Readonly<Record<string, (blob: Uint8Array) => ArrayLike<unknown>>> = {
  BOOL: (blob) => Array.from(blob, (byte) => byte !== 0),
  UINT8: typed(Uint8Array),
  UINT16: typed(Uint16Array),
  UINT32: typed(Uint32Array),
  UINT64: typed(BigUint64Array),
  INT8: typed(Int8Array),
  INT16: typed(Int16Array),
  INT32: typed(Int32Array),
  INT64: typed(BigInt64Array),
  FP16: each(half),
  BF16: each(brain),
  FP32: typed(Float32Array),
  FP64: typed(Float64Array),
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

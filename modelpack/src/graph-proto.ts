/**
 * Reads TensorFlow's graph.proto, function.proto and attr_value.proto. Field numbers are TensorFlow's.
 *
 * By hand, because of a field that occurs twice TensorFlow merges both while a library keeps the last: what was hidden in
 * the first would run without having been seen. Here a message is read into what was read of it before.
 */
import protobuf, { type Reader } from 'protobufjs';
import {
  FEW_TEXTS,
  FEW_VALUES,
  type Attribute,
  type GraphFunction,
  type GraphNode,
  type Parameter,
  type TensorValue,
} from './graph.ts';

/** How the bytes of a field are written. */
export const VARINT = 0;
export const BYTES = 2;

/** Calls `take` with each field; what it does not read is skipped. */
export function readFields(bytes: Uint8Array, take: (field: number, wire: number, reader: Reader) => void): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const before = reader.pos;
    take(tag >>> 3, tag & 7, reader);
    if (reader.pos === before) reader.skipType(tag & 7);
  }
}

/** Whole numbers of at most 53 bits: sizes, axes and the like. */
export function integer(reader: Reader): number {
  const value: number | { low: number; high: number } = reader.int64();
  return typeof value === 'number' ? value : value.high * 2 ** 32 + (value.low >>> 0);
}

/** One entry of a map: the key, and the bytes of all its values, which are merged when they are read. */
export function readEntry(bytes: Uint8Array): { key: string; value: Uint8Array[] } {
  const entry = { key: '', value: [] as Uint8Array[] };
  readFields(bytes, (field, wire, reader) => {
    if (field === 1 && wire === BYTES) entry.key = reader.string();
    else if (field === 2 && wire === BYTES) entry.value.push(reader.bytes());
  });
  return entry;
}

/** Numbers one by one or packed, as a writer likes; only the first few are kept, `count` says how many there are. */
function readNumbers(wire: number, reader: Reader, into: number[]): void {
  if (wire === VARINT) into.push(integer(reader));
  if (wire !== BYTES) return;
  const packed = protobuf.Reader.create(reader.bytes());
  while (packed.pos < packed.len && into.length <= FEW_VALUES) into.push(integer(packed));
}

export interface Shape {
  sizes: number[];
  unknownRank: boolean;
}

export function readShape(bytes: Uint8Array, into: Shape): void {
  readFields(bytes, (field, wire, reader) => {
    if (field === 3 && wire === VARINT) into.unknownRank = reader.bool();
    if (field !== 2 || wire !== BYTES) return;
    let size = 0;
    readFields(reader.bytes(), (inner, kind, from) => {
      if (inner === 1 && kind === VARINT) size = integer(from);
    });
    into.sizes.push(size);
  });
}

const sizesOf = (shape: Shape): number[] | null => (shape.unknownRank ? null : shape.sizes);

const TEXT_TYPE = 7;
const INT32 = 3;
const INT64 = 9;

interface RawTensor {
  type: number;
  shape: Shape;
  content: Uint8Array;
  numbers: number[];
  texts: string[];
}

function readTensor(bytes: Uint8Array, into: RawTensor): void {
  readFields(bytes, (field, wire, reader) => {
    if (field === 1 && wire === VARINT) into.type = reader.int32();
    else if (field === 2 && wire === BYTES) readShape(reader.bytes(), into.shape);
    else if (field === 4 && wire === BYTES) into.content = reader.bytes();
    else if (field === 7 || field === 10) readNumbers(wire, reader, into.numbers);
    else if (field === 8 && wire === BYTES && into.texts.length < FEW_TEXTS) into.texts.push(reader.string());
  });
}

function tensorOf({ type, shape, content, numbers, texts }: RawTensor): TensorValue {
  const sizes = sizesOf(shape);
  const value = { type, shape: sizes ?? undefined };
  const count = (sizes ?? []).reduce((product, size) => product * size, 1);
  if (sizes === null) return value;
  if (type === TEXT_TYPE) return count > FEW_TEXTS ? value : { ...value, texts };
  if (count > FEW_VALUES) return value;
  if (type !== INT32 && type !== INT64) return value;
  return { ...value, numbers: content.length > 0 ? integersIn(content, type === INT64) : spread(numbers, count) };
}

/** TensorFlow writes trailing values that are equal only once. */
const spread = (numbers: readonly number[], count: number): number[] =>
  Array.from({ length: count }, (_, i) => numbers[Math.min(i, numbers.length - 1)] ?? 0);

/** Little-endian whole numbers. */
export function integersIn(bytes: Uint8Array, wide: boolean): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = wide ? 8 : 4;
  return Array.from({ length: Math.floor(bytes.byteLength / width) }, (_, i) =>
    wide ? Number(view.getBigInt64(i * width, true)) : view.getInt32(i * width, true),
  );
}

/** Only one of an attribute's kinds of value is set: another one that follows replaces it. */
interface RawAttribute {
  kind: number;
  value: Attribute;
  shape: Shape;
  tensor: RawTensor;
  list: { numbers: number[]; types: number[]; texts: string[]; shapes: (readonly number[] | null)[] };
  functions: { own: string; others: string[] };
}

const emptyShape = (): Shape => ({ sizes: [], unknownRank: false });
const emptyTensor = (): RawTensor => ({
  type: 0,
  shape: emptyShape(),
  content: new Uint8Array(0),
  numbers: [],
  texts: [],
});
const emptyAttribute = (kind: number): RawAttribute => ({
  kind,
  value: {},
  shape: emptyShape(),
  tensor: emptyTensor(),
  list: { numbers: [], types: [], texts: [], shapes: [] },
  functions: { own: '', others: [] },
});

const [LIST, TEXT, NUMBER, FLAG, TYPE, SHAPE, TENSOR, PLACEHOLDER, FUNCTION] = [1, 2, 3, 5, 6, 7, 8, 9, 10];

export function readAttribute(parts: readonly Uint8Array[]): Attribute {
  let raw = emptyAttribute(0);
  for (const bytes of parts) {
    readFields(bytes, (field, wire, reader) => {
      if (field !== raw.kind) raw = emptyAttribute(field);
      readMember(raw, field, wire, reader);
    });
  }
  const { kind, value, shape, tensor, list, functions } = raw;
  const named = [functions.own, ...functions.others].filter((name) => name !== '');
  if (kind === LIST) return { ...list, ...(named.length > 0 ? { functions: named } : {}) };
  if (kind === SHAPE) return { shape: sizesOf(shape) };
  if (kind === TENSOR) return { tensor: tensorOf(tensor) };
  if (kind === FUNCTION) return { functions: named };
  return value;
}

function readMember(raw: RawAttribute, field: number, wire: number, reader: Reader): void {
  if (wire === VARINT) {
    if (field === NUMBER) raw.value = { number: integer(reader) };
    else if (field === FLAG) raw.value = { flag: reader.bool() };
    else if (field === TYPE) raw.value = { type: reader.int32() };
  } else if (wire === BYTES) {
    const bytes = reader.bytes();
    if (field === TEXT) raw.value = { text: Buffer.from(bytes).toString() };
    else if (field === PLACEHOLDER) raw.value = { placeholder: Buffer.from(bytes).toString() };
    else if (field === SHAPE) readShape(bytes, raw.shape);
    else if (field === TENSOR) readTensor(bytes, raw.tensor);
    else if (field === FUNCTION) readNamed(bytes, raw.functions);
    else if (field === LIST) readList(bytes, raw);
  }
}

function readList(bytes: Uint8Array, { list, functions }: RawAttribute): void {
  readFields(bytes, (field, wire, reader) => {
    if (field === NUMBER) readNumbers(wire, reader, list.numbers);
    else if (field === TYPE) readNumbers(wire, reader, list.types);
    if (wire !== BYTES) return;
    if (field === SHAPE) {
      const shape = emptyShape();
      readShape(reader.bytes(), shape);
      list.shapes.push(sizesOf(shape));
    } else if (field === TEXT && list.texts.length < FEW_TEXTS) {
      list.texts.push(reader.string());
    } else if (field === 9) {
      const named = { own: '', others: functions.others };
      readNamed(reader.bytes(), named);
      functions.others.push(named.own);
    }
  });
}

/** A function's name and attributes, which may name others. */
function readNamed(bytes: Uint8Array, into: { own: string; others: string[] }): void {
  readFields(bytes, (field, wire, reader) => {
    if (field === 1 && wire === BYTES) into.own = reader.string();
    else if (field === 2 && wire === BYTES) {
      into.others.push(...(readAttribute(readEntry(reader.bytes()).value).functions ?? []));
    }
  });
}

export function readNode(bytes: Uint8Array): GraphNode {
  const attributes = new Map<string, Attribute>();
  const node = { name: '', op: '', inputs: [] as string[], attributes };
  readFields(bytes, (field, wire, reader) => {
    if (wire !== BYTES) return;
    if (field === 1) node.name = reader.string();
    else if (field === 2) node.op = reader.string();
    else if (field === 3) node.inputs.push(reader.string());
    else if (field === 5) {
      const { key, value } = readEntry(reader.bytes());
      attributes.set(key, readAttribute(value));
    }
  });
  return node;
}

export function readFunction(bytes: Uint8Array): GraphFunction {
  const read = {
    name: '',
    parameters: [] as Parameter[],
    results: [] as Parameter[],
    nodes: [] as GraphNode[],
    returns: new Map<string, string>(),
    controlReturns: [] as string[],
    attributes: new Map<string, Attribute>(),
  };
  readFields(bytes, (field, wire, reader) => {
    if (wire !== BYTES) return;
    if (field === 1) readHead(reader.bytes(), read);
    else if (field === 3) read.nodes.push(readNode(reader.bytes()));
    else if (field === 4 || field === 6) {
      const { key, value } = readEntry(reader.bytes());
      const text = Buffer.from(value.at(-1) ?? []).toString();
      if (field === 4) read.returns.set(key, text);
      else read.controlReturns.push(text);
    } else if (field === 5) {
      const { key, value } = readEntry(reader.bytes());
      read.attributes.set(key, readAttribute(value));
    }
  });
  return read;
}

function readHead(bytes: Uint8Array, into: { name: string; parameters: Parameter[]; results: Parameter[] }): void {
  readFields(bytes, (field, wire, reader) => {
    if (wire !== BYTES) return;
    if (field === 1) into.name = reader.string();
    else if (field === 2) into.parameters.push(readParameter(reader.bytes()));
    else if (field === 3) into.results.push(readParameter(reader.bytes()));
  });
}

function readParameter(bytes: Uint8Array): Parameter {
  const parameter = { name: '', list: false };
  readFields(bytes, (field, wire, reader) => {
    if (wire !== BYTES) return;
    const text = reader.string();
    if (field === 1) parameter.name = text;
    // number_attr and type_list_attr.
    else if (field === 5 || field === 6) parameter.list ||= text !== '';
  });
  return parameter;
}

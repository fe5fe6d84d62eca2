import { sizeOf, type Tensor, type TensorSpec } from '../../model/types.ts';
import { badRequest, quote, tooManyElements } from '../../errors.ts';
import { Byte } from '../json/byte.ts';
import { MAX_ELEMENTS, show } from '../json/column.ts';
import { columnFor } from '../json/columns.ts';
import { readFlatOrNested } from '../json/nested.ts';
import type { Scanner } from '../json/scanner.ts';
import { readBinary, widthOf } from './binary.ts';
import { readParameters, wholeParameter } from './parameters.ts';

/** No tensor of a model has more dimensions than TensorFlow allows. */
const MAX_RANK = 254;

/** The binary tensors behind the JSON, which follow one another in the order of the inputs. */
export class Blobs {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  /** @throws RequestError 400 */
  take(size: number, field: string): Buffer {
    const end = this.#at + size;
    if (end > this.bytes.length) {
      throw badRequest(
        `${field}: binary_data_size is ${size}, but only ${this.bytes.length - this.#at} bytes follow in the body`,
      );
    }
    const blob = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return blob;
  }

  /** @throws RequestError 400 when something is left */
  finish(): void {
    const left = this.bytes.length - this.#at;
    if (left > 0) throw badRequest(`${left} bytes of binary data in the body belong to no input`);
  }
}

/** Reads the list of inputs. @returns them in the order of `specs` @throws RequestError 400, 413 */
export function readInputs(scan: Scanner, specs: readonly TensorSpec[], blobs: Blobs): Tensor[] {
  if (scan.peek() !== Byte.OpenList) {
    throw badRequest(`inputs is ${quote(scan.value())}, expected a list of inputs ${namesOf(specs)}`);
  }
  const found: (Tensor | undefined)[] = specs.map(() => undefined);
  let index = 0;
  for (let more = scan.firstItem(); more; more = scan.nextItem()) {
    const field = `inputs[${index++}]`;
    if (scan.peek() !== Byte.OpenObject) throw badRequest(`${field} is ${quote(scan.value())}, expected an object`);
    const tensor = readInput(scan, specs, blobs, field);
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

function readInput(scan: Scanner, specs: readonly TensorSpec[], blobs: Blobs, field: string): Tensor {
  const head: Head = {};
  let dataAt = -1;
  let size: number | undefined;
  let tensor: Tensor | undefined;
  for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) {
    if (key === 'data') {
      if (dataAt >= 0) throw givenTwice(field, key);
      scan.peek();
      dataAt = scan.at;
      const known = head.name !== undefined && head.datatype !== undefined && head.shape !== undefined;
      if (known) tensor = readJson(scan, head, specs, field);
      else scan.skip();
    } else if (key === 'name' || key === 'datatype' || key === 'shape') {
      if (head[key] !== undefined) throw givenTwice(field, key);
      head[key] = scan.value();
    } else if (key === 'parameters') {
      const name = `${field}.parameters`;
      size = wholeParameter(readParameters(scan.value(), name), 'binary_data_size', name);
    } else {
      scan.pass();
    }
  }
  if (size !== undefined) {
    if (dataAt >= 0) throw badRequest(`${field} has both data and binary_data_size; send one of them`);
    const { spec, shape, name } = check(head, specs, field);
    return fromBytes(blobs.take(size, name), spec, shape, name);
  }
  if (tensor) return tensor;
  // The data came before what says how to read it, or not at all.
  const end = scan.at;
  scan.at = dataAt;
  tensor = readJson(scan, head, specs, field);
  scan.at = end;
  return tensor;
}

const givenTwice = (field: string, key: string) => badRequest(`${field}: ${key} is given twice`);

function readJson(scan: Scanner, head: Head, specs: readonly TensorSpec[], field: string): Tensor {
  const { spec, shape, name } = check(head, specs, field);
  if (scan.at < 0) throw badRequest(`${name}: data is missing`);
  if (spec.dtype === 'FP16' || spec.dtype === 'BF16') {
    throw badRequest(`${name}: the protocol has no JSON form of ${spec.dtype}; send it as binary data`);
  }
  const column = columnFor(spec, `${name}: data`, [...shape]);
  readFlatOrNested(scan, column, sizeOf(shape));
  return { name: spec.name, dtype: spec.dtype, shape, data: column.finish() };
}

/** @throws RequestError 400 when the input is none of the model, or not of its type and shape */
function check(
  head: Head,
  specs: readonly TensorSpec[],
  field: string,
): { spec: TensorSpec; shape: number[]; name: string } {
  const spec = specs.find((candidate) => candidate.name === head.name);
  if (!spec) {
    throw badRequest(`${field}.name is ${quote(head.name)}; the inputs of this model are ${namesOf(specs)}`);
  }
  const name = `${field} ${quote(spec.name)}`;
  if (head.datatype !== spec.dtype) {
    throw badRequest(`${name}: datatype is ${quote(head.datatype)}, expected ${spec.dtype}`);
  }
  return { spec, name, shape: readShape(head.shape, spec, name) };
}

function readShape(value: unknown, spec: TensorSpec, field: string): number[] {
  const valid =
    Array.isArray(value) &&
    value.length <= MAX_RANK &&
    value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
  if (!valid) throw badRequest(`${field}: shape is ${quote(value)}, expected a list of whole numbers above 0`);
  const shape = value as number[];
  const fits =
    (spec.unknownRank ?? shape.length === spec.shape.length) &&
    shape.every((size, i) => size > 0 && (spec.unknownRank || spec.shape[i] === -1 || spec.shape[i] === size));
  if (!fits) {
    throw badRequest(`${field} has shape ${show(shape)}, expected ${show(spec.shape)} (-1 is any size above 0)`);
  }
  if (!Number.isSafeInteger(sizeOf(shape))) throw badRequest(`${field} has shape ${show(shape)}, which is too large`);
  return shape;
}

function fromBytes(bytes: Buffer, spec: TensorSpec, shape: number[], field: string): Tensor {
  const { name, dtype } = spec;
  const size = sizeOf(shape);
  if (size > MAX_ELEMENTS) throw tooManyElements(field, MAX_ELEMENTS);
  return { name, dtype, shape, data: readBinary(bytes, dtype, size, field) };
}

/**
 * A body that is nothing but the elements of the only input. Its shape is the model's; of sizes that are free the first
 * is 1, unless it is the only one, which follows from the number of bytes. A body for BYTES is one element.
 * @throws RequestError 400, 413
 */
export function readRaw(bytes: Buffer, specs: readonly TensorSpec[]): Tensor {
  const [spec] = specs;
  if (!spec || specs.length > 1) {
    throw badRequest(`a raw body needs a model with one input; this one has ${namesOf(specs)}`);
  }
  const { name, dtype } = spec;
  const field = `the raw body for input ${quote(name)}`;
  const free = spec.shape.filter((size) => size < 0).length;
  const shape = spec.shape.map((size, i) => (size < 0 && ((i === 0 && free > 1) || dtype === 'BYTES') ? 1 : size));
  if (dtype === 'BYTES') {
    if (sizeOf(shape) === 1) return { name, dtype, shape, data: [bytes] };
    throw badRequest(`${field} is one element, but its shape is ${show(spec.shape)}`);
  }
  const unknown = shape.indexOf(-1);
  if (shape.lastIndexOf(-1) !== unknown) {
    throw badRequest(
      `${field}: its shape ${show(spec.shape)} does not follow from the number of bytes; send JSON with it`,
    );
  }
  const known = sizeOf(shape.filter((size) => size >= 0)) * (widthOf(dtype) ?? 1);
  const times = bytes.length / known;
  if (unknown >= 0 && Number.isInteger(times) && times > 0) shape[unknown] = times;
  if (sizeOf(shape) < 0) {
    throw badRequest(
      `${field} has ${bytes.length} bytes, expected a multiple of ${known} for its shape ${show(spec.shape)}`,
    );
  }
  return fromBytes(bytes, spec, shape, field);
}

export const namesOf = (specs: readonly TensorSpec[]) => specs.map(({ name }) => quote(name)).join(', ');

import { sizeOf, type Tensor } from '../../model/types.ts';
import { answerTooLarge } from '../../errors.ts';
import { Byte } from './byte.ts';
import { LONGEST_NUMBER, writeFloat32, writeInteger, writeText } from './digits.ts';

/**
 * How values are written in the answers of both protocols. Version 1 writes NaN and Infinity as bare words, a float
 * that is whole as 1.0, and the bytes of tensors named `…_bytes` in base64; version 2 writes strings for the former, as
 * protocol buffers do.
 */
export type Dialect = 'v1' | 'v2';

const CHUNK = 64 * 1024;
/** One answer is written at a time, so that all share this place. */
const chunk = Buffer.allocUnsafeSlow(CHUNK);

/** Writes one JSON text. Only one may be under way at a time. */
export class JsonWriter {
  #at = 0;
  readonly #full: Buffer[] = [];
  #fullBytes = 0;

  /** @param largest text that is written, in bytes */
  constructor(private readonly largest = Infinity) {}

  /** Writes JSON text as it is. */
  raw(text: string): this {
    // No character of UTF-16 takes more than three bytes.
    if (text.length * 3 > CHUNK) {
      this.#flush();
      this.#keep(Buffer.from(text, 'utf8'));
      return this;
    }
    this.#reserve(text.length * 3);
    this.#at += chunk.write(text, this.#at, 'utf8');
    return this;
  }

  value(value: unknown): this {
    return this.raw(JSON.stringify(value));
  }

  /** Writes the elements `from` to `to` of a tensor, commas between them. */
  elements(tensor: Tensor, from: number, to: number, dialect: Dialect): this {
    const { data, dtype } = tensor;
    if (Array.isArray(data)) {
      const texts = data as readonly Uint8Array[];
      const b64 = dialect === 'v1' && tensor.name.endsWith('_bytes');
      for (let i = from; i < to; i++) {
        if (i > from) this.raw(',');
        const bytes = Buffer.from(texts[i] ?? []);
        if (b64) this.raw(`{"b64":"${bytes.toString('base64')}"}`);
        else this.value(bytes.toString('utf8'));
      }
    } else if (data instanceof Float32Array) {
      this.#floats(data, from, to, dialect);
    } else if (dtype === 'BOOL') {
      for (let i = from; i < to; i++) this.raw(`${i > from ? ',' : ''}${data[i] ? 'true' : 'false'}`);
    } else {
      this.#numbers(data as ArrayLike<number | bigint>, from, to, dialect);
    }
    return this;
  }

  /** Writes a tensor as nested lists, with bare words for what JSON has none for. */
  nested(tensor: Tensor): this {
    this.#nest(tensor, 0, 0, sizeOf(tensor.shape));
    return this;
  }

  /** The same for row `row` along its first dimension. */
  row(tensor: Tensor, row: number): this {
    const size = sizeOf(tensor.shape.slice(1));
    this.#nest(tensor, 1, row * size, size);
    return this;
  }

  finish(): Buffer {
    if (this.#full.length === 0) return Buffer.from(chunk.subarray(0, this.#at));
    this.#flush();
    return Buffer.concat(this.#full);
  }

  /** Writes the `size` elements from `start` on, nested from dimension `depth` on. */
  #nest(tensor: Tensor, depth: number, start: number, size: number): void {
    const length = tensor.shape[depth];
    if (length === undefined) {
      this.elements(tensor, start, start + 1, 'v1');
      return;
    }
    this.raw('[');
    if (depth === tensor.shape.length - 1) {
      this.elements(tensor, start, start + length, 'v1');
    } else {
      const step = length === 0 ? 0 : size / length;
      for (let i = 0; i < length; i++) {
        if (i > 0) this.raw(',');
        this.#nest(tensor, depth + 1, start + i * step, step);
      }
    }
    this.raw(']');
  }

  #floats(data: Float32Array, from: number, to: number, dialect: Dialect): void {
    let at = this.#at;
    for (let i = from; i < to; i++) {
      if (at + LONGEST_NUMBER > CHUNK) at = this.#flush(at);
      const value = data[i] as number;
      if (i > from) chunk[at++] = Byte.Comma;
      at = value - value === 0 ? writeFloat32(chunk, at, value) : writeText(chunk, at, word(value, dialect));
      if (dialect === 'v1' && isPlainInteger(value)) at = writeText(chunk, at, '.0');
    }
    this.#at = at;
  }

  #numbers(data: ArrayLike<number | bigint>, from: number, to: number, dialect: Dialect): void {
    const floats = data instanceof Float64Array;
    let at = this.#at;
    for (let i = from; i < to; i++) {
      if (at + LONGEST_NUMBER > CHUNK) at = this.#flush(at);
      const value = data[i] as number | bigint;
      if (i > from) chunk[at++] = Byte.Comma;
      if (typeof value === 'number' && value === (value | 0) && value !== 0) at = writeInteger(chunk, at, value);
      else at = writeText(chunk, at, typeof value === 'number' ? doubleText(value, dialect) : String(value));
      if (floats && dialect === 'v1' && isPlainInteger(value as number)) at = writeText(chunk, at, '.0');
    }
    this.#at = at;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > CHUNK) this.#flush();
  }

  /** Puts what is written aside. @returns where to write on */
  #flush(at = this.#at): number {
    if (at > 0) this.#keep(Buffer.from(chunk.subarray(0, at)));
    this.#at = 0;
    return 0;
  }

  /** @throws RequestError 507 when there is too much */
  #keep(bytes: Buffer): void {
    this.#fullBytes += bytes.length;
    if (this.#fullBytes > this.largest) throw answerTooLarge(this.largest);
    this.#full.push(bytes);
  }
}

/** Whether a number is written without a point and without an exponent. */
const isPlainInteger = (value: number) => Number.isInteger(value) && Math.abs(value) < 1e21;

function doubleText(value: number, dialect: Dialect): string {
  if (value - value !== 0) return word(value, dialect);
  return Object.is(value, -0) ? '-0' : String(value);
}

const word = (value: number, dialect: Dialect) => (dialect === 'v1' ? String(value) : `"${value}"`);

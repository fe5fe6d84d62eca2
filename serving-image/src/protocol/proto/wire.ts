/** What a message takes as objects, found from its bytes before any of them is made. Pure. */
import protobuf from 'protobufjs';
import { RequestError, tooManyFields } from '../../errors.ts';

/** What the library makes of a field, in bytes. */
const COST = { message: 256, bytes: 128, long: 48, number: 8 } as const;
const LONGS: ReadonlySet<string> = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);
/** Bytes of an element of a packed list, of those types that have but one width. */
const WIDTH: Readonly<Record<string, number>> = {
  double: 8,
  fixed64: 8,
  sfixed64: 8,
  float: 4,
  fixed32: 4,
  sfixed32: 4,
};
const MAX_DEPTH = 100;

const enum Wire {
  Varint = 0,
  Fixed64 = 1,
  Length = 2,
  Begin = 3,
  End = 4,
  Fixed32 = 5,
}

/** @throws RequestError 413 when its objects would take more than `most` bytes; 500 when the bytes are no message */
export function decode(type: protobuf.Type, bytes: Buffer, most: number): object {
  new Weighing(bytes, most).message(type, bytes.length, 0);
  try {
    return type.decode(bytes);
  } catch {
    throw noMessage();
  }
}

/** As other servers of gRPC answer it: INTERNAL. */
const noMessage = () => new RequestError(500, 'the bytes of the request are no message of this method');

class Weighing {
  #at = 0;
  #left: number;

  constructor(
    private readonly bytes: Buffer,
    private readonly most: number,
  ) {
    this.#left = most;
  }

  message(type: protobuf.Type, end: number, depth: number): void {
    if (depth > MAX_DEPTH) throw noMessage();
    this.#take(COST.message);
    while (this.#at < end) {
      const tag = this.#varint();
      const field = type.fieldsById[Math.floor(tag / 8)];
      switch ((tag % 8) as Wire) {
        case Wire.Varint:
          this.#varint();
          if (field) this.#take(costOf(field));
          break;
        case Wire.Fixed64:
          this.#at += 8;
          if (field) this.#take(costOf(field));
          break;
        case Wire.Fixed32:
          this.#at += 4;
          if (field) this.#take(costOf(field));
          break;
        case Wire.Length:
          this.#field(field, this.#varint(), depth);
          break;
        case Wire.Begin:
        case Wire.End:
        default:
          // Groups: none of the messages has one.
          throw noMessage();
      }
    }
    if (this.#at !== end) throw noMessage();
  }

  #field(field: protobuf.Field | undefined, length: number, depth: number): void {
    const end = this.#at + length;
    if (end > this.bytes.length) throw noMessage();
    if (!field) {
      this.#at = end;
    } else if (field.map) {
      this.#entry(field, end, depth + 1);
    } else if (field.resolvedType instanceof protobuf.Type) {
      this.message(field.resolvedType, end, depth + 1);
    } else if (field.type === 'string' || field.type === 'bytes') {
      this.#take(COST.bytes);
      this.#at = end;
    } else {
      this.#take(this.#elements(field.type, end) * costOf(field));
      this.#at = end;
    }
  }

  /** A name and a value. */
  #entry(field: protobuf.Field, end: number, depth: number): void {
    this.#take(COST.message);
    while (this.#at < end) {
      const tag = this.#varint();
      if (tag % 8 !== Number(Wire.Length)) throw noMessage();
      const next = this.#varint() + this.#at;
      if (next > end) throw noMessage();
      if (Math.floor(tag / 8) === 2 && field.resolvedType instanceof protobuf.Type) {
        this.message(field.resolvedType, next, depth);
      }
      this.#at = next;
    }
  }

  /** Of a packed list. */
  #elements(type: string, end: number): number {
    const width = WIDTH[type];
    if (width !== undefined) return (end - this.#at) / width;
    let count = 0;
    // The last byte of a number is below 128.
    for (let at = this.#at; at < end; at++) if ((this.bytes[at] as number) < 128) count++;
    return count;
  }

  #take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw tooManyFields(this.most);
  }

  #varint(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < 10; i++, scale *= 128) {
      const byte = this.bytes[this.#at++];
      if (byte === undefined) throw noMessage();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw noMessage();
  }
}

const costOf = ({ type }: protobuf.Field): number => (LONGS.has(type) ? COST.long : COST.number);

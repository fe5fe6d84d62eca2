/** Writes protocol buffers without their definitions. */

/** Fields by their number; a list repeats the field. */
export interface Message {
  [field: number]: Field | Field[];
}
type Field = number | bigint | string | Uint8Array | boolean | Float | Fixed | Message;

/** A number of 32 bits with a fraction (`float`); plain numbers are whole. */
export class Float {
  constructor(readonly value: number) {}
}

/** A whole number that always takes 32 bits (`fixed32`). */
export class Fixed {
  constructor(readonly value: number) {}
}

export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

function fourBytes(value: Float | Fixed): Buffer {
  const bytes = Buffer.alloc(4);
  if (value instanceof Float) bytes.writeFloatLE(value.value);
  else bytes.writeUInt32LE(value.value);
  return bytes;
}

/** Protocol buffer wire format. */
export function encode(message: Message): Buffer {
  const parts: Buffer[] = [];
  for (const [field, values] of Object.entries(message) as [string, Field | Field[]][]) {
    const tag = (wire: bigint) => varint((BigInt(field) << 3n) | wire);
    for (const value of Array.isArray(values) ? values : [values]) {
      if (value instanceof Float || value instanceof Fixed) parts.push(tag(5n), fourBytes(value));
      else if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
        parts.push(tag(0n), varint(BigInt(value)));
      } else {
        const bytes = bytesOf(value);
        parts.push(tag(2n), varint(BigInt(bytes.length)), bytes);
      }
    }
  }
  return Buffer.concat(parts);
}

function bytesOf(value: string | Uint8Array | Message): Buffer {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return encode(value);
}

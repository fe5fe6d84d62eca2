/** Writes protocol buffers without their definitions. Test code only. */

/** Fields by their number; a list repeats the field. */
export interface Message {
  [field: number]: Value | Value[];
}
type Value = number | bigint | string | Uint8Array | boolean | Message;

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** Protocol buffer wire format. */
export function encode(message: Message): Buffer {
  const parts: Buffer[] = [];
  for (const [field, values] of Object.entries(message) as [string, Value | Value[]][]) {
    for (const value of Array.isArray(values) ? values : [values]) {
      if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
        parts.push(varint(BigInt(field) << 3n), varint(BigInt(value)));
      } else {
        const bytes =
          typeof value === 'string' ? Buffer.from(value) : value instanceof Uint8Array ? value : encode(value);
        parts.push(varint((BigInt(field) << 3n) | 2n), varint(BigInt(bytes.length)), Buffer.from(bytes));
      }
    }
  }
  return Buffer.concat(parts);
}

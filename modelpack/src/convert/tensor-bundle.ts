/**
 * Tensors as TensorFlow stores them beside a graph: their bytes one behind the other in one file, and an index that tells of each
 * where it lies. The index is a table of sorted keys in blocks, as LevelDB has them.
 */
import { shapeOf, typeNumber } from '../graph-writer.ts';
import { encode, Fixed, varint } from '../proto-writer.ts';
import { maskedCrc32c } from '../crc32c.ts';
import type { GraphWeight } from './graph.ts';

export const INDEX = 'variables/variables.index';
export const DATA = 'variables/variables.data-00000-of-00001';

const MAGIC = Uint8Array.of(0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb);
const FOOTER_BYTES = 40;
/** Uncompressed. */
const PLAIN = Uint8Array.of(0);
const KEY_ORDER = (a: [Buffer, Buffer], b: [Buffer, Buffer]): number => Buffer.compare(a[0], b[0]);

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const length = (bytes: Uint8Array): Buffer => varint(BigInt(bytes.length));

/** Every key is written whole, so that a reader may begin at each. */
function block(entries: readonly [Buffer, Buffer][]): Buffer {
  const restarts: number[] = [];
  const parts: Buffer[] = [];
  let at = 0;
  for (const [key, value] of entries) {
    restarts.push(at);
    const entry = Buffer.concat([varint(0n), length(key), length(value), key, value]);
    parts.push(entry);
    at += entry.length;
  }
  if (restarts.length === 0) restarts.push(0);
  return Buffer.concat([...parts, ...restarts.map(word), word(restarts.length)]);
}

const sealed = (content: Buffer): Buffer => {
  const typed = Buffer.concat([content, PLAIN]);
  return Buffer.concat([typed, word(maskedCrc32c(typed))]);
};

const handle = (offset: number, content: Buffer): Buffer =>
  Buffer.concat([varint(BigInt(offset)), varint(BigInt(content.length))]);

function table(entries: [Buffer, Buffer][]): Buffer {
  const sorted = [...entries].sort(KEY_ORDER);
  const data = block(sorted);
  const meta = block([]);
  const last = sorted.at(-1)?.[0] ?? Buffer.alloc(0);
  const [first, second] = [sealed(data), sealed(meta)];
  const index = block([[last, handle(0, data)]]);
  const third = sealed(index);
  const places = Buffer.concat([handle(first.length, meta), handle(first.length + second.length, index)]);
  const footer = Buffer.concat([places, Buffer.alloc(FOOTER_BYTES - places.length), MAGIC]);
  return Buffer.concat([first, second, third, footer]);
}

export class TensorBundle {
  readonly #sums = new Map<string, number>();

  constructor(private readonly weights: readonly GraphWeight[]) {}

  *data(): Iterable<Uint8Array> {
    for (const weight of this.weights) {
      const bytes = weight.read();
      this.#sums.set(weight.name, maskedCrc32c(bytes));
      yield bytes;
    }
  }

  /** Quick once the data has been read: its checksums are known then. */
  *index(): Iterable<Uint8Array> {
    let offset = 0;
    // One file, little-endian, of the first version.
    const entries: [Buffer, Buffer][] = [[Buffer.alloc(0), encode({ 1: 1, 2: 0, 3: { 1: 1 } })]];
    for (const { name, dtype, shape, bytes, read } of this.weights) {
      const sum = this.#sums.get(name) ?? maskedCrc32c(read());
      const entry = { 1: typeNumber(dtype), 2: shapeOf(shape), 4: offset, 5: bytes, 6: new Fixed(sum) };
      entries.push([Buffer.from(name), encode(entry)]);
      offset += bytes;
    }
    yield table(entries);
  }
}

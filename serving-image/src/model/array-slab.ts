/** A kind of typed array. */
export type ArrayType<T> = (new (buffer: ArrayBuffer, offset: number, length: number) => T) & {
  BYTES_PER_ELEMENT: number;
};

/** In bytes. */
const SLAB = 256 * 1024;
const LARGEST_SHARE = 32 * 1024;
/** So that any type can follow any other. */
const ALIGNMENT = 8;

const newSlab = (bytes: number) => Buffer.allocUnsafeSlow(bytes).buffer;
let slab = newSlab(SLAB);
let used = 0;

/**
 * An array whose elements are whatever was in memory before. Small ones share a piece of memory: most of what collecting garbage
 * costs a server of small requests is the number of such pieces. One lies behind the other there, so that the rows of requests that
 * follow each other can be a batch as they are (batching/join.ts).
 */
export function uninitialized<T>(Type: ArrayType<T>, length: number): T {
  const bytes = length * Type.BYTES_PER_ELEMENT;
  if (bytes > LARGEST_SHARE) return new Type(newSlab(bytes), 0, length);
  if (used + bytes > SLAB) [slab, used] = [newSlab(SLAB), 0];
  const start = used;
  used = Math.ceil((start + bytes) / ALIGNMENT) * ALIGNMENT;
  return new Type(slab, start, length);
}

type Numbers<T> = (new (buffer: ArrayBuffer, offset: number, length: number) => T) & { BYTES_PER_ELEMENT: number };

/**
 * An array whose elements are whatever was in memory before. Small ones share a piece of memory, as node's buffers do: most of
 * what collecting garbage costs a server of small requests is the number of such pieces.
 */
export function unfilled<T>(Type: Numbers<T>, length: number): T {
  // Aligned for any type, whether it is from node's pool or not.
  const { buffer, byteOffset } = Buffer.allocUnsafe(length * Type.BYTES_PER_ELEMENT);
  return new Type(buffer, byteOffset, length);
}

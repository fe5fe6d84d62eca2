/** The checksum of TensorFlow's files: CRC-32C (Castagnoli), four bytes at a time. */

const POLYNOMIAL = 0x82f63b78;
const TABLES = Array.from({ length: 4 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  (TABLES[0] as Uint32Array)[byte] = value >>> 0;
}
for (let i = 1; i < 4; i++) {
  for (let byte = 0; byte < 256; byte++) {
    const before = (TABLES[i - 1] as Uint32Array)[byte] as number;
    (TABLES[i] as Uint32Array)[byte] = ((before >>> 8) ^ ((TABLES[0] as Uint32Array)[before & 255] as number)) >>> 0;
  }
}

export function crc32c(bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = TABLES as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  let crc = 0xffffffff;
  let i = 0;
  for (; i + 4 <= bytes.length; i += 4) {
    crc ^=
      ((bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24)) >>>
      0;
    crc =
      (t3[crc & 255] as number) ^
      (t2[(crc >>> 8) & 255] as number) ^
      (t1[(crc >>> 16) & 255] as number) ^
      (t0[crc >>> 24] as number);
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ (t0[(crc ^ (bytes[i] as number)) & 255] as number);
  return (crc ^ 0xffffffff) >>> 0;
}

/** As it is stored: a checksum of bytes that hold their own checksum would say little. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

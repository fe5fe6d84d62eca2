/** 16-bit floats, which JavaScript has no arrays of: between their bits and float32. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

let table: Float32Array | undefined;

/** Values of IEEE half precision. */
export function fromHalf(halves: Uint16Array): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, half) => halfValue(half));
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) values[i] = table[halves[i] as number] as number;
  return values;
}

function halfValue(half: number): number {
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  const absolute =
    exponent === 31
      ? fraction === 0
        ? Infinity
        : NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return half & 0x8000 ? -absolute : absolute;
}

/** The nearest numbers of half precision, to even when two are equally near; beyond the largest an infinity. */
export function toHalf(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, (value) => {
    float[0] = value;
    const word = bits[0] as number;
    const sign = (word >>> 16) & 0x8000;
    const absolute = word & 0x7fffffff;
    if (absolute > 0x7f800000) return sign | 0x7e00;
    if (absolute >= 0x477ff000) return sign | 0x7c00;
    // Below 2^-14 the steps are all 2^-24.
    if (absolute < 0x38800000) return sign | toEven(Math.abs(value) * 2 ** 24);
    return sign | (((absolute + 0xfff + ((absolute >>> 13) & 1)) >>> 13) - (112 << 10));
  });
}

function toEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Values of bfloat16: the upper half of a float32. */
export function fromBfloat(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/** The nearest numbers of bfloat16, to even when two are equally near. */
export function toBfloat(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, (value) => {
    float[0] = value;
    const word = bits[0] as number;
    if (Number.isNaN(value)) return (word >>> 16) | 0x40;
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}

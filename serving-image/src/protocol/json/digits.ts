/** Numbers as text, written as bytes: the shortest decimal that reads back as the same number, in JavaScript's layout. */
import { Byte } from './byte.ts';

/** No number takes more bytes. */
export const LONGEST_NUMBER = 32;

/** The powers of ten from 10^0 to 10^46; above 10^22 rounded. */
const POWER = Float64Array.from({ length: 47 }, (_, i) => Number(`1e${i}`));
const EXACT_POWERS = 22;
/** For each exponent of a normal float32: the decimal exponent of its power of two. */
const DECIMAL_EXPONENT = Int8Array.from({ length: 255 }, (_, i) => Math.floor(Math.log10(2 ** (i - 127))));
/** 10^i for i from -38 to 39, to tell whether a number has reached the next decimal exponent. */
const THRESHOLD = Float64Array.from({ length: 78 }, (_, i) => Number(`1e${i - 38}`));
const THRESHOLD_ZERO = 38;
/** Both digits of the numbers below 100. */
const PAIRS = Buffer.from(Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0')).join(''));

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * Writes a finite float32 at `at`. Integers of 32 bits are written in full. For others nine digits always suffice;
 * digits are dropped while the rest still reads back as the same number, by way of a double, as JSON is read everywhere.
 * @returns offset behind the text
 */
export function writeFloat32(out: Buffer, at: number, value: number): number {
  const whole = value | 0;
  if (value === whole && whole !== 0) return writeInteger(out, at, whole);
  float[0] = value;
  const exponent = ((bits[0] as number) >>> 23) & 255;
  let absolute = value;
  if (value < 0) {
    absolute = -value;
    out[at++] = Byte.Minus;
  }
  // Zeros and subnormal numbers.
  if (exponent === 0) return writeText(out, at, shortest(absolute, value));
  let power = DECIMAL_EXPONENT[exponent] as number;
  if (absolute >= (THRESHOLD[power + 1 + THRESHOLD_ZERO] as number)) power++;
  let decimals = 8 - power;
  let digits = (shift(absolute, decimals) + 0.5) | 0;
  for (;;) {
    const places = decimals - 1;
    let fewer: number;
    if (places >= 0 && places <= EXACT_POWERS) {
      const scale = POWER[places] as number;
      fewer = (absolute * scale + 0.5) | 0;
      if (Math.fround(fewer / scale) !== absolute) break;
    } else {
      fewer = (shift(absolute, places) + 0.5) | 0;
      const same = isNearest(absolute, shift(fewer, -places));
      if (same === undefined) return writeText(out, at, shortest(absolute, value));
      if (!same) break;
    }
    decimals = places;
    digits = fewer;
  }
  return layOut(out, at, absolute, digits, decimals);
}

/** `value` · 10^`places`; its last bits may be wrong where the power of ten is no double. */
const shift = (value: number, places: number) =>
  places < 0 ? value / (POWER[-places] as number) : value * (POWER[places] as number);

/** Whether `float` is the float32 nearest to `value`, of which the last bits may be wrong; undefined where they decide. */
function isNearest(float: number, value: number): boolean | undefined {
  const below = Math.fround(value * (1 - 2 ** -50)) === float;
  const above = Math.fround(value * (1 + 2 ** -50)) === float;
  return below === above ? below : undefined;
}

/** Writes `digits` / 10^`decimals`, which is about `absolute`. */
function layOut(out: Buffer, at: number, absolute: number, digits: number, decimals: number): number {
  // The float32 next to 0.000001 lies below it.
  if (absolute >= 1e21 || (absolute < 1e-6 && !(digits === 1 && decimals === 6))) {
    return layOutExponent(out, at, digits, decimals);
  }
  if (decimals <= 0) {
    at = writeInteger(out, at, digits);
    for (let zeros = decimals; zeros < 0; zeros++) out[at++] = Byte.Zero;
    return at;
  }
  if (absolute < 1) {
    out[at] = Byte.Zero;
    out[at + 1] = Byte.Point;
    return writeDigits(out, at + 2, digits, decimals);
  }
  const scale = (POWER[decimals] as number) | 0;
  const whole = (digits / scale) | 0;
  const point = writeInteger(out, at, whole);
  out[point] = Byte.Point;
  return writeDigits(out, point + 1, digits - whole * scale, decimals);
}

/** As d.ddde-7 or de+21. */
function layOutExponent(out: Buffer, at: number, digits: number, decimals: number): number {
  const end = writeInteger(out, at + 1, digits);
  const exponent = end - at - 2 - decimals;
  out[at] = out[at + 1] as number;
  out[at + 1] = Byte.Point;
  const behind = end === at + 2 ? at + 1 : end;
  out[behind] = Byte.LowerE;
  out[behind + 1] = exponent < 0 ? Byte.Minus : Byte.Plus;
  return writeInteger(out, behind + 2, Math.abs(exponent));
}

/** Writes an integer of 32 bits. @returns offset behind the text */
export function writeInteger(out: Buffer, at: number, value: number): number {
  let rest = value;
  if (value < 0) {
    out[at++] = Byte.Minus;
    if (value === -2147483648) return writeText(out, at, '2147483648');
    rest = -value;
  }
  return writeDigits(out, at, rest, lengthOf(rest));
}

function lengthOf(value: number): number {
  if (value < 1e5) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : value < 1e4 ? 4 : 5;
  return value < 1e7 ? (value < 1e6 ? 6 : 7) : value < 1e8 ? 8 : value < 1e9 ? 9 : 10;
}

/** Writes the last `count` digits of an integer, zeros before it if it has less. */
function writeDigits(out: Buffer, at: number, value: number, count: number): number {
  let place = at + count;
  let rest = value;
  while (rest >= 100) {
    const upper = (rest / 100) | 0;
    const pair = (rest - upper * 100) << 1;
    out[--place] = PAIRS[pair + 1] as number;
    out[--place] = PAIRS[pair] as number;
    rest = upper;
  }
  if (rest >= 10) {
    out[--place] = PAIRS[2 * rest + 1] as number;
    out[--place] = PAIRS[2 * rest] as number;
  } else if (rest > 0) {
    out[--place] = Byte.Zero + rest;
  }
  while (place > at) out[--place] = Byte.Zero;
  return at + count;
}

/** The same by way of texts: slow, for every number. `value` tells the sign of a zero. */
function shortest(absolute: number, value: number): string {
  if (absolute === 0) return Object.is(value, -0) ? '-0' : '0';
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(absolute.toPrecision(digits));
    if (Math.fround(rounded) === absolute) return String(rounded);
  }
  return String(Number(absolute.toPrecision(9)));
}

/** Writes ASCII text. */
export function writeText(out: Buffer, at: number, text: string): number {
  return at + out.write(text, at, 'latin1');
}

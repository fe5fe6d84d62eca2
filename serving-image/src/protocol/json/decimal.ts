/**
 * From the decimal digits of a number to the double nearest to it, without a detour over text where that is exact: by
 * one correctly rounded operation when digits and power of ten are doubles themselves (Clinger, "How to read floating
 * point numbers accurately", 1990), else by double-double arithmetic (Dekker, "A floating-point technique for extending
 * the available precision", 1971) when its result cannot round either way. `Number` reads what is left: about one number
 * in 10^12, very large and very small ones.
 */
import { Byte } from './byte.ts';
import type { Scanner } from './scanner.ts';

/** The powers of ten that are exact in a double. */
export const POWER = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const INVERSE = POWER.map((power) => 1 / power);
const LARGEST_POWER = 22;
const POWER_HIGH = POWER.map(highHalf);

/** Well above the relative error of the low half of a double-double result, which is some 2^-51. */
const DOUBT = 1e-13;

/** The upper 26 bits of a double: products of halves are exact. */
function highHalf(value: number): number {
  const scaled = 134217729 * value;
  return scaled - (scaled - value);
}

/** Low half of the last double-double result of `multiply` and `divide`; the high half is what they return. */
let low = 0;

/** (`high` + `rest`) · 10^`power` */
function multiply(high: number, rest: number, power: number): number {
  const scale = POWER[power] as number;
  const product = high * scale;
  low = productError(high, power, product) + rest * scale;
  return product;
}

/** (`high` + `rest`) / 10^`power` */
function divide(high: number, rest: number, power: number): number {
  const quotient = high / (POWER[power] as number);
  const back = quotient * (POWER[power] as number);
  low = (high - back - productError(quotient, power, back) + rest) * (INVERSE[power] as number);
  return quotient;
}

/** What `product`, which is `factor` · 10^`power` rounded, is short of it: exact. */
function productError(factor: number, power: number, product: number): number {
  const powerHigh = POWER_HIGH[power] as number;
  const powerLow = (POWER[power] as number) - powerHigh;
  const high = highHalf(factor);
  const rest = factor - high;
  return high * powerHigh - product + high * powerLow + rest * powerHigh + rest * powerLow;
}

/**
 * (`first` · 10^`count` + `rest`) · 10^`exponent`, correctly rounded, or NaN where that is not certain.
 * `first` and `rest` have at most 9 digits, `rest` at most `count` of them; `first` is not 0 unless `count` is.
 */
export function decimal(first: number, rest: number, count: number, exponent: number): number {
  // Exact: a product of 30 and 21 significant bits.
  const product = first * (POWER[count] as number);
  const sum = product + rest;
  const error = rest - (sum - product);
  if (error === 0 && exponent >= -LARGEST_POWER && exponent <= LARGEST_POWER) {
    return exponent < 0 ? sum / (POWER[-exponent] as number) : sum * (POWER[exponent] as number);
  }
  if (exponent < -2 * LARGEST_POWER || exponent > LARGEST_POWER) return NaN;
  let high: number;
  if (exponent >= 0) {
    high = multiply(sum, error, exponent);
  } else if (exponent >= -LARGEST_POWER) {
    high = divide(sum, error, -exponent);
  } else {
    high = divide(sum, error, LARGEST_POWER);
    high = divide(high, low, -LARGEST_POWER - exponent);
  }
  const rounded = high + low * (1 + DOUBT);
  return rounded === high + low * (1 - DOUBT) ? rounded : NaN;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const isNumeric = (c: Byte) =>
  (c >= Byte.Zero && c <= Byte.Nine) ||
  c === Byte.Point ||
  c === Byte.Minus ||
  c === Byte.Plus ||
  c === Byte.LowerE ||
  c === Byte.UpperE;

/** The number at `scan.at` as it is written, of any length; empty when there is none. `scan.at` is behind it then. */
export function numberText(scan: Scanner): string {
  const { bytes, at } = scan;
  let end = at;
  while (isNumeric(bytes[end] as Byte)) end++;
  const text = bytes.toString('latin1', at, end);
  if (!NUMBER.test(text)) return '';
  scan.at = end;
  return text;
}

/**
 * Goes on with a number whose first digits are read: `first` of at most 9 digits, up to `at`, where another digit or
 * an exponent stands. `start` is where the number begins, at its sign; `point` is the offset behind its decimal point,
 * 0 when there was none. @returns its absolute value, and NaN when it is no number of JSON; `scan.at` is behind it
 */
export function longNumber(scan: Scanner, start: number, at: number, first: number, point: number): number {
  const { bytes } = scan;
  scan.at = at;
  let rest = moreDigits(scan, 0, 9);
  let count = scan.at - at;
  if (point === 0 && bytes[scan.at] === Byte.Point) {
    point = ++scan.at;
    rest = moreDigits(scan, rest, 9 - count);
    count += scan.at - point;
  }
  // More than 18 digits, no digit behind the point, or one behind a leading zero: the text decides.
  if (rest < 0 || scan.at === point || (first === 0 && count > 0)) return byText(scan, start);
  let exponent = point === 0 ? 0 : point - scan.at;
  const e = bytes[scan.at] as Byte;
  if (e === Byte.LowerE || e === Byte.UpperE) exponent += exponentOf(scan);
  const value = decimal(first, rest, count, exponent);
  return value === value ? value : byText(scan, start);
}

function byText(scan: Scanner, start: number): number {
  scan.at = start;
  const text = numberText(scan);
  return text === '' ? NaN : Math.abs(Number(text));
}

/** Adds the digits at `scan.at` to `value`; -1 when there are more than `most`. */
function moreDigits(scan: Scanner, value: number, most: number): number {
  const { bytes, words } = scan;
  let at = scan.at;
  const end = at + most;
  while (at + 4 <= end) {
    const four = fourDigits(words.getInt32(at, true));
    if (four < 0) break;
    value = (Math.imul(value, 10000) + four) | 0;
    at += 4;
  }
  let digit = (bytes[at] as Byte) - Byte.Zero;
  while (digit >= 0 && digit <= 9) {
    if (at === end) return -1;
    value = (Math.imul(value, 10) + digit) | 0;
    digit = (bytes[++at] as Byte) - Byte.Zero;
  }
  scan.at = at;
  return value;
}

/** The number written by the four bytes of a little-endian word; -1 when one of them is no digit. */
function fourDigits(word: number): number {
  if ((word & 0xf0f0f0f0) !== 0x30303030 || ((word + 0x06060606) & 0xf0f0f0f0) !== 0x30303030) return -1;
  const pairs = Math.imul(word & 0x0f0f0f0f, 2561) >>> 8;
  return Math.imul(pairs & 0x00ff00ff, 6553601) >>> 16;
}

/** Reads `e`, a sign and digits; NaN when they are not all there or too many to count. */
function exponentOf(scan: Scanner): number {
  const { bytes } = scan;
  const sign = bytes[++scan.at] as Byte;
  if (sign === Byte.Minus || sign === Byte.Plus) scan.at++;
  const from = scan.at;
  const power = moreDigits(scan, 0, 4);
  if (power < 0 || scan.at === from) return NaN;
  return sign === Byte.Minus ? -power : power;
}

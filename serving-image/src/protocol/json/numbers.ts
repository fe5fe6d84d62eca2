import { Byte } from './byte.ts';
import type { Column } from './column.ts';
import { longNumber, numberText, POWER } from './decimal.ts';
import type { Scanner } from './scanner.ts';

/** Words that version 1 of the protocol takes for numbers; a minus before them is read by then. */
const BARE_TOKENS: readonly (readonly [string, number])[] = [
  ['NaN', NaN],
  ['Infinity', Infinity],
];

/** The addon of native/numbers.cc: reads numbers that a comma follows, and stops before whatever it does not know. */
export interface NativeNumbers {
  /**
   * Reads from `text[at]` on into `out[from]` up to `out[to - 1]`. `text` has the margins of a JsonText. Writes the offset behind
   * the last comma to `behind[0]`. @returns index behind the last number
   */
  read(
    text: Uint8Array,
    at: number,
    end: number,
    out: Float32Array | Float64Array,
    from: number,
    to: number,
    tooLarge: number,
    behind: Float64Array,
  ): number;
}

let native: NativeNumbers | undefined;
const behind = new Float64Array(1);
/** From so many numbers on the way there is worth while. */
const MANY = 16;

/**
 * Has long lists read by the addon from now on, if there is one and it has something for this processor. Without it they are read
 * right here, in two to five times the time. @returns whether it is used
 */
export function useNativeNumbers(addon: Partial<NativeNumbers> | undefined): boolean {
  native = addon?.read && (addon as NativeNumbers);
  return native !== undefined;
}

/**
 * Reads a list of numbers into `out` from `from` on, before `to`. This is where a request spends its time: numbers of up
 * to nine digits are read right here, where the compiler keeps all in registers.
 * @param tooLarge the least absolute value that is refused
 * @returns index behind the last one
 * @throws RequestError 400
 */
// One loop without calls is twice as fast as one that reads well.
// eslint-disable-next-line complexity
export function readNumbers(
  scan: Scanner,
  column: Column,
  out: Float32Array | Float64Array,
  from: number,
  to: number,
  tooLarge: number,
): number {
  const { bytes } = scan;
  const list = scan.at;
  // Below this a number can take one more digit and still is an integer of 32 bits.
  const room = 100_000_000;
  let index = from;
  if (!scan.firstItem()) return index;
  if (native && to - from >= MANY) {
    // There is no place for more than the text can hold.
    index = native.read(bytes, scan.at, scan.end, out, from, Math.min(to, out.length), tooLarge, behind);
    scan.at = behind[0] as number;
    scan.peek();
  }
  let at = scan.at;
  for (;;) {
    if (index === to) throw column.tooLong(scan, list, to - from);
    const start = at;
    const negative = bytes[at] === Byte.Minus;
    if (negative) at++;
    let digits = (bytes[at] as Byte) - Byte.Zero;
    let value: number;
    let c: Byte;
    if (digits >= 0 && digits <= 9) {
      c = bytes[++at] as Byte;
      let digit = c - Byte.Zero;
      if (digits > 0) {
        while (digit >= 0 && digit <= 9 && digits < room) {
          digits = (Math.imul(digits, 10) + digit) | 0;
          c = bytes[++at] as Byte;
          digit = c - Byte.Zero;
        }
      }
      let point = 0;
      if (c === Byte.Point) {
        point = at + 1;
        c = bytes[++at] as Byte;
        digit = c - Byte.Zero;
        while (digit >= 0 && digit <= 9 && digits < room) {
          digits = (Math.imul(digits, 10) + digit) | 0;
          c = bytes[++at] as Byte;
          digit = c - Byte.Zero;
        }
      }
      const decimals = point === 0 ? 0 : at - point;
      if ((c !== Byte.Comma && goesOn(c)) || decimals > 22 || at === point) {
        value = longNumber(scan, start, at, digits, point);
        if (!(value < tooLarge)) throw refusal(scan, column, start, value, index);
        at = scan.at;
        c = bytes[at] as Byte;
      } else {
        value = decimals === 0 ? digits : digits / (POWER[decimals] as number);
      }
    } else {
      value = word(scan, column, start, at, index);
      at = scan.at;
      c = bytes[at] as Byte;
    }
    out[index++] = negative ? -value : value;
    if (c <= Byte.Blank) {
      scan.at = at;
      c = scan.peek();
      at = scan.at;
    }
    if (c !== Byte.Comma) return closed(scan, at, index);
    if (bytes[++at] === Byte.Blank) at++;
    if ((bytes[at] as Byte) <= Byte.Blank) {
      scan.at = at;
      scan.peek();
      at = scan.at;
    }
  }
}

/** Whether the byte goes on with a number whose first digits are read. */
const goesOn = (c: Byte) => (c >= Byte.Zero && c <= Byte.Nine) || c === Byte.LowerE || c === Byte.UpperE;

function closed(scan: Scanner, at: number, index: number): number {
  scan.at = at;
  if (scan.bytes[at] !== Byte.CloseList) throw scan.invalid();
  scan.at++;
  return index;
}

/** What stands where a number should, at `at` behind its sign at `start`: a bare token, or nothing that fits. */
function word(scan: Scanner, column: Column, start: number, at: number, index: number): number {
  scan.at = at;
  const value = positiveToken(scan);
  if (value !== undefined) return value;
  scan.at = start;
  throw column.unfit(scan, index);
}

/** Reads NaN, Infinity or -Infinity where they are allowed; otherwise undefined, and nothing is read. */
export function bareToken(scan: Scanner): number | undefined {
  const negative = scan.peek() === Byte.Minus;
  if (negative) scan.at++;
  const value = positiveToken(scan);
  if (value === undefined && negative) scan.at--;
  return value === undefined || !negative ? value : -value;
}

function positiveToken(scan: Scanner): number | undefined {
  const { bytes, at } = scan;
  const found = BARE_TOKENS.find(([token]) => bytes.toString('latin1', at, at + token.length) === token);
  if (!scan.bareTokens || !found) return undefined;
  scan.at = at + found[0].length;
  return found[1];
}

function refusal(scan: Scanner, column: Column, start: number, value: number, index: number): Error {
  scan.at = start;
  return value === value ? column.unfit(scan, index) : scan.invalid();
}

/** Reads a number that stands alone. @throws RequestError 400 */
export function readNumber(scan: Scanner, column: Column, index: number, tooLarge: number): number {
  scan.peek();
  const start = scan.at;
  const text = numberText(scan);
  if (text === '') {
    const token = bareToken(scan);
    if (token === undefined) throw column.unfit(scan, index);
    return token;
  }
  const value = Number(text);
  if (!(Math.abs(value) < tooLarge)) throw refusal(scan, column, start, value, index);
  return value;
}

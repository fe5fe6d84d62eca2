/** Whether single values are JSON (RFC 8259), without making them. Pure. */
import { Byte } from './byte.ts';

const WORDS: readonly string[] = ['true', 'false', 'null'];
const isDigit = (c: Byte | undefined): boolean => c !== undefined && c >= Byte.Zero && c <= Byte.Nine;

/** Whether the bytes from `from` to `to` are a number, true, false or null. */
export function isWord(bytes: Buffer, from: number, to: number): boolean {
  const c = bytes[from] as Byte;
  if (c !== Byte.Minus && !isDigit(c)) return to - from <= 5 && WORDS.includes(bytes.toString('latin1', from, to));
  let at = c === Byte.Minus ? from + 1 : from;
  if (!isDigit(bytes[at])) return false;
  at = bytes[at] === Byte.Zero ? at + 1 : digitsEnd(bytes, at);
  if (bytes[at] === Byte.Point) {
    if (!isDigit(bytes[at + 1])) return false;
    at = digitsEnd(bytes, at + 1);
  }
  if (bytes[at] === Byte.UpperE || bytes[at] === Byte.LowerE) {
    at++;
    if (bytes[at] === Byte.Plus || bytes[at] === Byte.Minus) at++;
    if (!isDigit(bytes[at])) return false;
    at = digitsEnd(bytes, at);
  }
  return at === to;
}

function digitsEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at++;
  return at;
}

const AFTER_BACKSLASH = new Set(Buffer.from('"\\/bfnrtu'));
const U = 'u'.charCodeAt(0);
const HEX = /^[\da-f]{4}$/i;

/** Whether each backslash in the content of a string begins an escape. */
export function hasGoodEscapes(bytes: Buffer, from: number, to: number): boolean {
  for (let at = bytes.indexOf(Byte.Backslash, from); at >= 0 && at < to; at = bytes.indexOf(Byte.Backslash, at + 2)) {
    const c = bytes[at + 1] ?? 0;
    if (!AFTER_BACKSLASH.has(c)) return false;
    if (c === U && !HEX.test(bytes.toString('latin1', at + 2, Math.min(to, at + 6)))) return false;
  }
  return true;
}

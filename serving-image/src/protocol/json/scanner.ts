import { Byte } from './byte.ts';
import { badRequest, quote, tooManyParts, type RequestError } from '../../errors.ts';
import { hasGoodEscapes, isWord } from './grammar.ts';
import type { JsonText } from './text.ts';

/** Deepest nesting of lists and objects that is read: far more than tensors need, far less than a stack holds. */
export const MAX_DEPTH = 100;

/** Most values, lists and objects in a part of a request that is made a value of JavaScript, and most names in one object. */
export const MAX_PARTS = 10_000;

/**
 * Walks over JSON text (RFC 8259) without making values of it: the caller asks for what it expects next. Nothing that
 * JSON.parse refuses is taken. Members of objects and items of lists are read as
 *
 *     for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) …
 *     for (let more = scan.firstItem(); more; more = scan.nextItem()) …
 *
 * where the loop's body reads exactly one value. All methods throw RequestError 400 where the text is not JSON.
 */
export class Scanner {
  readonly bytes: Buffer;
  readonly words: DataView;
  readonly end: number;
  at = 0;
  #parts = 0;

  /** `bareTokens`: the words NaN, Infinity and -Infinity are numbers, as TensorFlow Serving has it. */
  constructor(
    { bytes, words, end }: JsonText,
    readonly bareTokens = false,
  ) {
    this.bytes = bytes;
    this.words = words;
    this.end = end;
  }

  /** The first byte of what comes next, blanks left out; 0 at the end. */
  peek(): Byte {
    let c = this.bytes[this.at] as Byte;
    while (c === Byte.Blank || c === Byte.NewLine || c === Byte.Return || c === Byte.Tab) {
      c = this.bytes[++this.at] as Byte;
    }
    return c;
  }

  /** Takes `{`, and the first key with its colon; undefined when the object is empty. */
  firstKey(): string | undefined {
    this.#take(Byte.OpenObject);
    if (this.peek() !== Byte.CloseObject) return this.#key();
    this.at++;
    return undefined;
  }

  /** Takes the comma and the next key, or `}`: then undefined. */
  nextKey(): string | undefined {
    return this.#more(Byte.CloseObject) ? this.#key() : undefined;
  }

  /** Takes `[`. False when the list is empty: then `]` is taken, too. */
  firstItem(): boolean {
    this.#take(Byte.OpenList);
    if (this.peek() !== Byte.CloseList) return true;
    this.at++;
    return false;
  }

  /** Takes the comma, or `]`: then false. */
  nextItem(): boolean {
    return this.#more(Byte.CloseList);
  }

  /** Nothing but blanks may follow. */
  finish(): void {
    this.peek();
    if (this.at !== this.end) throw this.invalid();
  }

  string(): string {
    const start = this.at;
    const plain = this.#stringExtent();
    return plain ? this.bytes.toString('utf8', start + 1, this.at - 1) : (this.#parse(start) as string);
  }

  /** The bytes of a string in UTF-8, as a copy. */
  stringBytes(): Buffer {
    const start = this.at;
    const plain = this.#stringExtent();
    if (!plain) return Buffer.from(this.#parse(start) as string, 'utf8');
    return Buffer.from(this.bytes.subarray(start + 1, this.at - 1));
  }

  /** Any value, made by JSON.parse: for the small parts of a request. Its parts are counted before. */
  value(): unknown {
    this.peek();
    const start = this.at;
    this.skip(MAX_PARTS);
    return this.#parse(start);
  }

  /** Passes over a value that nobody wants: it is JSON, and nothing is made of it. */
  pass(depth = 0): void {
    if (depth > MAX_DEPTH) throw tooDeep();
    const c = this.peek();
    if (c === Byte.OpenList) {
      for (let more = this.firstItem(); more; more = this.nextItem()) this.pass(depth + 1);
    } else if (c === Byte.OpenObject) {
      // An item of this list is a name, a colon and a value.
      this.at++;
      if (this.peek() === Byte.CloseObject) {
        this.at++;
        return;
      }
      for (let more = true; more; more = this.#more(Byte.CloseObject)) {
        if (this.peek() !== Byte.Quote) throw this.invalid();
        this.#passString();
        this.#take(Byte.Colon);
        this.pass(depth + 1);
      }
    } else if (c === Byte.Quote) {
      this.#passString();
    } else {
      const start = this.at;
      this.#word();
      if (!isWord(this.bytes, start, this.at)) throw this.invalid(start);
    }
  }

  /** Counts one more of the parts that become values of their own. @throws RequestError 413 when there are more than `most` */
  count(most: number): void {
    if (++this.#parts > most) throw tooManyParts(most);
  }

  /** Passes over a value, finding its end only: what is inside may still not be JSON. @throws RequestError 413 over `most` parts */
  skip(most = Infinity): void {
    let depth = 0;
    let parts = 0;
    do {
      const c = this.peek();
      if (c !== Byte.Comma && c !== Byte.Colon && ++parts > most) throw tooManyParts(most);
      if (c === Byte.Quote) {
        this.#stringExtent();
      } else if (c === Byte.OpenList || c === Byte.OpenObject) {
        if (++depth > MAX_DEPTH) throw tooDeep();
        this.at++;
      } else if (c === Byte.CloseList || c === Byte.CloseObject) {
        depth--;
        this.at++;
      } else if (depth > 0 && (c === Byte.Comma || c === Byte.Colon)) {
        this.at++;
      } else {
        this.#word();
      }
    } while (depth > 0);
    if (depth < 0) throw this.invalid(this.at - 1);
  }

  /** What is written from `start` up to here, shortened. */
  text(start: number): string {
    return this.bytes.toString('utf8', start, Math.min(this.at, start + 40));
  }

  /** What is wrong with a byte (by default the next one). */
  invalid(at = this.at): RequestError {
    if (at >= this.end) return badRequest('the request body is not valid JSON: it ends too early');
    const found = this.bytes.toString('utf8', at, Math.min(this.end, at + 20));
    return badRequest(`the request body is not valid JSON: unexpected ${quote(found)} at byte ${at}`);
  }

  /** Takes the comma, or `close`: then false. */
  #more(close: Byte): boolean {
    const c = this.peek();
    if (c !== Byte.Comma && c !== close) throw this.invalid();
    this.at++;
    return c === Byte.Comma;
  }

  #take(expected: Byte): void {
    if (this.peek() !== expected) throw this.invalid();
    this.at++;
  }

  #key(): string {
    if (this.peek() !== Byte.Quote) throw this.invalid();
    const key = this.string();
    this.#take(Byte.Colon);
    return key;
  }

  /** Passes over a string. @returns whether its bytes mean themselves: no escapes */
  #stringExtent(): boolean {
    const { bytes } = this;
    let at = this.at + 1;
    let plain = true;
    for (;;) {
      const c = bytes[at] as Byte;
      if (c === Byte.Quote) break;
      if (c < Byte.Blank) throw this.invalid(at);
      if (c === Byte.Backslash) {
        plain = false;
        at++;
        // An escaped zero is the end of the text.
        if (bytes[at] === 0) throw this.invalid(at);
      }
      at++;
    }
    this.at = at + 1;
    return plain;
  }

  #passString(): void {
    const start = this.at;
    if (!this.#stringExtent() && !hasGoodEscapes(this.bytes, start + 1, this.at - 1)) throw this.invalid(start);
  }

  /** Passes over a number, true, false, null or whatever stands there, at least one byte. */
  #word(): void {
    const { bytes } = this;
    let at = this.at;
    for (;;) {
      const c = bytes[at] as Byte;
      if (
        c <= Byte.Blank ||
        c === Byte.Comma ||
        c === Byte.Colon ||
        c === Byte.CloseList ||
        c === Byte.CloseObject ||
        c === Byte.Quote
      )
        break;
      at++;
    }
    if (at === this.at) throw this.invalid();
    this.at = at;
  }

  #parse(start: number): unknown {
    try {
      return JSON.parse(this.bytes.toString('utf8', start, this.at));
    } catch {
      throw this.invalid(start);
    }
  }
}

export const tooDeep = () =>
  badRequest(`the request body is not accepted: its JSON is nested deeper than ${MAX_DEPTH} levels`);

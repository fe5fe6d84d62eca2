import type { TensorData, TensorSpec } from '../../model/types.ts';
import { badRequest, quote, tooManyElements, type RequestError } from '../../errors.ts';
import type { Scanner } from './scanner.ts';

/** Most elements of one tensor: 64 MiB of FP32. */
export const MAX_ELEMENTS = 16 * 1024 * 1024;

/** Most elements of one tensor of BYTES: each takes some 128 bytes beside its own. */
export const MAX_TEXTS = 512 * 1024;

/** Where the values of one tensor arrive while its JSON text is read. */
export abstract class Column {
  count = 0;
  #begun = 0;

  /** `shape`: sizes of the dimensions as far as they are known, -1 otherwise; filled in while reading. */
  constructor(
    readonly spec: TensorSpec,
    readonly field: string,
    readonly shape: number[],
  ) {}

  /** Reads a list of `most` values or less; -1 is any number. @throws RequestError 400, 413 */
  list(scan: Scanner, most: number): void {
    const start = scan.at;
    const last = most < 0 ? Infinity : this.count + most;
    this.reserve(scan, Math.max(most, 1));
    for (let more = scan.firstItem(); more; more = scan.nextItem()) {
      if (this.count === last) throw this.tooLong(scan, start, most);
      this.one(scan);
    }
  }

  /** Reads a value that stands alone. @throws RequestError 400, 413 */
  abstract one(scan: Scanner): void;

  /** Makes place for `most` further values. */
  protected reserve(_scan: Scanner, _most: number): void {}

  /** All values. @throws RequestError 400 when one does not fit the type */
  abstract finish(): TensorData;

  /** How large an array should be for `most` further values, and for those that follow if the text goes on alike. */
  protected capacity(scan: Scanner, most: number): number {
    // What a request claims is not allocated before it can be true: a value takes two bytes at least.
    const needed = this.count + Math.min(most, (scan.end - scan.at + 1) >> 1);
    if (needed > MAX_ELEMENTS) throw tooManyElements(this.field, MAX_ELEMENTS);
    if (this.count === 0) {
      this.#begun = scan.at;
      return needed;
    }
    const density = this.count / (scan.at - this.#begun);
    const expected = this.count + Math.ceil((scan.end - scan.at) * density);
    return Math.min(MAX_ELEMENTS, Math.max(needed, expected));
  }

  /** What is wrong with what stands at `scan.at`, where value `index` of the tensor should be. */
  unfit(scan: Scanner, index: number): RequestError {
    const start = scan.at;
    const value = scan.value();
    // As it is written: 1e999 is no number of JavaScript.
    return this.refused(index, typeof value === 'number' ? scan.text(start).trim() : quote(value));
  }

  /** `shown` is the value in words. */
  protected refused(index: number, shown: string): RequestError {
    const { field, spec } = this;
    return badRequest(`${field}: element ${this.#position(index)} is ${shown}, which is not a value of ${spec.dtype}`);
  }

  /** The list that begins at `start` has more than `most` values. */
  tooLong(scan: Scanner, start: number, most: number): RequestError {
    if (this.count + most >= MAX_ELEMENTS) return tooManyElements(this.field, MAX_ELEMENTS);
    scan.at = start;
    return this.wrongLength(countItems(scan), most);
  }

  wrongLength(found: number, needed: number): RequestError {
    const words = needed < 0 ? 'at least 1' : needed;
    return badRequest(`${this.field} has a list of ${found} where its shape ${show(this.shape)} needs ${words}`);
  }

  /** Coordinates of a flat index: what a person looks for in nested lists. */
  #position(index: number): string {
    const at: number[] = [];
    let rest = index;
    for (const size of this.shape.slice(1).reverse()) {
      at.unshift(rest % Math.max(1, size));
      rest = Math.floor(rest / Math.max(1, size));
    }
    return show(this.shape.length === 0 ? [] : [rest, ...at]);
  }
}

/** Of a list, of which nothing is made. */
function countItems(scan: Scanner): number {
  let count = 0;
  for (let more = scan.firstItem(); more; more = scan.nextItem()) {
    scan.pass();
    count++;
  }
  return count;
}

/** A shape in an error text. */
export const show = (shape: readonly number[]) => `[${shape.slice(0, 10).join(',')}${shape.length > 10 ? ',…' : ''}]`;

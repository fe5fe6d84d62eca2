/** A body that is more than two to this power times as large as the median one is not like the others. */
const MUCH_LARGER = 6;

/**
 * Tells requests that are much larger than most: how long those take says nothing of the others, and whoever sends a few of them
 * would decide what the slowest hundredth is. Pure.
 */
export class Sizes {
  /** Counts by the binary logarithm of the size. */
  readonly #counts = new Uint32Array(32);
  #total = 0;

  /** Whether a body of so many bytes is like most so far, itself included. */
  isUsual(bytes: number): boolean {
    const size = 31 - Math.clz32(bytes);
    if (size < 0) return true;
    this.#counts[size] = (this.#counts[size] ?? 0) + 1;
    this.#total++;
    return size <= this.#median() + MUCH_LARGER;
  }

  #median(): number {
    let left = this.#total / 2;
    let size = 0;
    while ((left -= this.#counts[size] ?? 0) > 0) size++;
    return size;
  }
}

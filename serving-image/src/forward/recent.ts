/** How often a request is kept once there are enough, in milliseconds. */
const INTERVAL_MS = 1_000;

/**
 * A few of the requests that were answered lately, to be replayed when a trial gets too few: in memory only, bounded in count
 * and bytes. Pure.
 */
export class Recent<T extends { bytes: number }> {
  readonly #kept: T[] = [];
  #bytes = 0;
  #last = -Infinity;

  constructor(private readonly limits: { count: number; bytes: number }) {}

  get all(): readonly T[] {
    return this.#kept;
  }

  /** `now` in milliseconds. */
  offer(item: T, now: number): void {
    const { count, bytes } = this.limits;
    if (this.#kept.length >= count && now - this.#last < INTERVAL_MS) return;
    // One large request must not push out all others.
    if (item.bytes > bytes / 4) return;
    this.#last = now;
    this.#kept.push(item);
    this.#bytes += item.bytes;
    while (this.#kept.length > count || this.#bytes > bytes) this.#bytes -= this.#kept.shift()?.bytes ?? 0;
  }
}

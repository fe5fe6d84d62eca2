/** How often a request is kept once there are enough, in milliseconds. */
const INTERVAL_MS = 1_000;

/**
 * Copies of a few of the requests that were answered lately, to be replayed when a trial gets too few: in memory only, bounded in count
 * and bytes, and for each peer, which would decide else what is replayed. Pure.
 */
export class RecentRequests<T extends { bytes: number; peer: string; copy(): T }> {
  readonly #kept: T[] = [];
  #bytes = 0;
  #last = -Infinity;

  constructor(private readonly limits: { count: number; ofPeer: number; bytes: number }) {}

  get all(): readonly T[] {
    return this.#kept;
  }

  /** `now` in milliseconds. */
  offer(item: T, now: number): void {
    const { count, ofPeer, bytes } = this.limits;
    if (this.#kept.length >= ofPeer && now - this.#last < INTERVAL_MS) return;
    // One large request must not push out all others.
    if (item.bytes > bytes / 4) return;
    this.#last = now;
    const ofThis = this.#kept.filter(({ peer }) => peer === item.peer);
    if (ofThis.length >= ofPeer) this.#drop(this.#kept.indexOf(ofThis[0] as T));
    this.#kept.push(item.copy());
    this.#bytes += item.bytes;
    while (this.#kept.length > count || this.#bytes > bytes) this.#drop(0);
  }

  #drop(index: number): void {
    const [dropped] = this.#kept.splice(index, 1);
    this.#bytes -= dropped?.bytes ?? 0;
  }
}

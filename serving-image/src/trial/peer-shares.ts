/**
 * Bounds what one peer weighs in a verdict: of the requests in a window at most a fifth count of one address, or its equal part
 * where there are fewer than five. Pure but for its seed.
 */

/** Largest part of a window that one peer may fill. */
const SHARE = 1 / 5;
/** Requests in a window. Short, so that a peer which has filled its part soon counts again. */
const WINDOW = 256;
/** So many of each peer count in any case: shares of a few requests are none. */
const FEW = 5;
/** Peers are told apart by a hash, in as little memory however many there are. Those that fall together share their part. */
const BUCKETS = 1024;

export class PeerShares {
  readonly #counted = new Uint16Array(BUCKETS);
  readonly #seed: number;
  #seen = 0;
  #peers = 0;

  /** The hash is seeded, so that nobody can choose an address that falls together with another one. */
  constructor(random: () => number = Math.random) {
    this.#seed = Math.floor(random() * 2 ** 32);
  }

  /** Whether the next request of a peer counts: asked before its answer is known, so that what counts is no choice of answers. */
  admits(peer: string): boolean {
    if (this.#seen === WINDOW) {
      this.#counted.fill(0);
      this.#seen = 0;
      this.#peers = 0;
    }
    const bucket = hash(peer, this.#seed) % BUCKETS;
    const counted = this.#counted[bucket] ?? 0;
    this.#seen++;
    if (counted === 0) this.#peers++;
    const most = Math.max(SHARE, 1 / this.#peers) * this.#seen;
    if (counted >= Math.max(FEW, most)) return false;
    this.#counted[bucket] = counted + 1;
    return true;
  }
}

/** FNV-1a, and MurmurHash's last step, for addresses differ in their last characters. */
function hash(text: string, seed: number): number {
  let bits = seed;
  for (let i = 0; i < text.length; i++) bits = Math.imul(bits ^ text.charCodeAt(i), 0x01000193);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  return (bits ^ (bits >>> 13)) >>> 0;
}

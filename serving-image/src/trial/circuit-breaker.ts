/** Failures in a row after which the revision on trial is left alone for a moment. */
const FAILURES = 5;
const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Stops forwarding when the revision on trial does nothing but fail, so that a dead one costs the users nothing: after five
 * failures in a row it is left alone for a second, then asked once; each failure doubles the pause, up to ten seconds.
 * Pure but for the clock it is given.
 */
export class CircuitBreaker {
  #failures = 0;
  #pauses = 0;
  #until = -Infinity;

  constructor(private readonly now: () => number) {}

  /** Whether it answers, as far as is known. */
  get closed(): boolean {
    return this.#pauses === 0;
  }

  /** Whether this request may go there; at the end of a pause that is one, which begins the next pause. */
  allows(): boolean {
    if (this.#pauses === 0) return true;
    if (this.now() < this.#until) return false;
    this.#pause();
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#pauses = 0;
  }

  failed(): void {
    // Late news of requests that were sent before the pause began.
    if (this.#pauses > 0) return;
    if (++this.#failures >= FAILURES) this.#pause();
  }

  #pause(): void {
    this.#until = this.now() + Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** this.#pauses);
    this.#pauses++;
  }
}

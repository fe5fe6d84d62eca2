export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Delay before try number `attempt` (0 = the first repetition): doubles up to the cap, then between half and all of it is
 * taken, so that many clients that failed together do not come back together.
 */
export function backoffMs(backoff: Backoff, attempt: number, random: () => number = Math.random): number {
  const full = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30));
  return full * (0.5 + random() / 2);
}

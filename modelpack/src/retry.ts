import { FAILURE } from './contract.ts';
import { type ModelError, toModelError } from './failure.ts';

/** Pauses between attempts; after the last one the failure is told. The kubelet, or a person, tries again later. */
const PAUSES_MS = [500, 2_000, 5_000];
/** A registry that asks for more patience than this is told as a failure now: a container should not sit and wait. */
const LONGEST_PAUSE_MS = 30_000;

export interface RetryOptions {
  /** Called before each pause. */
  onPause?: (error: ModelError, ms: number) => void;
  sleep?: (ms: number) => Promise<void>;
}

/** Tries again after a failure that may pass within seconds: an outage, a limit on requests, a broken connection. */
export async function retry<T>(run: () => Promise<T>, { onPause, sleep = pause }: RetryOptions = {}): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run();
    } catch (cause) {
      const error = toModelError(cause);
      const ms = pauseAfter(error, attempt);
      if (ms === undefined) throw error;
      onPause?.(error, ms);
      await sleep(ms);
    }
  }
}

/** Milliseconds to wait after the failed attempt with this number (from 0); undefined: give up. */
export function pauseAfter({ reason, retryAfterMs = 0 }: ModelError, attempt: number): number | undefined {
  // Neither a password nor a full disk is mended within seconds.
  if (FAILURE[reason].definite || reason === 'Unauthorized' || reason === 'DiskFull') return undefined;
  const usual = PAUSES_MS[attempt];
  if (usual === undefined || retryAfterMs > LONGEST_PAUSE_MS) return undefined;
  return Math.max(usual, retryAfterMs);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

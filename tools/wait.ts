/** What was waited for did not come; the message carries what was seen last. */
export class WaitError extends Error {
  override readonly name = 'WaitError';
}

/** Each look starts a kubectl; more often would slow down what is being waited for. */
const POLL_MS = 400;

/**
 * Waits until `look` answers something else than undefined. It is a deadline for something that must come, not a measure
 * of speed; on a slow machine only the failing case takes longer.
 *
 * @param seen says what was there instead, for the error.
 */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined>,
  options: { seconds: number; seen?: () => Promise<string> },
): Promise<T> {
  const deadline = Date.now() + options.seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) {
      const instead = options.seen === undefined ? '' : `; instead:\n${await options.seen()}`;
      throw new WaitError(`waited ${options.seconds} s for ${what}${instead}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

import { setTimeout as realDelay } from 'node:timers/promises';

/** Resolves once the condition holds, looking every millisecond; rejects after 5 s, which only a broken test takes. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 4_000) throw new Error(`never became true: ${condition.toString()}`);
    await realDelay(1);
  }
}

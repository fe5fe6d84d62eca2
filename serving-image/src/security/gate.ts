/** Who may ask what at the public ports, whoever answers there: a worker, or what stands in while there is none. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from '../telemetry/log.ts';
import type { TokenSettings } from './tokens.ts';

export interface Checks {
  /** Rejects with RequestError 401. */
  check(headers: IncomingHttpHeaders): Promise<void>;
}

/** Probes have no tokens. */
const OPEN: ReadonlySet<string> = new Set(['/v2/health/live', '/v2/health/ready']);

/** Rejects with RequestError 401. Without `tokens` all clients may ask. */
export async function mayAsk(
  { url, headers }: { url: string; headers: IncomingHttpHeaders },
  tokens: Checks | undefined,
): Promise<void> {
  if (!OPEN.has(url)) await tokens?.check(headers);
}

/** Reads the tokens when a client first shows one: with a library that a process can do without until then. */
export function readLater(settings: TokenSettings | undefined, log: Logger): Checks | undefined {
  if (!settings) return undefined;
  let reading: Promise<Checks> | undefined;
  const read = async (): Promise<Checks> => new (await import('./tokens.ts')).Tokens(settings, log);
  return {
    async check(headers) {
      reading ??= read();
      try {
        await reading;
      } catch (error) {
        // Files that are missing may come yet.
        reading = undefined;
        throw error;
      }
      await (await reading).check(headers);
    },
  };
}

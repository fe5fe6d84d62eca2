import { isIP } from 'node:net';
import { PORT } from '@modeldeployment/modelpack/contract';
import type { IPod } from 'kubernetes-models/v1';
import { type Clock, type RateLimit, RateLimiter } from '../runtime/index.ts';
import { getText } from './get-text.ts';

const TIMEOUT_MS = 1_500;
const MAX_BYTES = 64 * 1024;

export interface PodDocumentsOptions {
  /** The pod as the cache has it now; undefined when it is gone. */
  podOf: (uid: string) => Pick<IPod, 'status'> | undefined;
  /** Requests to pods, of all that read by this one together: it bounds the connections that are open at a time. */
  rate: RateLimit;
  clock: Clock;
  port?: number | undefined;
}

/** Reads what servers tell at their admin port. */
export class PodDocuments {
  private readonly limiter: RateLimiter;

  constructor(private readonly options: PodDocumentsOptions) {
    this.limiter = new RateLimiter(options.rate, options.clock);
  }

  /** Undefined when the pod has no address (any more). Rejects with a NoTextError. */
  async read(uid: string, path: string, signal: AbortSignal): Promise<string | undefined> {
    await this.limiter.take(signal);
    const { podOf, port = PORT.admin } = this.options;
    // Looked up at the last moment: the address of a pod that is gone may be another's by now.
    const host = hostOf(podOf(uid)?.status);
    if (host === undefined || signal.aborted) return undefined;
    return getText(new URL(`http://${host}:${port}${path}`), { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, signal });
  }
}

/** Where a pod of ours answers. A pod on the network of its node is not ours: we make none, and its port is the node's. */
function hostOf({ podIP = '', hostIP }: NonNullable<IPod['status']> = {}): string | undefined {
  const family = isIP(podIP);
  if (family === 0 || podIP === hostIP) return undefined;
  return family === 6 ? `[${podIP}]` : podIP;
}

import { isIP } from 'node:net';
import { PORT } from '@modeldeployment/modelpack/contract';
import { TRIAL_PATH } from '@modeldeployment/modelpack/traffic';
import type { IPod } from 'kubernetes-models/v1';
import { revisionOfPod } from '../core/diagnose.ts';
import type { World } from '../core/world.ts';
import { type Clock, keyOf, RateLimiter, type Runnable, systemClock } from '../runtime/index.ts';
import { getText } from './get-text.ts';
import { measureAll } from './prometheus.ts';
import { type Sources, TrialReader } from './trial-reader.ts';

/** Requests to pods per second, of all trials together: with more pods each is asked less often. */
const RATE = { perSecond: 100, burst: 20 };
/** Together with RATE this bounds the connections that are open at a time: 170. */
const TIMEOUT_MS = 1_500;
const MAX_BYTES = 64 * 1024;

export interface TrialReportsOptions {
  /** The pod as the cache has it now; undefined when it is gone. */
  podOf: (uid: string) => Pick<IPod, 'status'> | undefined;
  /** Called with the key of a ModelDeployment when something changed that its verdict may depend on. */
  wake: (key: string) => void;
  prometheusUrl: string | undefined;
  port?: number;
  clock?: Clock;
  random?: () => number;
}

/**
 * Reads the counters of the pods of every trial, and what Prometheus says to its queries. Which pods those are, each pass
 * of the ModelDeployment tells anew: the ones that `observe` has found to be its own.
 */
export class TrialReports implements Runnable {
  private readonly readers = new Map<string, TrialReader>();
  private readonly time: { clock: Clock; random: () => number };
  private readonly sources: Sources;

  constructor(private readonly options: TrialReportsOptions) {
    const { clock = systemClock, random = Math.random, prometheusUrl } = options;
    this.time = { clock, random };
    const limiter = new RateLimiter(RATE, clock);
    this.sources = {
      readPod: async (uid, signal) => {
        await limiter.take(signal);
        // Looked up at the last moment: the address of a pod that is gone may be another's by now.
        const url = trialUrl(this.options.podOf(uid)?.status, options.port ?? PORT.admin);
        return url && !signal.aborted
          ? getText(url, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, signal })
          : undefined;
      },
      measure: (queries, variables, signal) =>
        measureAll(prometheusUrl, queries, variables, { now: () => clock.date().getTime(), signal }),
    };
  }

  /** What is known of the present trial of a ModelDeployment. */
  of(key: string): Pick<World, 'reports' | 'measurements'> {
    const { reports = [], measurements = [] } = this.readers.get(key) ?? {};
    return { reports, measurements };
  }

  /** Begins, goes on or ends, as the status says. */
  follow({ model, pods }: Pick<World, 'model' | 'pods'>): void {
    const key = keyOf(model);
    const { namespace, name, spec } = model;
    const { trial } = model.status;
    const reader = this.readers.get(key);
    if (reader?.subject.trial.id !== trial?.id) this.forget(key);
    if (trial === undefined) return;
    const identities = pods.map((pod) => {
      return { uid: pod.metadata?.uid ?? '', name: pod.metadata?.name ?? '', revision: revisionOfPod(pod) };
    });
    const queries = spec.rollout.analysis.prometheus ?? [];
    const subject = { namespace, name, trial, pods: identities, queries };
    const present = this.readers.get(key);
    if (present !== undefined) present.subject = subject;
    else this.readers.set(key, new TrialReader(subject, this.sources, () => this.options.wake(key), this.time));
  }

  /** The ModelDeployment or its trial is gone. */
  forget(key: string): void {
    void this.readers.get(key)?.stop();
    this.readers.delete(key);
  }

  /** Ends all reading when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await Promise.all([...this.readers.values()].map((reader) => reader.stop()));
    this.readers.clear();
  }
}

/** Where a pod of ours reports. A pod on the network of its node is not ours: we make none, and its port is the node's. */
function trialUrl({ podIP = '', hostIP }: NonNullable<IPod['status']> = {}, port: number): URL | undefined {
  const family = isIP(podIP);
  if (family === 0 || podIP === hostIP) return undefined;
  return new URL(`http://${family === 6 ? `[${podIP}]` : podIP}:${port}${TRIAL_PATH}`);
}

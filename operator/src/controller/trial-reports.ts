import { TRIAL_PATH } from '@modeldeployment/modelpack/traffic';
import { revisionOfPod } from '../core/diagnose.ts';
import type { World } from '../core/world.ts';
import { type Clock, keyOf, type Runnable, systemClock, untilAborted } from '../runtime/index.ts';
import { PodDocuments, type PodDocumentsOptions } from './pod-documents.ts';
import { measureAll } from './prometheus.ts';
import { type Sources, TrialReader } from './trial-reader.ts';

/** Of all trials together: with more pods each is asked less often, and at most 170 at a time. */
const RATE = { perSecond: 100, burst: 20 };

export interface TrialReportsOptions {
  podOf: PodDocumentsOptions['podOf'];
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
    const { podOf, port } = options;
    const documents = new PodDocuments({ podOf, rate: RATE, clock, port });
    this.sources = {
      readPod: (uid, signal) => documents.read(uid, TRIAL_PATH, signal),
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
    await untilAborted(signal);
    await Promise.all([...this.readers.values()].map((reader) => reader.stop()));
    this.readers.clear();
  }
}

import { parseWarmupReport, WARMUP_PATH } from '@modeldeployment/modelpack/contract';
import { isReady, revisionOfPod } from '../core/diagnose.ts';
import type { World } from '../core/world.ts';
import { type Clock, keyOf, type Runnable, sleep, systemClock, untilAborted } from '../runtime/index.ts';
import { NoTextError } from './get-text.ts';
import { PodDocuments, type PodDocumentsOptions } from './pod-documents.ts';

/** An operator that starts meets all pods at once; nobody waits for what they say. */
const RATE = { perSecond: 20, burst: 20 };
/** A pod is asked so often before it is left alone, each time after three times the pause before. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 5_000;

export interface WarmupReportsOptions {
  podOf: PodDocumentsOptions['podOf'];
  /** Called with the key of a ModelDeployment of which a pod tells something. */
  wake: (key: string) => void;
  port?: number;
  clock?: Clock;
}

interface Entry {
  revision: number;
  nonFinite: World['warmups'][number]['nonFinite'];
  end: AbortController;
}

/**
 * What pods found when they warmed up. Each pod is asked once, when it is ready: it has said all by then. So a settled cluster is
 * not asked at all.
 */
export class WarmupReports implements Runnable {
  /** By key of the ModelDeployment and uid of the pod. */
  private readonly entries = new Map<string, Map<string, Entry>>();
  private readonly documents: PodDocuments;
  private readonly clock: Clock;
  private readonly reading = new Set<Promise<void>>();

  constructor(private readonly options: WarmupReportsOptions) {
    const { podOf, port, clock = systemClock } = options;
    this.clock = clock;
    this.documents = new PodDocuments({ podOf, rate: RATE, clock, port });
  }

  of(key: string): Pick<World, 'warmups'> {
    const known = [...(this.entries.get(key)?.values() ?? [])];
    return { warmups: known.filter(({ nonFinite }) => nonFinite.length > 0) };
  }

  /** Asks the pods that are new, and forgets those that are gone. */
  follow({ model, pods }: Pick<World, 'model' | 'pods'>): void {
    const key = keyOf(model);
    const known = this.entries.get(key) ?? new Map<string, Entry>();
    this.entries.set(key, known);
    const present = new Set(pods.map(({ metadata }) => metadata?.uid));
    for (const [uid, { end }] of known) {
      if (present.has(uid)) continue;
      end.abort();
      known.delete(uid);
    }
    for (const pod of pods) {
      const { uid = '' } = pod.metadata ?? {};
      if (known.has(uid) || !isReady(pod)) continue;
      const entry = { revision: revisionOfPod(pod), nonFinite: [], end: new AbortController() };
      known.set(uid, entry);
      const read = this.read(key, uid, entry).finally(() => this.reading.delete(read));
      this.reading.add(read);
    }
  }

  /** The ModelDeployment is gone. */
  forget(key: string): void {
    for (const { end } of this.entries.get(key)?.values() ?? []) end.abort();
    this.entries.delete(key);
  }

  /** Ends all reading when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await untilAborted(signal);
    for (const key of [...this.entries.keys()]) this.forget(key);
    await Promise.all(this.reading);
  }

  private async read(key: string, uid: string, entry: Entry): Promise<void> {
    const { signal } = entry.end;
    let pauseMs = FIRST_PAUSE_MS;
    for (let attempt = 1; attempt <= ATTEMPTS && !signal.aborted; attempt++, pauseMs *= 3) {
      try {
        const text = await this.documents.read(uid, WARMUP_PATH, signal);
        if (text === undefined) return;
        entry.nonFinite = parseWarmupReport(text)?.nonFinite ?? [];
        if (entry.nonFinite.length > 0 && !signal.aborted) this.options.wake(key);
        return;
      } catch (error) {
        // It answers, but knows nothing of this: an older server, or a program of somebody else.
        if (error instanceof NoTextError && error.status === 404) return;
      }
      if (attempt < ATTEMPTS) await sleep(this.clock, pauseMs, signal);
    }
  }
}

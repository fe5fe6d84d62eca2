import type { KubeClient } from './client.ts';
import { microTime, systemClock, type Clock } from './clock.ts';
import { isNotFound, NotLeaderError } from './errors.ts';
import { silentLog, type Log } from './log.ts';
import { LruMap } from './lru-map.ts';
import { noMetrics, type RuntimeMetrics } from './metrics.ts';
import type { KubeObject } from './objects.ts';
import { RateLimiter } from './rate-limiter.ts';
import type { ResourceType } from './resources.ts';

export interface EventRecorderOptions {
  client: KubeClient;
  /** `modelserving.dev/operator`. */
  reportingController: string;
  /** Usually the pod's name. */
  reportingInstance: string;
  log?: Log | undefined;
  metrics?: RuntimeMetrics | undefined;
  clock?: Clock | undefined;
}

export interface EventInput {
  type: 'Normal' | 'Warning';
  /** What was done, CamelCase: `RollBack`. */
  action: string;
  /** Why, CamelCase, in the `kubectl describe` column. */
  reason: string;
  /** For people; cut at 1 kB, the API's limit. */
  note: string;
}

export const EVENTS: ResourceType = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

/** The same event again within this time counts up a series instead of making a new object. */
const SERIES_WINDOW_MS = 6 * 60_000;
const SERIES_KEPT = 512;
const QUEUE_LIMIT = 256;
const NOTE_BYTES = 1024;
/** Per object: a burst, then one every five minutes; an object that flaps must not flood etcd. */
const PER_OBJECT = { burst: 25, perSecond: 1 / 300 };
const LAST_WORDS_MS = 2_000;

interface Series {
  ref: { namespace: string; name: string };
  manifest: object;
  count: number;
  lastAt: number;
  lastSeen: string;
  created: boolean;
}

/** Writes events.k8s.io/v1 Events in the background. Recording never throws and never waits; what is too much is dropped and counted. */
export class EventRecorder {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly metrics: RuntimeMetrics;
  private readonly series = new LruMap<string, Series>(SERIES_KEPT);
  private readonly limits = new LruMap<string, RateLimiter>(SERIES_KEPT);
  private readonly queue = new Set<Series>();
  private wake: () => void = () => {};
  private serial = 0;

  constructor(private readonly options: EventRecorderOptions) {
    this.clock = options.clock ?? systemClock;
    this.log = options.log ?? silentLog;
    this.metrics = options.metrics ?? noMetrics;
  }

  /** `regarding` must carry apiVersion and kind. */
  record(regarding: KubeObject, event: EventInput): void {
    const { uid } = regarding.metadata;
    const key = JSON.stringify([uid, event.type, event.action, event.reason, event.note]);
    const now = this.clock.now();
    let series = this.series.get(key);
    const queued = series !== undefined && this.queue.has(series);
    if (!queued && !this.mayQueue(uid)) return this.metrics.eventDropped();
    if (series && now - series.lastAt <= SERIES_WINDOW_MS) {
      series.count += 1;
    } else {
      series = this.begin(regarding, event);
      this.series.set(key, series);
    }
    series.lastAt = now;
    series.lastSeen = microTime(this.clock.date());
    this.queue.add(series);
    this.wake();
  }

  /** Sends until the signal aborts, then what is queued; both end at most 2 s after that, answered or not. */
  async run(signal: AbortSignal): Promise<void> {
    const hurry = new AbortController();
    let cancel: () => void = () => {};
    const stop = () => {
      cancel = this.clock.setTimeout(() => hurry.abort(), LAST_WORDS_MS);
      this.wake();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    while (!hurry.signal.aborted && !(signal.aborted && this.queue.size === 0)) {
      if (this.queue.size === 0) await new Promise<void>((resolve) => (this.wake = resolve));
      else await this.sendNext(hurry.signal);
    }
    cancel();
  }

  private mayQueue(uid: string): boolean {
    if (this.queue.size >= QUEUE_LIMIT) return false;
    let limiter = this.limits.get(uid);
    if (!limiter) {
      limiter = new RateLimiter(PER_OBJECT, this.clock);
      this.limits.set(uid, limiter);
    }
    return limiter.tryTake();
  }

  private begin(regarding: KubeObject, event: EventInput): Series {
    const { name, namespace = 'default', uid, resourceVersion } = regarding.metadata;
    const now = this.clock.date();
    this.serial += 1;
    const ref = { namespace, name: `${name.slice(0, 200)}.${now.getTime().toString(16)}${this.serial.toString(16)}` };
    const manifest = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: ref,
      eventTime: microTime(now),
      reportingController: this.options.reportingController,
      reportingInstance: this.options.reportingInstance,
      type: event.type,
      action: event.action,
      reason: event.reason,
      note: cut(event.note),
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        ...(regarding.metadata.namespace === undefined ? {} : { namespace: regarding.metadata.namespace }),
        name,
        uid,
        resourceVersion,
      },
    };
    return { ref, manifest, count: 1, lastAt: 0, lastSeen: '', created: false };
  }

  private async sendNext(signal: AbortSignal): Promise<void> {
    const [series] = this.queue;
    if (!series) return;
    this.queue.delete(series);
    try {
      await this.send(series, signal);
    } catch (error) {
      // Events are for people and expire anyway: none is worth holding up the next.
      this.metrics.eventDropped();
      if (error instanceof NotLeaderError) return;
      this.log.warn({ err: error, event: series.ref.name }, 'an event could not be written');
    }
  }

  private async send(series: Series, signal: AbortSignal): Promise<void> {
    const { client } = this.options;
    const counted = { series: { count: series.count, lastObservedTime: series.lastSeen } };
    const isSeries = series.count > 1;
    if (series.created && isSeries) {
      try {
        await client.mergePatch(EVENTS, series.ref, counted, { signal });
        return;
      } catch (error) {
        // It has expired on the server.
        if (!isNotFound(error)) throw error;
      }
    }
    await client.create(EVENTS, { ...series.manifest, metadata: series.ref, ...(isSeries ? counted : {}) }, { signal });
    series.created = true;
  }
}

function cut(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= NOTE_BYTES) return note;
  // A character cut in half decodes to U+FFFD.
  return `${bytes
    .subarray(0, NOTE_BYTES - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/u, '')}…`;
}

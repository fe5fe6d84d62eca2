import { backoffMs, type Backoff } from './backoff.ts';
import { systemClock, type Clock } from './clock.ts';
import { noMetrics, type RuntimeMetrics } from './metrics.ts';

export interface WorkQueueOptions {
  name: string;
  /** Per key; default 1 s doubling to 5 min. */
  backoff?: Backoff | undefined;
  clock?: Clock | undefined;
  random?: (() => number) | undefined;
  metrics?: RuntimeMetrics | undefined;
}

/**
 * Keys that need work. A key is in the queue at most once and worked on by at most one worker; added while it is worked
 * on, it comes again afterwards.
 */
export class WorkQueue {
  readonly name: string;
  private readonly backoff: Backoff;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly metrics: RuntimeMetrics;
  /** Ready keys in order, with the time since which they are ready. */
  private readonly ready = new Map<string, number>();
  private readonly processing = new Set<string>();
  /** Keys to be added again once they are done. */
  private readonly dirty = new Set<string>();
  private readonly delayed = new Map<string, { at: number; cancel: () => void }>();
  private readonly attempts = new Map<string, number>();
  private readonly takers: ((key: string | undefined) => void)[] = [];
  private stopped = false;
  private onDrained: (() => void)[] = [];

  constructor(options: WorkQueueOptions) {
    this.name = options.name;
    this.backoff = options.backoff ?? { baseMs: 1_000, capMs: 300_000 };
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.metrics = options.metrics ?? noMetrics;
  }

  /** Keys ready to be taken. */
  get depth(): number {
    return this.ready.size;
  }

  add(key: string): void {
    if (this.processing.has(key)) this.dirty.add(key);
    else if (!this.ready.has(key)) this.offer(key);
  }

  /** Adds the key after `ms`; of several delays the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.stopped) return;
    if (ms <= 0) return this.add(key);
    const at = this.clock.now() + ms;
    const pending = this.delayed.get(key);
    if (pending && pending.at <= at) return;
    pending?.cancel();
    const cancel = this.clock.setTimeout(() => {
      this.delayed.delete(key);
      this.add(key);
    }, ms);
    this.delayed.set(key, { at, cancel });
  }

  /** Adds the key after its own backoff, at least `leastMs`; answers the delay in milliseconds. */
  addRateLimited(key: string, leastMs = 0): number {
    const attempt = this.retries(key);
    this.attempts.set(key, attempt + 1);
    const ms = Math.max(leastMs, backoffMs(this.backoff, attempt, this.random));
    this.metrics.queueRetry(this.name);
    this.addAfter(key, ms);
    return ms;
  }

  /** The key succeeded: its next failure starts with the shortest delay. */
  forget(key: string): void {
    this.attempts.delete(key);
  }

  retries(key: string): number {
    return this.attempts.get(key) ?? 0;
  }

  /** Hands out keys again after a shutDown. */
  open(): void {
    this.stopped = false;
  }

  /** The next key, to be ended by `done`; undefined after shutDown. */
  async take(): Promise<string | undefined> {
    if (this.stopped) return undefined;
    const next = this.ready.entries().next();
    if (next.done) return new Promise((resolve) => this.takers.push(resolve));
    const [key, since] = next.value;
    this.ready.delete(key);
    this.handOut(key, since);
    return key;
  }

  done(key: string): void {
    this.processing.delete(key);
    if (this.dirty.delete(key)) this.add(key);
    if (this.processing.size === 0) for (const resolve of this.onDrained.splice(0)) resolve();
  }

  /** Hands out nothing more, and keeps no timer; what is added waits. Resolves when every taken key is done. */
  async shutDown(): Promise<void> {
    this.stopped = true;
    for (const { cancel } of this.delayed.values()) cancel();
    this.delayed.clear();
    for (const taker of this.takers.splice(0)) taker(undefined);
    if (this.processing.size > 0) await new Promise<void>((resolve) => this.onDrained.push(resolve));
  }

  private offer(key: string): void {
    const now = this.clock.now();
    const taker = this.takers.shift();
    if (taker) {
      this.handOut(key, now);
      taker(key);
    } else {
      this.ready.set(key, now);
      this.metrics.queueDepth(this.name, this.ready.size);
    }
  }

  private handOut(key: string, since: number): void {
    this.processing.add(key);
    this.metrics.queueDepth(this.name, this.ready.size);
    this.metrics.queueLatency(this.name, (this.clock.now() - since) / 1000);
  }
}

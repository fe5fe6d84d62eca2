import type { KubeClient } from './client.ts';
import { microTime, sleep, systemClock, type Clock } from './clock.ts';
import { isConflict, isNotFound, NotLeaderError } from './errors.ts';
import { silentLog, type Log } from './log.ts';
import { noMetrics, type RuntimeMetrics } from './metrics.ts';
import type { KubeObject } from './objects.ts';
import type { ResourceType } from './resources.ts';
import { deadline } from './transport.ts';

export interface LeaderElectorOptions {
  /** Not a fenced one: the elector must write before it leads. */
  client: KubeClient;
  namespace: string;
  /** Of the Lease. */
  name: string;
  /** Unique per process, e.g. `<pod>_<uuid>`. */
  identity: string;
  /** Others may take over so long after the last renewal they saw; default 15 000, whole seconds. */
  leaseDurationMs?: number | undefined;
  /** Without a renewal for so long the leader stops and contends again; default 10 000, less than the lease. */
  renewDeadlineMs?: number | undefined;
  /** Default 2 000. */
  retryPeriodMs?: number | undefined;
  onStoppedLeading?: ((why: 'lost' | 'released') => void) | undefined;
  /** Called when the holder changes, also to ourselves. */
  onNewLeader?: ((identity: string) => void) | undefined;
  log?: Log | undefined;
  metrics?: RuntimeMetrics | undefined;
  clock?: Clock | undefined;
  random?: (() => number) | undefined;
}

interface Lease extends KubeObject {
  spec: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export const LEASES: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

/**
 * One leader among several processes, by a Lease. Clocks of others are never trusted: whether a lease has run out is
 * counted on the own monotonic clock from the moment a change of it was last seen, and the leader counts its own right
 * from *before* the request that renewed it. So it stops (5 s by default) before anybody can take over, also when it was
 * suspended: `assertLeading`, called before every write, compares with the clock and needs no timer to have fired.
 */
export class LeaderElector {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly metrics: RuntimeMetrics;
  private readonly random: () => number;
  private readonly leaseDurationMs: number;
  private readonly renewDeadlineMs: number;
  private readonly retryPeriodMs: number;
  /** The Lease as last seen, and when that version was first seen. */
  private observed: { lease: Lease; at: number } | undefined;
  private leadingUntil = -Infinity;

  constructor(private readonly options: LeaderElectorOptions) {
    this.clock = options.clock ?? systemClock;
    this.log = options.log ?? silentLog;
    this.metrics = options.metrics ?? noMetrics;
    this.random = options.random ?? Math.random;
    this.leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.retryPeriodMs = options.retryPeriodMs ?? 2_000;
    if (this.leaseDurationMs % 1000 !== 0 || this.leaseDurationMs <= this.renewDeadlineMs) {
      throw new RangeError('leaseDurationMs must be whole seconds and longer than renewDeadlineMs');
    }
    if (this.renewDeadlineMs <= this.retryPeriodMs) {
      throw new RangeError('renewDeadlineMs must be longer than retryPeriodMs');
    }
  }

  /** True only while no other can have taken over. */
  isLeader(): boolean {
    return this.clock.now() < this.leadingUntil;
  }

  /** Guard for `KubeClient.fenced`: throws a NotLeaderError. */
  assertLeading(): void {
    if (!this.isLeader())
      throw new NotLeaderError(`${this.options.identity} does not hold the lease; nothing was written`);
  }

  /**
   * Waits for leadership, then runs `work`, whose signal aborts with `signal` or when the lease is lost. A shutdown waits
   * for the work to settle, keeps the lease until then, and releases it. Who has lost the lease contends again, and runs
   * `work` anew when it is won. Ends with `signal` or with the work; rejects when the work rejects.
   */
  async run(signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      if ((await this.attempt(signal)) && (await this.lead(signal, work)) === 'released') return;
      // Spread, so that candidates do not come all at once when a lease runs out.
      await sleep(this.clock, this.retryPeriodMs * (1 + this.random() * 0.2), signal);
    }
  }

  private async lead(
    shutdown: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<'released' | 'lost'> {
    this.log.info({ identity: this.options.identity }, 'started leading');
    this.metrics.leading(true);
    const working = new AbortController();
    const settled = new AbortController();
    const stop = () => working.abort();
    shutdown.addEventListener('abort', stop, { once: true });
    if (shutdown.aborted) stop();
    const outcome = work(working.signal).finally(() => settled.abort());
    // Awaited below, after the lease has been released.
    outcome.catch(() => {});
    const kept = await this.renewUntil(settled.signal);
    shutdown.removeEventListener('abort', stop);
    working.abort();
    this.metrics.leading(false);
    if (kept) await this.release();
    this.leadingUntil = -Infinity;
    const why = kept ? 'released' : 'lost';
    this.log.info({ identity: this.options.identity, why }, 'stopped leading');
    this.options.onStoppedLeading?.(why);
    // Also when the lease is lost: what was decided under it must have ended before it may be won again.
    await outcome;
    return why;
  }

  /** False as soon as the lease is lost. */
  private async renewUntil(settled: AbortSignal): Promise<boolean> {
    while (!settled.aborted) {
      await sleep(this.clock, Math.min(this.retryPeriodMs, this.leadingUntil - this.clock.now()), settled);
      // Also right after a suspension: too late is too late, even if nobody has taken over yet.
      if (!this.isLeader()) return false;
      if (settled.aborted) break;
      await this.attempt();
      if (!this.isLeader()) return false;
    }
    return true;
  }

  /** One try to acquire or renew; whether we hold the lease afterwards. */
  private async attempt(signal?: AbortSignal): Promise<boolean> {
    const patience = Math.min(this.renewDeadlineMs / 2, Math.max(1, this.timeLeft()));
    const limit = deadline(this.clock, patience, signal);
    try {
      return await this.acquireOrRenew(limit.signal);
    } catch (error) {
      if (isConflict(error)) this.observed = undefined;
      if (!signal?.aborted) this.log.warn({ err: error, lease: this.options.name }, 'the lease could not be renewed');
      return false;
    } finally {
      limit.clear();
    }
  }

  private timeLeft(): number {
    return this.isLeader() ? this.leadingUntil - this.clock.now() : Infinity;
  }

  private async acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, identity } = this.options;
    // While leading, what we wrote last is what is there, or the write is refused.
    const lease = this.isLeader() && this.observed ? this.observed.lease : await this.read(signal);
    if (lease && this.isHeldByAnother(lease)) {
      this.leadingUntil = -Infinity;
      return false;
    }
    const started = this.clock.now();
    const spec = this.claim(lease);
    const written = lease
      ? await client.replace<Lease>(LEASES, { ...lease, spec }, { signal })
      : await client.create<Lease>(LEASES, this.manifest(spec), { signal });
    this.observe(written);
    this.leadingUntil = started + this.renewDeadlineMs;
    this.log.debug({ identity }, 'renewed the lease');
    return this.isLeader();
  }

  private async read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, namespace, name } = this.options;
    try {
      const lease = await client.get<Lease>(LEASES, { namespace, name }, { signal });
      this.observe(lease);
      return lease;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  private observe(lease: Lease): void {
    const before = this.observed?.lease;
    if (before?.metadata.resourceVersion === lease.metadata.resourceVersion) return;
    this.observed = { lease, at: this.clock.now() };
    const holder = lease.spec.holderIdentity;
    if (holder && holder !== before?.spec.holderIdentity) this.options.onNewLeader?.(holder);
  }

  private isHeldByAnother({ spec }: Lease): boolean {
    if (!spec.holderIdentity || spec.holderIdentity === this.options.identity) return false;
    const duration = (spec.leaseDurationSeconds ?? this.leaseDurationMs / 1000) * 1000;
    return this.clock.now() < (this.observed?.at ?? Infinity) + duration;
  }

  private claim(lease: Lease | undefined): Lease['spec'] {
    const now = microTime(this.clock.date());
    const ours = lease?.spec.holderIdentity === this.options.identity;
    const transitions = lease?.spec.leaseTransitions ?? 0;
    return {
      holderIdentity: this.options.identity,
      leaseDurationSeconds: this.leaseDurationMs / 1000,
      acquireTime: ours ? (lease.spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: lease && !ours ? transitions + 1 : transitions,
    };
  }

  private manifest(spec: Lease['spec']) {
    const { namespace, name } = this.options;
    return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec };
  }

  /** Lets another take over at once. A failure costs the others one lease duration, nothing else. */
  private async release(): Promise<void> {
    const lease = this.observed?.lease;
    if (!lease) return;
    const limit = deadline(this.clock, this.retryPeriodMs);
    const now = microTime(this.clock.date());
    const { leaseTransitions = 0 } = lease.spec;
    const spec = { holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now, leaseTransitions };
    try {
      await this.options.client.replace<Lease>(LEASES, { ...lease, spec }, { signal: limit.signal });
    } catch (error) {
      this.log.warn({ err: error, lease: this.options.name }, 'the lease could not be released');
    } finally {
      limit.clear();
    }
  }
}

import { type FallbackCause, OVERLOADED_HEADER, type Traffic } from '@modeldeployment/modelpack/traffic';

import { RequestError, RunError, ClientGone } from '../errors.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { deadlineMs, hadTime, p99 } from './deadline.ts';
import type { Answered, TrialRequest, Reply } from './trial-request.ts';
import { PeerShares } from './peer-shares.ts';
import { Sizes } from './sizes.ts';
import { count, emptyCounts, type Counts, type Outcome } from './counts.ts';

export type Side = 'own' | 'target';
export type Failure<T> = Extract<Reply<T>, { ok: false }>;

/** What an answer of this server itself says of its revision; nothing where the client has made it fail. */
export type Told = Pick<Outcome, 'ms' | 'error' | 'nonFinite'> | undefined;

/**
 * What belongs to one trial: what is counted, and how far the revision on trial is trusted. A request that is under way when
 * the next trial begins still counts for its own.
 */
export class TrialState {
  readonly counts: Counts;
  readonly breaker = new CircuitBreaker(() => performance.now());
  readonly #shares: Readonly<Record<Side | 'mirror', PeerShares>>;
  readonly #sizes = new Sizes();

  /** @param p99Before 99th percentile of the stable revision's answers in ms, as far as it is known from before */
  constructor(
    trial: string | undefined,
    private readonly p99Before?: number,
  ) {
    this.counts = emptyCounts(trial);
    this.#shares = { own: new PeerShares(), target: new PeerShares(), mirror: new PeerShares() };
  }

  get p99(): number | undefined {
    return p99(this.counts.own) ?? this.p99Before;
  }

  /** Whether a request enters the verdict on that side, where its peer has not filled its part yet. */
  admits(side: Side | 'mirror', { peer }: TrialRequest<unknown>): boolean {
    return this.#shares[side].admits(peer);
  }

  /** Answers here; `tell` gets what that says of this revision. */
  async own<T>(trialRequest: TrialRequest<T>, tell: (told: Told) => void): Promise<Answered<T>> {
    const began = performance.now();
    try {
      const answered = await trialRequest.own();
      tell({ ms: performance.now() - began, nonFinite: answered.nonFinite });
      return answered;
    } catch (error) {
      tell(isServersFault(error) ? { ms: performance.now() - began, error: true } : undefined);
      throw error;
    }
  }

  /** Asks the revision on trial. */
  forward<T>(trialRequest: TrialRequest<T>, { to }: Traffic, counted: boolean): Promise<Reply<T>> {
    return trialRequest.forward(to, deadlineMs(this.p99), counted);
  }

  /** Counts an outcome of one side that says something of its revision. */
  count(side: Side, { bytes }: TrialRequest<unknown>, outcome: Outcome): void {
    count(this.counts[side], outcome, this.#sizes.isUsual(bytes));
  }

  /** Counts that the revision on trial failed at what the stable one answers. */
  fellBack(trialRequest: TrialRequest<unknown>, cause: FallbackCause, ms: number): void {
    const { fallbacks } = this.counts;
    fallbacks[cause] = (fallbacks[cause] ?? 0) + 1;
    this.count('target', trialRequest, { ms, error: true });
  }

  /** Remembers how asking went, for the next requests. `failed` when the stable revision has answered what this one did not. */
  learn(reply: Reply<unknown>, failed: boolean): void {
    // A 4xx comes from somebody who is alive; who is not there need not be asked by a better request.
    if (reply.ok || (reply.cause === '4xx' && reply.excuse !== 'load')) this.breaker.succeeded();
    else if (failed || reply.excuse === 'load' || reply.cause === 'refused' || reply.cause === 'unreachable')
      this.breaker.failed();
  }
}

/**
 * What speaks against the revision on trial when the stable one has answered in `stableMs` what it did not; undefined where the
 * request is to blame, or nobody. Pure.
 */
export function causeAgainst(
  { cause, excuse }: Failure<unknown>,
  waitedMs: number,
  stableMs: number,
): FallbackCause | undefined {
  if (cause === 'unsent' || excuse === 'load' || excuse === 'token') return undefined;
  return excuse === 'deadline' && !hadTime(waitedMs, stableMs) ? undefined : cause;
}

/** Whether an error of this server's own answer is none of the client's, of its deadline or of what else is asked. Pure. */
export function isServersFault(error: unknown): boolean {
  if (error instanceof ClientGone) return false;
  if (error instanceof RequestError)
    return error.status >= 500 && error.status !== DEADLINE_EXCEEDED && !(OVERLOADED_HEADER in error.headers);
  return !(error instanceof RunError) || error.exhausted;
}

/** The client's own deadline has passed. */
const DEADLINE_EXCEEDED = 504;

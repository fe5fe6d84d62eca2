import type { Traffic } from '@modeldeployment/modelpack/traffic';
import { ClientGone } from '../batching/executor.ts';
import { RunError } from '../model/types.ts';
import { RequestError } from '../protocol/errors.ts';
import type { ForwardOutcome } from '../telemetry/forwarding.ts';
import { Breaker } from './breaker.ts';
import { deadlineMs, p99 } from './deadline.ts';
import type { Answered, Exchange, Reply } from './exchange.ts';
import type { Recent } from './recent.ts';
import { count, emptyCounts, type Counts } from './tally.ts';

/**
 * What belongs to one trial: what is counted, and how far the revision on trial is trusted. A request that is under way when
 * the next trial begins still counts for its own.
 */
export class Round {
  readonly counts: Counts;
  readonly breaker = new Breaker(() => performance.now());

  /** @param p99Before 99th percentile of the stable revision's answers in ms, as far as it is known from before */
  constructor(
    trial: string | undefined,
    private readonly p99Before?: number,
  ) {
    this.counts = emptyCounts(trial);
  }

  get p99(): number | undefined {
    return p99(this.counts.own) ?? this.p99Before;
  }

  /** Answers here, and keeps the request in `recent`. */
  async own<T>(exchange: Exchange<T>, recent?: Recent<Exchange<unknown>>): Promise<Answered<T>> {
    const began = performance.now();
    try {
      const answered = await exchange.own();
      count(this.counts.own, { ms: performance.now() - began, nonFinite: answered.nonFinite });
      // One that names our version would be refused by any other.
      if (exchange.version === undefined) recent?.offer(exchange, began);
      return answered;
    } catch (error) {
      // Nobody was answered, and nothing is known.
      if (error instanceof ClientGone) throw error;
      count(this.counts.own, { ms: performance.now() - began, error: isServersFault(error) });
      throw error;
    }
  }

  /** Asks the revision on trial, and remembers how that went. */
  async ask<T>(exchange: Exchange<T>, { to }: Traffic): Promise<Reply<T>> {
    const reply = await exchange.ask(to, deadlineMs(this.p99));
    // A 4xx comes from somebody who is alive.
    if (reply.ok || reply.cause === '4xx') this.breaker.succeeded();
    else this.breaker.failed();
    return reply;
  }

  /** Counts a request that the revision on trial was asked. */
  settle(outcome: Exclude<ForwardOutcome, 'skipped'>, ms: number, nonFinite: boolean): void {
    const { fallbacks, target } = this.counts;
    const failed = outcome !== 'answered' && outcome !== 'rejected';
    if (failed) fallbacks[outcome] = (fallbacks[outcome] ?? 0) + 1;
    count(target, { ms, error: failed, nonFinite });
  }
}

/** Whether an error of this server's own answer is none that the client could have avoided. Pure. */
export function isServersFault(error: unknown): boolean {
  if (error instanceof ClientGone) return false;
  if (error instanceof RequestError) return error.status >= 500;
  return !(error instanceof RunError) || error.exhausted;
}

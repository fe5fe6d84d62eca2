/** Forwarding one request: what the client gets, and what is counted. */
import type { Traffic } from '@modeldeployment/modelpack/traffic';
import { unavailable } from '../protocol/errors.ts';
import type { Forwarding, ForwardOutcome } from '../telemetry/forwarding.ts';
import type { Answered, Exchange } from './exchange.ts';
import { isServersFault, type Round } from './round.ts';
import { count } from './tally.ts';

/** Asks the revision on trial, and answers here when that fails: the client notices nothing but the time. */
export async function forward<T>(
  exchange: Exchange<T>,
  traffic: Traffic,
  round: Round,
  metrics: Forwarding,
): Promise<Answered<T>> {
  const began = performance.now();
  const reply = await round.ask(exchange, traffic);
  if (reply.ok) {
    record(round, metrics, began, 'answered', reply.nonFinite);
    return reply;
  }
  try {
    const answered = await exchange.own();
    record(round, metrics, began, reply.cause);
    return answered;
  } catch (error) {
    const both = isServersFault(error);
    // What both refuse is the client's fault; what both fail at must not speak against one of them alone.
    if (both) count(round.counts.own, { ms: performance.now() - began, error: true });
    record(round, metrics, began, reply.cause === '4xx' && !both ? 'rejected' : reply.cause);
    throw error;
  }
}

/** The client names the version on trial, which nobody else serves: the answer is passed on whatever it is. @throws RequestError 503 */
export async function forwardNamed<T>(
  exchange: Exchange<T>,
  traffic: Traffic,
  round: Round,
  metrics: Forwarding,
): Promise<Answered<T>> {
  const began = performance.now();
  const reply = await round.ask(exchange, traffic);
  if (reply.ok) record(round, metrics, began, 'answered', reply.nonFinite);
  else record(round, metrics, began, reply.cause === '4xx' ? 'rejected' : reply.cause);
  if (reply.ok) return reply;
  if (reply.answer !== undefined) return { answer: reply.answer, bytes: 0, nonFinite: false };
  throw unavailable(
    `version ${traffic.targetVersion} is on trial and gives no answer now; without a version you get one`,
  );
}

function record(
  round: Round,
  metrics: Forwarding,
  began: number,
  outcome: Exclude<ForwardOutcome, 'skipped'>,
  nonFinite = false,
): void {
  const ms = performance.now() - began;
  round.settle(outcome, ms, nonFinite);
  metrics.forwarded(outcome, ms);
}

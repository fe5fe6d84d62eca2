/** Forwarding one request: what the client gets, and what is counted. */
import type { Traffic } from '@modeldeployment/modelpack/traffic';
import { unavailable } from '../errors.ts';
import type { Forwarding } from '../telemetry/trial-metrics.ts';
import type { Answered, TrialRequest } from './trial-request.ts';
import { causeAgainst, type Failure, isServersFault, type TrialState } from './trial-state.ts';
import type { SecondOpinion } from './second-opinion.ts';

/** What forwarding needs beside the request. */
export interface Forwarder {
  traffic: Traffic;
  state: TrialState;
  metrics: Forwarding;
  opinions: SecondOpinion;
}

/**
 * Asks the revision on trial, and answers here when that fails: the client notices nothing but the time.
 * @param counted whether the request enters the verdict
 */
export async function forward<T>(trialRequest: TrialRequest<T>, on: Forwarder, counted: boolean): Promise<Answered<T>> {
  const { state, traffic, metrics, opinions } = on;
  const began = performance.now();
  const reply = await state.forward(trialRequest, traffic, counted);
  if (!reply.ok) return fallBack(trialRequest, on, counted, began, reply);
  const ms = performance.now() - began;
  state.learn(reply, false);
  metrics.forwarded('answered', ms);
  if (!counted) state.counts.uncounted++;
  else if (reply.nonFinite) opinions.onTarget(trialRequest, ms, state);
  else state.count('target', trialRequest, { ms });
  return reply;
}

/** Only what is answered here after all speaks against the revision on trial. */
async function fallBack<T>(
  trialRequest: TrialRequest<T>,
  { state, metrics }: Forwarder,
  counted: boolean,
  began: number,
  reply: Failure<T>,
): Promise<Answered<T>> {
  const asked = performance.now();
  try {
    // What the other one took of the client's time is not for this one to answer for.
    const answered = await trialRequest.afresh();
    const now = performance.now();
    const cause = causeAgainst(reply, asked - began, now - asked);
    state.learn(reply, cause !== undefined);
    metrics.forwarded(reply.cause, now - began);
    if (counted && cause !== undefined) state.fellBack(trialRequest, cause, now - began);
    else state.counts.uncounted++;
    return answered;
  } catch (error) {
    const ms = performance.now() - began;
    state.learn(reply, false);
    metrics.forwarded(reply.cause === '4xx' && !isServersFault(error) ? 'rejected' : reply.cause, ms);
    state.counts.uncounted++;
    throw error;
  }
}

/**
 * The client names the version on trial, which nobody else serves: the answer is passed on whatever it is, and counts for nobody,
 * since there is no other one to compare it with. @throws RequestError 503
 */
export async function forwardNamed<T>(
  trialRequest: TrialRequest<T>,
  { state, traffic, metrics }: Omit<Forwarder, 'opinions'>,
): Promise<Answered<T>> {
  const began = performance.now();
  const reply = await state.forward(trialRequest, traffic, false);
  const outcome = reply.ok ? 'answered' : reply.cause === '4xx' ? 'rejected' : reply.cause;
  metrics.forwarded(outcome, performance.now() - began);
  state.counts.uncounted++;
  if (reply.ok) return reply;
  if (reply.answer !== undefined) return { answer: reply.answer, bytes: 0, nonFinite: false };
  throw unavailable(
    `version ${traffic.targetVersion} is on trial and gives no answer now; without a version you get one`,
  );
}

/** Copies of requests for the revision on trial, and the comparison of its answers with those the clients got. */
import { EXAMPLES, type Difference, type FallbackCause, type Traffic } from '@modeldeployment/modelpack/traffic';
import type { Tolerance } from '../model/golden.ts';
import type { Forwarding, MirrorOutcome } from '../telemetry/trial-metrics.ts';
import { BackgroundQueue } from './background-queue.ts';
import { difference } from './compare.ts';
import type { Answered, TrialRequest } from './trial-request.ts';
import { causeAgainst, type TrialState } from './trial-state.ts';

const LIMITS = { running: 2, waiting: 64, bytes: 16 * 1024 * 1024 };

export class Mirror {
  readonly #queue = new BackgroundQueue(LIMITS);

  constructor(private readonly metrics: Forwarding) {}

  /**
   * Sends a copy of a request that was answered here: later, and not at all when too many wait.
   * @param tookMs what this server needed for its answer
   */
  offer<T>(
    trialRequest: TrialRequest<T>,
    answered: Answered<T>,
    tookMs: number,
    traffic: Traffic,
    state: TrialState,
  ): void {
    const time = new Date();
    const run = async () => {
      const asked = performance.now();
      const reply = await state.forward(trialRequest, traffic, true);
      const cause = reply.ok ? undefined : causeAgainst(reply, performance.now() - asked, tookMs);
      state.learn(reply, cause !== undefined);
      await this.compare(trialRequest, answered, reply.ok ? reply : cause, traffic, state, time);
    };
    const taken = state.breaker.allows() && this.#queue.offer({ bytes: trialRequest.bytes + answered.bytes, run });
    if (!taken) this.#count('dropped', state);
  }

  /** @param reply or why there is none; undefined where that speaks against nobody */
  async compare<T>(
    trialRequest: TrialRequest<T>,
    answered: Answered<T>,
    reply: Answered<T> | FallbackCause | undefined,
    traffic: Traffic,
    state: TrialState,
    time: Date,
  ): Promise<void> {
    if (typeof reply !== 'object') return this.#count(reply === undefined ? 'dropped' : 'failed', state);
    const tolerance = toleranceOf(traffic);
    const outcome = verdict(trialRequest, answered.answer, reply.answer, tolerance);
    const { mirror } = state.counts;
    if (typeof outcome !== 'object') this.#count(outcome, state);
    else if (
      mirror.differing * RARE > mirror.compared + RARE ||
      (await repeats(trialRequest, answered.answer, tolerance))
    ) {
      this.#count('differing', state);
      if (mirror.examples.length < EXAMPLES) mirror.examples.push({ time: time.toISOString(), ...outcome });
    } else return this.#count('dropped', state);
    if (reply.nonFinite && !answered.nonFinite) mirror.nonFinite++;
  }

  #count(outcome: MirrorOutcome, { counts: { mirror } }: TrialState): void {
    if (outcome === 'failed' || outcome === 'dropped') mirror[outcome]++;
    else mirror.compared++;
    if (outcome === 'differing') mirror.differing++;
    this.metrics.mirrored(outcome);
  }
}

/** Differences are looked into as long as not more than one in so many answers differs. */
const RARE = 10;

/** Whether this server still gives the same answer: where it does not, a difference says nothing. */
async function repeats<T>(trialRequest: TrialRequest<T>, answer: T, tolerance: Tolerance): Promise<boolean> {
  try {
    const { answer: again } = await trialRequest.afresh();
    return difference(trialRequest.outputs(answer), trialRequest.outputs(again), tolerance) === undefined;
  } catch {
    return false;
  }
}

/** One number for both parts. */
const toleranceOf = ({ mirror: { tolerance } = { percent: 0, tolerance: 0 } }: Traffic): Tolerance => ({
  absolute: tolerance,
  relative: tolerance,
});

function verdict<T>(
  trialRequest: TrialRequest<T>,
  answer: T,
  reply: T,
  tolerance: Tolerance,
): 'equal' | 'failed' | Omit<Difference, 'time'> {
  try {
    return difference(trialRequest.outputs(answer), trialRequest.outputs(reply), tolerance) ?? 'equal';
  } catch {
    // An answer of 200 that is none: an older or newer server than this one, or something between the two.
    return 'failed';
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Traffic } from '@modeldeployment/modelpack/traffic';
import { difference } from './compare.ts';
import type { Sample } from './trial-request.ts';
import type { Mirror } from './mirror.ts';
import { causeAgainst, type TrialState, type Told } from './trial-state.ts';

/** At most one in this time, in milliseconds. */
const INTERVAL_MS = 100;
/** And at most a fifth of the time: after each, this many times as long is waited as it took. */
const REST = 4;

export interface ReplaySources {
  /** Golden and warm-up requests of the model, or zeros. */
  samples: () => Promise<readonly Sample[]>;
  /** Requests that were recorded. */
  recent: () => readonly Sample[];
  /** Requests of the trial so far. */
  seen: () => number;
  /** Sends one to both revisions. False when it was not sent. */
  send: (sample: Sample) => Promise<boolean>;
}

/**
 * Replays requests while a trial sees too few: first each golden one, then those recorded of late, else what the model's folder
 * has. A replay only takes the place of a client's request that did not come: in a tenth of a second with one there is none.
 */
export class Replay {
  #below = 0;
  #trial: string | undefined;
  #turn = 0;
  #running = false;

  constructor(private readonly sources: ReplaySources) {}

  /** Replays until `below` requests were seen. */
  set(trial: string | undefined, below: number): void {
    if (trial !== this.#trial) this.#turn = 0;
    this.#trial = trial;
    this.#below = below;
    if (!this.#running && below > 0) void this.#loop();
  }

  async #loop(): Promise<void> {
    this.#running = true;
    const { samples: read, seen, send } = this.sources;
    const samples = await read();
    let pause = INTERVAL_MS;
    for (;;) {
      const before = seen();
      await sleep(pause);
      if (seen() >= this.#below) break;
      pause = INTERVAL_MS;
      if (seen() !== before) continue;
      const sample = pick(samples, this.sources.recent(), this.#turn);
      if (!sample) break;
      const began = performance.now();
      if (await send(sample)) this.#turn++;
      pause = Math.max(INTERVAL_MS, REST * (performance.now() - began));
    }
    this.#running = false;
  }
}

/** Pure. */
export function pick(samples: readonly Sample[], recent: readonly Sample[], turn: number): Sample | undefined {
  const golden = samples.filter(({ expected }) => expected !== undefined);
  if (turn < golden.length) return golden[turn];
  const rest = recent.length > 0 ? recent : samples;
  return rest[(turn - golden.length) % rest.length];
}

/** Asks both revisions, counts what one of them does better, and compares where the trial says so or the answer is known. */
export async function replay(
  { trialRequest, expected }: Sample,
  traffic: Traffic,
  state: TrialState,
  mirror: Mirror,
): Promise<void> {
  let told: Told;
  const own = await state.own(trialRequest, (it) => (told = it)).catch(() => undefined);
  const began = performance.now();
  const reply = await state.forward(trialRequest, traffic, true);
  const ms = performance.now() - began;
  const cause = own && !reply.ok ? causeAgainst(reply, ms, told?.ms ?? 0) : undefined;
  state.learn(reply, cause !== undefined);
  const nonFinite = reply.ok && reply.nonFinite;
  if (told) state.count('own', trialRequest, { ...told, shared: !reply.ok || nonFinite });
  if (cause !== undefined) state.fellBack(trialRequest, cause, ms);
  // One of ours that both refuse is at least no difference: a model may have no other requests.
  else if (reply.ok || (!told && reply.cause === '4xx'))
    state.count('target', trialRequest, { ms, nonFinite, shared: !own || own.nonFinite });
  state.counts.replayed++;
  if (own && traffic.mirror)
    await mirror.compare(trialRequest, own, reply.ok ? reply : cause, traffic, state, new Date());
  if (!expected || !reply.ok) return;
  const { golden } = state.counts;
  golden.asked++;
  if (!matches(trialRequest, reply.answer, expected)) golden.mismatches++;
}

function matches(
  trialRequest: Sample['trialRequest'],
  answer: unknown,
  { outputs, tolerance }: NonNullable<Sample['expected']>,
): boolean {
  try {
    return difference(outputs, trialRequest.outputs(answer), tolerance) === undefined;
  } catch {
    return false;
  }
}

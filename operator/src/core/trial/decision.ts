import type { Trial } from '../../api/modeldeployment.gen.ts';
import type { Reach, TrialFacts } from './facts.ts';

/** One write. Each is made only when its effect is not there yet, so all of them may be repeated after a crash. */
export type Move =
  | { move: 'reach'; to: Reach }
  | { move: 'bringUp'; replicas: number }
  | { move: 'preview' }
  | { move: 'announce' }
  | { move: 'hush' }
  | { move: 'weigh' }
  | { move: 'unweigh' }
  | { move: 'takeAway' }
  | { move: 'coOwn' }
  | { move: 'dropTwin' }
  | { move: 'handOver' }
  | { move: 'orphan' }
  | { move: 'release' };

/**
 * Either the state of the trial changes, which is recorded before anything is done about it; or the moves that its
 * recorded state asks for are made. Never both, so that a crash between two writes is always understood.
 */
export type Decision =
  { kind: 'record'; trial: Trial | undefined } | { kind: 'moves'; moves: Move[]; waitUntil?: number };

/** Facts while there is a trial. */
export type OnTrial = TrialFacts & { trial: Trial };

export const moves = (...list: (Move | false)[]): Decision & { kind: 'moves' } => ({
  kind: 'moves',
  moves: list.filter((move) => move !== false),
});
export const record = (trial: Trial | undefined): Decision => ({ kind: 'record', trial });
/** Changes the state; the time of it is `since` where a phase or step begins. */
export const change = ({ trial, now }: OnTrial, to: Partial<Trial>): Decision =>
  record({ ...trial, ...to, ...(beginsAnew(trial, to) ? { since: new Date(now).toISOString() } : {}) });
const beginsAnew = (trial: Trial, to: Partial<Trial>): boolean =>
  (to.phase !== undefined && to.phase !== trial.phase) ||
  (to.step !== undefined && to.step !== trial.step) ||
  (to.weight !== undefined && to.weight !== trial.weight);

/** It gets no requests any more from here on, and status must not say that it did. */
export const takeOff = (facts: OnTrial): Decision => change(facts, { phase: 'Ending', weight: 0 });

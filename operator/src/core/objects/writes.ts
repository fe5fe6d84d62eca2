import type { Reason } from '../../api/conditions.ts';
import type { ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import type { Action, PlannedAction, Work } from '../actions.ts';

/** A write that was not made, and why. */
export interface Refusal {
  reason: Extract<Reason, 'PodsRefused' | 'WriteRefused' | 'WriteFailed' | 'NameConflict'>;
  message: string;
  /** It was a step: the steps after it were not tried. */
  isStep: boolean;
}

export interface Failure {
  action: PlannedAction;
  error: unknown;
}

/** The actions in order, those that stand alone first: what they mend may be what a step waits for. */
export function inOrder({ alone, steps, afterwards }: Omit<Work, 'events' | 'requeueAfterMs'>): PlannedAction[] {
  return [
    ...alone,
    ...steps.flatMap((actions, step) => actions.map((action) => ({ ...action, step }))),
    ...afterwards.map((action) => ({ ...action, afterwards: true as const })),
  ];
}

/**
 * The one rule of what is still written when a write fails. Answers each action that is to be made, is told the error of
 * it (`next(error)`, undefined when there was none), and returns what failed. One that stands alone stops nothing; all of
 * one step are tried; and after a step with a failure there is no later step.
 */
export function* makeWrites(actions: readonly PlannedAction[]): Generator<Action, Failure[], unknown> {
  const failures: Failure[] = [];
  let last = Infinity;
  for (const action of actions) {
    if (action.step !== undefined && action.step > last) continue;
    if (action.afterwards === true && last !== Infinity) continue;
    const error = yield action;
    if (error === undefined) continue;
    failures.push({ action, error });
    if (action.step !== undefined) last = action.step;
  }
  return failures;
}

/** What the next pass relies on: it says what was done, and is never ahead of it. */
const RECORDED = [
  'stable',
  'deployed',
  'trial',
  'baking',
  'failedTarget',
  'lastAction',
  'lastFailure',
  'target',
  'revisions',
] as const satisfies readonly (keyof ModelDeploymentStatus)[];

/** The status with what was recorded before: as if the pass had died at the step that failed, but for what it tells. */
export function withRecordOf(previous: ModelDeploymentStatus, status: ModelDeploymentStatus): ModelDeploymentStatus {
  const next: Partial<ModelDeploymentStatus> = { ...status };
  for (const field of RECORDED) delete next[field];
  const kept = RECORDED.filter((field) => previous[field] !== undefined).map((field) => [field, previous[field]]);
  return { ...next, ...Object.fromEntries(kept) } as ModelDeploymentStatus;
}

/** What there is to say of refusals, the one that hinders most first; undefined when there are none. */
export function wordsOf(refusals: readonly Refusal[]): { reason: Refusal['reason']; message: string } | undefined {
  const rank = ({ reason, isStep }: Refusal): number => (reason === 'NameConflict' ? 0 : isStep ? 1 : 2);
  const [first, ...others] = [...refusals].sort((a, b) => rank(a) - rank(b));
  if (first === undefined) return undefined;
  return { reason: first.reason, message: [first, ...others].map(({ message }) => message).join('; ') };
}

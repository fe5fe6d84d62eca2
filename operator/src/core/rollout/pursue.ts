import type { Baking, ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import type { Action, PlannedEvent, Work } from '../actions.ts';
import type { TrialVerdict } from '../analysis/judge.ts';
import { type Aim, aimAt } from '../targeting/aim.ts';
import { type Finding, isReady, isTerminating, revisionOfPod } from '../diagnose.ts';
import { isComplete } from '../revisions/held.ts';
import { condemn, judge, judgeBaking, noteServed, type Verdict } from '../judge.ts';
import { deletePod } from '../targeting/resolve.ts';
import type { Revision } from '../revisions/revision.ts';
import type { Situation } from '../status/situation.ts';
import { steer, type Steering } from './steer.ts';
import { pendingAction, type Rollback, type SpecTarget } from '../targeting/target.ts';
import { analyse, pursueTrial } from '../trial/trial.ts';
import type { World } from '../world.ts';

/** What is to be served, once it is recorded in the history. */
export interface Goal {
  target: SpecTarget;
  rollback: Rollback;
  wanted: Revision;
}

/** Moves the Deployment towards the goal and judges how that goes. */
export function pursue(world: World, work: Work, goal: Goal): Situation {
  const { wanted, rollback } = goal;
  const action = pendingAction(world)?.type;
  const retry = action === 'Retry';
  const { aim, steering } = steerTowards(world, goal, retry);
  work.steps.push(...steering.actions.map((one) => [one]), ...(retry ? retryPods(world, wanted) : []));
  work.events.push(...steering.events);

  const settled = steering.deployed && steering.actions.length === 0;
  const analysis = analyse(world, wanted.number);
  const verdict = settled && !retry ? weigh(world, aim, work, { abort: action === 'Abort', analysis }) : undefined;
  const failed = aim.failed !== undefined || verdict?.failure !== undefined;
  const outcome = pursueTrial(world, work, {
    target: wanted.number,
    stable: aim.stable?.number ?? 0,
    course: aim.course,
    failed,
    analysis,
  });

  const lastAction = doneAction(world, outcomeOf(goal, action, aim, verdict));
  if (lastAction !== undefined) work.events.push(actionDone(lastAction));
  const progress = takeStock(world, work, aim, { settled: settled && outcome.trial === undefined, verdict });
  return {
    kind: 'serving',
    aim: { ...aim, stable: progress.stable },
    rollback,
    deployed: steering.deployed ? deployedRevision(world, aim, outcome.trial) : world.model.status.deployed,
    settled: steering.deployed,
    complete: progress.complete,
    trial: outcome.trial,
    baking: progress.rolledOut ? bake(world, aim, rollback) : world.model.status.baking,
    finding: verdict?.finding,
    failure: verdict?.failure,
    healed: progress.proved && aim.effective.number === wanted.number,
    lastAction,
  };
}

/** What is stable by now: the wanted revision once it is rolled out completely, the one before when that failed after all. */
function takeStock(
  world: World,
  work: Work,
  aim: Aim,
  { settled, verdict }: { settled: boolean; verdict: Verdict | undefined },
) {
  const { effective, stable: before, wanted } = aim;
  const complete = settled && isComplete(world.deployment);
  // With no replicas a rollout is complete without having proved anything.
  const proved = complete && world.model.spec.replicas > 0;
  const stable = proved ? effective : fallBack(world, aim, verdict);
  const rolledOut = proved && stable?.number !== before?.number;
  if (rolledOut) work.events.push(rolloutComplete(effective));
  // Once it is left: a revision that is never left needs no mark.
  if (before?.served === false && before.number !== wanted.number) work.steps.push([noteServed(before, world.now)]);
  return { complete, proved, stable, rolledOut };
}

/** What the Deployment is to be taken for: in a hand-over, recorded before it begins, that of the revision on trial. */
function deployedRevision(world: World, { effective }: Aim, trial: ModelDeploymentStatus['trial']): number {
  if (trial?.phase === 'HandingOver') return trial.revision;
  // It never came to the hand-over that was recorded.
  const isGivenUp = trial?.phase === 'Ending' && world.model.status.trial?.phase === 'HandingOver';
  return isGivenUp ? trial.from : effective.number;
}

/** A revision that fails while it bakes is stable no more. */
function fallBack(world: World, aim: Aim, verdict: Verdict | undefined): Revision | undefined {
  const { baking } = world.model.status;
  if (verdict?.failure === undefined || aim.stable?.number !== aim.wanted.number) return aim.stable;
  return world.revisions.find(({ number }) => number === baking?.previous) ?? aim.stable;
}

/** For a while a crash still returns to the revision before; a person who went back is not sent forward again. */
function bake(world: World, { stable, effective }: Aim, rollback: Rollback): Baking | undefined {
  const { bakeSeconds } = world.model.spec.rollout;
  if (stable === undefined || rollback.kind === 'active' || bakeSeconds === 0) return undefined;
  const until = new Date(world.now + bakeSeconds * 1000).toISOString();
  return { revision: effective.number, previous: stable.number, until };
}

function steerTowards(
  world: World,
  { target, rollback, wanted }: Goal,
  retry: boolean,
): { aim: Aim; steering: Steering } {
  const aim = aimAt(world, wanted, rollback, retry);
  const steering = steer(world, aim, target, rollback);
  if (steering.forgive !== true) return { aim, steering };
  const forgiven = aimAt(world, wanted, rollback, true);
  return { aim: forgiven, steering: { ...steer(world, forgiven, target, rollback), events: steering.events } };
}

function rolloutComplete({ number, version, digest }: Revision): PlannedEvent {
  return {
    type: 'Normal',
    reason: 'RolloutComplete',
    note: `revision ${number} serves: version ${version}, ${digest}`,
  };
}

function actionDone({ type, id, message }: NonNullable<ModelDeploymentStatus['lastAction']>): PlannedEvent {
  return { type: 'Normal', reason: 'ActionDone', note: `${type} ${id}: ${message}` };
}

const ABORTED: Finding = { reason: 'Aborted', message: 'rollout.action Abort', definite: false };

/** Not definite: what was too slow or too often wrong today may have had company. */
const worse = ({ message }: TrialVerdict): Finding => ({ reason: 'AnalysisFailed', message, definite: false });

/** What may take a revision back besides the state of its pods. */
interface Grounds {
  abort: boolean;
  analysis: TrialVerdict | undefined;
}

/**
 * Judges what is under way: the rollout of the wanted revision, its trial, or the time after. A failure that is
 * remembered already is not judged again; its pods may still be told about.
 */
function weigh(world: World, aim: Aim, work: Work, grounds: Grounds): Verdict | undefined {
  const { wanted, effective, stable, course } = aim;
  const { trial } = world.model.status;
  const onTrial = course !== undefined && trial?.revision === wanted.number && trial.phase !== 'Ending';
  const rolling = wanted.number === effective.number && stable?.number !== wanted.number;
  const complete = rolling && trial === undefined && isComplete(world.deployment);
  if (complete) return undefined;
  const verdict =
    onTrial || rolling
      ? onGrounds(judge(world, wanted, onTrial ? world.canary : world.deployment), onTrial, grounds)
      : afterwards(world, aim);
  if (verdict === undefined) return undefined;
  if (aim.failed !== undefined) return { finding: verdict.finding, failure: undefined };
  if (verdict.requeueAfterMs !== undefined) work.requeueAfterMs.push(verdict.requeueAfterMs);
  if (verdict.failure !== undefined) giveUp(world, aim, verdict.failure, work);
  return verdict;
}

/** A person's word counts most, then the counters of a trial, then the state of the pods. */
function onGrounds(verdict: Verdict, onTrial: boolean, { abort, analysis }: Grounds): Verdict {
  const { finding } = verdict;
  if (abort) return { finding, failure: ABORTED };
  return onTrial && analysis?.result === 'Fail' ? { finding, failure: worse(analysis) } : verdict;
}

function afterwards(world: World, { failed, wanted }: Aim): Verdict | undefined {
  const failure = failed === undefined ? judgeBaking(world, wanted) : undefined;
  return failure === undefined ? undefined : { finding: failure, failure };
}

/** Records the failure first; the next pass goes back. Otherwise a crash in between would look like a person's undo. */
function giveUp(world: World, aim: Aim, failure: Finding, work: Work): void {
  const { wanted } = aim;
  if (failure.definite && wanted.condemned === undefined) {
    const why = `${failure.reason}: ${failure.message}`.slice(0, 500);
    work.steps.push([condemn(wanted, why, 'it failed for a definite cause')]);
  }
  const note = `revision ${wanted.number} failed: ${failure.reason}: ${failure.message}; ${consequence(world, aim)}`;
  work.events.push({ type: 'Warning', reason: 'RolloutFailed', note });
}

function consequence(world: World, { stable, wanted }: Aim): string {
  const { baking } = world.model.status;
  const back = stable?.number === wanted.number ? baking?.previous : stable?.number;
  if (back === undefined) return 'there is no earlier revision to go back to';
  if (world.model.spec.rollout.onFailure === 'Rollback') return `going back to revision ${back}`;
  return 'left as it stands (onFailure: Pause), the old pods go on serving';
}

/** Retry: forget the verdict, and let pods that sit in a back-off start at once. */
function retryPods(world: World, wanted: Revision): Action[][] {
  const because = 'spec.rollout.action Retry';
  const stuck = world.pods.filter(
    (pod) => revisionOfPod(pod) === wanted.number && !isReady(pod) && !isTerminating(pod),
  );
  return [
    wanted.condemned === undefined ? [] : [condemn(wanted, undefined, because)],
    stuck.map((pod) => deletePod(pod, because)),
  ];
}

type ActionType = NonNullable<ReturnType<typeof pendingAction>>['type'] | undefined;

/** What came of rollout.action, for the person who asked. */
function outcomeOf({ wanted }: Goal, action: ActionType, aim: Aim, verdict: Verdict | undefined): string {
  const name = `revision ${wanted.number}`;
  const onTrial = aim.course !== undefined;
  switch (action) {
    case 'Retry':
      return `trying ${name} again`;
    case 'Abort':
      return verdict?.failure === ABORTED ? `${name} is taken back` : 'nothing was on its way that could be aborted';
    case 'Promote':
      return onTrial ? `${name} takes over` : 'nothing is on trial';
    case 'Pause':
      return onTrial ? `${name} stays as it is until Resume` : 'nothing is on trial';
    case 'Resume':
      return onTrial ? `${name} goes on` : 'nothing is on trial';
    case 'Refresh':
    case undefined:
      return name;
  }
}

/** status.lastAction once spec.rollout.action is carried out; undefined when there was none to do. */
export function doneAction(world: World, message: string): ModelDeploymentStatus['lastAction'] {
  const action = pendingAction(world);
  if (action === undefined) return undefined;
  return { type: action.type, id: action.id, time: new Date(world.now).toISOString(), message };
}

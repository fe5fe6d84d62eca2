import type { ModelDeploymentStatus } from '../api/modeldeployment.gen.ts';
import type { Action, PlannedEvent, Work } from './actions.ts';
import { type Finding, isReady, isTerminating, revisionOfPod } from './diagnose.ts';
import { deletePod } from './resolve.ts';
import type { Revision } from './revision.ts';
import { type Aim, aimAt, condemn, isComplete, judge, steer, type Steering, type Verdict } from './rollout.ts';
import type { Situation } from './situation.ts';
import { pendingAction, type Rollback, type SpecTarget } from './target.ts';
import type { World } from './world.ts';

/** What is to be served, once it is recorded in the history. */
export interface Goal {
  target: SpecTarget;
  rollback: Rollback;
  wanted: Revision;
}

/** The wanted revision itself is being rolled out, and was not proved good before. */
const isUnderWay = ({ wanted, effective }: Aim, stable: Revision | undefined): boolean =>
  wanted.number === effective.number && stable?.number !== wanted.number;

/** Moves the Deployment towards the goal and judges how that goes. */
export function pursue(world: World, work: Work, goal: Goal): Situation {
  const { wanted, rollback } = goal;
  const retry = pendingAction(world)?.type === 'Retry';
  const { aim, steering } = steerTowards(world, goal, retry);
  work.actions.push(...steering.actions, ...(retry ? retryPods(world, wanted) : []));
  work.events.push(...steering.events);

  const lastAction = doneAction(world, retry ? `trying revision ${wanted.number} again` : `revision ${wanted.number}`);
  if (lastAction !== undefined) work.events.push(actionDone(lastAction));
  const settled = steering.deployed && steering.actions.length === 0;
  const complete = settled && isComplete(world.deployment);
  // With no replicas a rollout is complete without having proved anything.
  const proved = complete && world.model.spec.replicas > 0;
  const stable = proved ? aim.effective : aim.stable;
  if (stable !== undefined && stable.number !== aim.stable?.number) work.events.push(rolledOut(stable));
  const underWay = settled && !complete && !retry && isUnderWay(aim, stable);
  const verdict = underWay ? weigh(world, aim, work) : undefined;
  return {
    kind: 'serving',
    aim: { ...aim, stable },
    rollback,
    deployed: steering.deployed,
    complete,
    finding: verdict?.finding,
    failure: verdict?.failure,
    healed: proved && aim.effective.number === wanted.number,
    lastAction,
  };
}

function steerTowards(
  world: World,
  { target, rollback, wanted }: Goal,
  retry: boolean,
): { aim: Aim; steering: Steering } {
  const aim = aimAt(world, wanted, retry);
  const steering = steer(world, aim, target, rollback);
  if (steering.forgive !== true) return { aim, steering };
  const forgiven = aimAt(world, wanted, true);
  return { aim: forgiven, steering: { ...steer(world, forgiven, target, rollback), events: steering.events } };
}

function rolledOut({ number, version, digest }: Revision): PlannedEvent {
  return {
    type: 'Normal',
    reason: 'RolloutComplete',
    note: `revision ${number} serves: version ${version}, ${digest}`,
  };
}

function actionDone({ type, id, message }: NonNullable<ModelDeploymentStatus['lastAction']>): PlannedEvent {
  return { type: 'Normal', reason: 'ActionDone', note: `${type} ${id}: ${message}` };
}

/** A failure that is remembered already is not judged again; its pods may still be told about. */
function weigh(world: World, aim: Aim, work: Work): Verdict {
  const verdict = judge(world, aim.wanted);
  if (aim.failed !== undefined) return { finding: verdict.finding, failure: undefined };
  if (verdict.requeueAfterMs !== undefined) work.requeueAfterMs.push(verdict.requeueAfterMs);
  if (verdict.failure !== undefined) giveUp(world, aim, verdict.failure, work);
  return verdict;
}

/** Records the failure first; the next pass goes back. Otherwise a crash in between would look like a person's undo. */
function giveUp(world: World, { wanted, stable }: Aim, failure: Finding, work: Work): void {
  if (failure.definite && wanted.condemned === undefined) {
    const why = `${failure.reason}: ${failure.message}`.slice(0, 500);
    work.actions.push(condemn(wanted, why, 'it failed for a definite cause'));
  }
  const note = `revision ${wanted.number} failed: ${failure.reason}: ${failure.message}; ${consequence(world, stable)}`;
  work.events.push({ type: 'Warning', reason: 'RolloutFailed', note });
}

function consequence(world: World, stable: Revision | undefined): string {
  if (stable === undefined) return 'there is no earlier revision to go back to';
  if (world.model.spec.rollout.onFailure === 'Rollback') return `going back to revision ${stable.number}`;
  return 'left as it stands (onFailure: Pause), the old pods go on serving';
}

/** Retry: forget the verdict, and let pods that sit in a back-off start at once. */
function retryPods(world: World, wanted: Revision): Action[] {
  const because = 'spec.rollout.action Retry';
  const stuck = world.pods.filter(
    (pod) => revisionOfPod(pod) === wanted.number && !isReady(pod) && !isTerminating(pod),
  );
  return [
    ...(wanted.condemned === undefined ? [] : [condemn(wanted, undefined, because)]),
    ...stuck.map((pod) => deletePod(pod, because)),
  ];
}

/** status.lastAction once spec.rollout.action is carried out; undefined when there was none to do. */
export function doneAction(world: World, message: string): ModelDeploymentStatus['lastAction'] {
  const action = pendingAction(world);
  if (action === undefined) return undefined;
  return { type: action.type, id: action.id, time: new Date(world.now).toISOString(), message };
}

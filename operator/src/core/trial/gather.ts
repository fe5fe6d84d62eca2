import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import { isReady, isTerminating, revisionOfPod } from '../diagnose.ts';
import { LABEL } from '../names.ts';
import { portionOf } from '../objects/quantity.ts';
import { isBounded } from '../resources/deployment.ts';
import { heldRevision, isComplete } from '../revisions/held.ts';
import { deadInMs } from '../health/stable.ts';
import { pendingAction } from '../targeting/target.ts';
import type { World } from '../world.ts';
import type { Course, Reach, TrialFacts } from './facts.ts';
import { takesOver } from './gate.ts';
import { routeFacts } from './routes.ts';
import { trafficOf, trafficText } from './traffic.ts';

/** What is wanted of a trial. */
export type Wish = Pick<TrialFacts, 'target' | 'stable' | 'course' | 'failed' | 'passed'>;

/** The few facts on which a trial depends, from everything that is known. Pure. */
export function gatherFacts(world: World, { target, stable, course, failed, passed }: Wish): TrialFacts {
  const { model } = world;
  const { trial } = model.status;
  const { replicas, rollout } = model.spec;
  const request = pendingAction(world)?.type;
  const pausedByUser = world.deployment?.spec?.paused === true && trial?.phase !== 'HandingOver';
  const progress = { step: trial?.step ?? 1, paused: trial?.paused === true || pausedByUser, passed };
  const dies = deadInMs(world, stable);
  return {
    now: world.now,
    trial,
    course,
    target,
    stable,
    replicas,
    main: mainOf(world),
    ...podFacts(world, stable, course),
    least: Math.max(1, replicas - portionOf(rollout.rollingUpdate.maxUnavailable, replicas, 'down')),
    ...onTrial(world),
    service: reachNow(world),
    routes: routeFacts(world, course),
    failed,
    passed,
    keepFailed: rollout.onFailure === 'Pause',
    request: request === 'Refresh' || request === 'Abort' ? undefined : request,
    pausedByUser,
    stableDead: dies === 0,
    deadInMs: dies,
    takesOver: course !== undefined && takesOver(course, progress, rollout),
  };
}

function mainOf(world: World): TrialFacts['main'] {
  const { deployment } = world;
  return {
    holds: heldRevision(world, deployment)?.number,
    paused: deployment?.spec?.paused === true,
    complete: isComplete(deployment),
    bounded: deployment === undefined || isBounded(world, deployment),
  };
}

function podFacts(world: World, stable: number, course: Course | undefined) {
  const { trial } = world.model.status;
  const text = trial === undefined || course === undefined ? undefined : trafficText(world, trial, course);
  const alive = world.pods.filter((pod) => !isTerminating(pod));
  const ready = alive.filter(isReady);
  const draining = world.pods
    .filter((pod) => isTerminating(pod) && trafficOf(pod) !== undefined)
    .map(({ metadata }) => Date.parse(String(metadata?.deletionTimestamp)))
    // One on a node that is lost is never gone, and passes nothing on.
    .filter((until) => until > world.now);
  return {
    drainUntil: draining.length === 0 ? undefined : Math.max(...draining),
    stableReady: ready.filter((pod) => revisionOfPod(pod) === stable).length,
    stableWanted: wantedOf(world, stable),
    trialReady: ready.filter((pod) => revisionOfPod(pod) === trial?.revision).length,
    othersReady: ready.filter((pod) => revisionOfPod(pod) !== stable).length,
    announced: alive.every((pod) => revisionOfPod(pod) !== (trial?.from ?? stable) || trafficOf(pod) === text),
    hushed: alive.every((pod) => trafficOf(pod) === undefined),
  };
}

/** How many pods of a revision the stable Deployment will keep: a ReplicaSet that is being narrowed still has more. */
const wantedOf = ({ deployment, replicaSets }: World, revision: number): number =>
  replicaSets
    .filter((set) => revisionOf(set) === revision && controlledBy(deployment?.metadata?.uid)(set) === true)
    .reduce((total, set) => total + (set.spec?.replicas ?? 0), 0);

function onTrial(world: World) {
  const { canary, preview, model, pods, replicaSets } = world;
  const held = Number(canary?.spec?.template.metadata?.labels?.[LABEL.revision]);
  const revision = model.status.trial?.revision ?? held;
  const sets = new Set(replicaSets.filter(controlledBy(canary?.metadata?.uid)).map(({ metadata }) => metadata?.uid));
  const own = pods.filter((pod) => pod.metadata?.ownerReferences?.some(({ uid }) => sets.has(uid)));
  const set = replicaSets.find((one) => revisionOf(one) === revision && sizeOf(one) > 0);
  const present = canary !== undefined && !isTerminating(canary);
  return {
    canary: present
      ? { revision: held, replicas: canary.spec?.replicas ?? 1, ready: own.filter(isReady).length }
      : undefined,
    remains: canary !== undefined && !present,
    preview: preview !== undefined,
    set: set === undefined ? ('none' as const) : controllerOf(world, set),
    coOwned: set?.metadata?.ownerReferences?.some(({ uid }) => uid === model.uid) === true,
    twin: twinsOf(world, revision).length > 0,
  };
}

const revisionOf = (set: IReplicaSet): number => Number(set.metadata?.labels?.[LABEL.revision]);
const sizeOf = (set: IReplicaSet): number => Math.max(set.spec?.replicas ?? 0, set.status?.replicas ?? 0);
const controlledBy = (uid: string | undefined) => (set: IReplicaSet) =>
  uid !== undefined && set.metadata?.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid);

function controllerOf({ deployment, canary }: World, set: IReplicaSet): TrialFacts['set'] {
  if (controlledBy(canary?.metadata?.uid)(set) === true) return 'canary';
  return controlledBy(deployment?.metadata?.uid)(set) === true ? 'main' : 'nobody';
}

/** Empty ReplicaSets of a revision in the stable Deployment: it would fill one of them instead of adopting another. */
export function twinsOf({ deployment, replicaSets }: World, revision: number): IReplicaSet[] {
  return replicaSets.filter(
    (set) => revisionOf(set) === revision && sizeOf(set) === 0 && controlledBy(deployment?.metadata?.uid)(set) === true,
  );
}

/** The ReplicaSet with the pods on trial. */
export function setOnTrial({ canary, replicaSets }: World): IReplicaSet | undefined {
  return replicaSets.find((set) => sizeOf(set) > 0 && controlledBy(canary?.metadata?.uid)(set) === true);
}

/** Whom the Service and the disruption budget select, when they agree. */
function reachNow({ service, disruptionBudget, model }: World): Reach | 'other' {
  const { trial, stable } = model.status;
  const reach = (labels: Record<string, string> | undefined): Reach | 'other' => {
    const revision = labels?.[LABEL.revision];
    if (revision === undefined) return 'all';
    if (revision === String(trial?.from ?? stable?.revision)) return 'stable';
    return revision === String(trial?.revision) ? 'target' : 'other';
  };
  const [first, second] = [reach(service?.spec?.selector), reach(disruptionBudget?.spec?.selector?.matchLabels)];
  return first === second ? first : 'other';
}

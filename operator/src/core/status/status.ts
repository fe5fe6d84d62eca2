import type { ConditionType, Reason } from '../../api/conditions.ts';
import type { ModelDeploymentStatus, Trial } from '../../api/modeldeployment.gen.ts';
import { makeConditions, type Judgement } from './conditions.ts';
import type { Action } from '../actions.ts';
import { type Admitted, stillAdmitted } from '../objects/admission.ts';
import { sameJson } from '../objects/covers.ts';
import { isReady, revisionOfPod } from '../diagnose.ts';
import { canaryName, LABEL, podSelector } from '../names.ts';
import { portionOf } from '../objects/quantity.ts';
import type { Revision } from '../revisions/revision.ts';
import type { FailedTarget } from '../targeting/aim.ts';
import type { Situation } from './situation.ts';
import { stableUnavailable } from '../health/stable.ts';
import { nonFiniteOf } from '../health/warmup.ts';
import type { World } from '../world.ts';
import { type Refusal, withRecordOf } from '../objects/writes.ts';

/** Mere counters and reasons of progress are written at most this often; whatever a person waits for goes at once. */
const COUNTERS_EVERY_MS = 5_000;

/**
 * @param refusals writes of this pass that were not made: after a step among them what is recorded stays as it is, and what
 * is told is of now
 * @param actions all writes of this pass
 */
export function makeStatus(
  world: World,
  situation: Situation,
  refusals: readonly Refusal[],
  actions: readonly Action[],
): ModelDeploymentStatus {
  const { model } = world;
  const previous = model.status;
  const isHeld = refusals.some(({ isStep }) => isStep);
  const trial = !isHeld && 'trial' in situation ? situation.trial : previous.trial;
  const serving = servingRevision(trial);
  const counts = countPods(world, standsIn(world, trial) ? undefined : serving);
  const failed = failedTarget(world, situation);
  const judgement: Judgement = { situation, trial, failed, refusals, ...counts };
  const conditions = makeConditions(world, judgement);
  const wanted = situation.kind === 'serving' ? situation.aim.wanted : undefined;
  const proven = situation.kind === 'serving' ? situation.aim.stable : undefined;
  const takenOver = trial !== undefined && serving === trial.revision;
  const stable = takenOver ? (wanted ?? proven) : proven;
  const deployed = situation.kind === 'serving' ? situation.deployed : previous.deployed;
  const status: ModelDeploymentStatus = {
    observedGeneration: model.generation,
    phase: phaseOf(judgement, conditions, previous),
    ready: `${counts.ready}/${model.spec.replicas}`,
    replicas: world.deployment?.status?.replicas ?? 0,
    readyReplicas: counts.ready,
    selector: Object.entries(podSelector(model.name, serving))
      .map((pair) => pair.join('='))
      .join(','),
    url: `http://${model.name}.${model.namespace}.svc/v2/models/${model.name}`,
    conditions,
  };
  const whole = withPresent(status, {
    stable: stable === undefined ? previous.stable : infoOf(stable),
    stableUnavailable: unavailable(world, trial, stable),
    target: wanted === undefined ? undefined : infoOf(wanted),
    deployed,
    revisions: remembered(world, situation, deployed, trial),
    admitted: admittedTo(world, trial, actions),
    trial,
    baking: situation.kind === 'serving' ? situation.baking : previous.baking,
    failedTarget: failed,
    lastFailure: lastFailureOf(world, situation),
    lastAction: ('lastAction' in situation ? situation.lastAction : undefined) ?? previous.lastAction,
  });
  return isHeld ? withRecordOf(previous, whole) : whole;
}

/** What is known of each revision that serves, is on trial or may be returned to. */
function remembered(
  world: World,
  situation: Situation,
  deployed: number | undefined,
  trial: Trial | undefined,
): ModelDeploymentStatus['revisions'] {
  const { revisions } = world;
  const { status } = world.model;
  const aim = situation.kind === 'serving' ? situation.aim : undefined;
  const baking = situation.kind === 'serving' ? situation.baking : status.baking;
  const known = new Map<number, NonNullable<ModelDeploymentStatus['revisions']>[number]>();
  for (const one of status.revisions ?? []) known.set(one.revision, one);
  for (const one of [...revisions, aim?.wanted]) {
    if (one === undefined) continue;
    const { number: revision, version, digest, image, recipe } = one;
    known.set(revision, { revision, version, digest, image, recipe: JSON.stringify(recipe) });
  }
  for (const [revision, one] of known) {
    const nonFinite = nonFiniteOf(world, revision);
    if (nonFinite !== undefined) known.set(revision, { ...one, nonFinite });
  }
  const stable = aim?.stable?.number ?? status.stable?.revision;
  const used = [stable, aim?.wanted.number, deployed, trial?.from, trial?.revision, baking?.previous];
  const kept = [...known.values()].filter(({ revision }) => used.includes(revision));
  return kept.length === 0 ? undefined : kept.sort((one, other) => one.revision - other.revision);
}

/** What admission made of the Deployment of a trial matters as long as there is one. */
function admittedTo(
  world: World,
  trial: Trial | undefined,
  actions: readonly Action[],
): ModelDeploymentStatus['admitted'] {
  const ofTrial = `/${canaryName(world.model.name)} `;
  const isLeft = ({ part }: Admitted): boolean =>
    trial !== undefined || world.canary !== undefined || !part.includes(ofTrial);
  const left = stillAdmitted(world, actions).filter(isLeft);
  return left.length === 0 ? undefined : left;
}

/** Everybody is reached while a canary answers for a revision of which no pod does. */
const standsIn = ({ service }: World, trial: Trial | undefined): boolean =>
  trial?.phase === 'Running' && service?.spec?.selector?.[LABEL.revision] === undefined;

function unavailable(world: World, trial: Trial | undefined, stable: Revision | undefined) {
  const number = trial?.from ?? stable?.number ?? world.model.status.stable?.revision;
  return number === undefined || isReplaced(trial) ? undefined : stableUnavailable(world, number);
}

/** The revision from before gives way, whatever becomes of its pods. */
const isReplaced = (trial: Trial | undefined): boolean =>
  trial?.phase === 'Switched' || trial?.phase === 'Promoting' || trial?.phase === 'HandingOver';

/** Adds the fields that have a value. */
function withPresent(
  status: ModelDeploymentStatus,
  fields: { [K in keyof ModelDeploymentStatus]?: ModelDeploymentStatus[K] | undefined },
): ModelDeploymentStatus {
  return { ...status, ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) };
}

const infoOf = ({ number, version, uri, digest }: Revision) => ({ revision: number, version, uri, digest });

/** The one revision that gets the requests; undefined when all pods of the model do. */
function servingRevision(trial: Trial | undefined): number | undefined {
  switch (trial?.phase) {
    case undefined:
      return undefined;
    case 'Starting':
    case 'Running':
    case 'Ending':
      return trial?.from;
    case 'Switched':
      return trial?.revision;
    case 'Promoting':
    case 'HandingOver':
      return trial?.weight === 100 ? trial.revision : undefined;
  }
}

function countPods(world: World, serving: number | undefined) {
  const { replicas, rollout } = world.model.spec;
  const ready = world.pods.filter(
    (pod) => isReady(pod) && (serving === undefined || revisionOfPod(pod) === serving),
  ).length;
  const least = Math.max(1, replicas - portionOf(rollout.rollingUpdate.maxUnavailable, replicas, 'down'));
  return { ready, available: ready >= least };
}

function failedTarget(world: World, situation: Situation): FailedTarget | undefined {
  if (situation.kind !== 'serving') return situation.kind === 'resolving' ? undefined : world.model.status.failedTarget;
  const { aim, failure, healed } = situation;
  if (healed) return undefined;
  if (failure === undefined) return aim.failed;
  const { reason, definite } = failure;
  return { revision: aim.wanted.number, reason, definite, time: new Date(world.now).toISOString() };
}

/** The last failure stays when its pods are gone; the same one is not rewritten for other words. */
function lastFailureOf(world: World, situation: Situation): ModelDeploymentStatus['lastFailure'] {
  const previous = world.model.status.lastFailure;
  const finding =
    'finding' in situation
      ? ((situation.kind === 'serving' ? situation.failure : undefined) ?? situation.finding)
      : undefined;
  if (finding === undefined) return previous;
  const revision = situation.kind === 'serving' ? situation.aim.wanted.number : undefined;
  const final = situation.kind === 'serving' && situation.failure !== undefined;
  // What a resolver says does not vary from try to try; other words mean another address.
  const sameWords = revision !== undefined || previous?.message === finding.message;
  if (!final && previous?.reason === finding.reason && previous.revision === revision && sameWords) return previous;
  const { pod, container, exitCode, reason, message } = finding;
  return {
    ...(revision === undefined ? {} : { revision }),
    ...(pod === undefined ? {} : { pod }),
    ...(container === undefined ? {} : { container }),
    reason,
    ...(exitCode === undefined ? {} : { exitCode }),
    message,
  };
}

type Conditions = NonNullable<ModelDeploymentStatus['conditions']>;

function phaseOf(judgement: Judgement, conditions: Conditions, previous: ModelDeploymentStatus): string {
  const { situation, trial, failed, ready, available } = judgement;
  const is = (type: ConditionType): boolean => conditions.find((c) => c.type === type)?.status === 'True';
  const reason = (type: ConditionType): Reason | undefined =>
    conditions.find((c) => c.type === type)?.reason as Reason | undefined;
  if (reason('Ready') === 'ScaledToZero') return 'Stopped';
  if (failed !== undefined) {
    const wentBack = situation.kind === 'serving' && situation.aim.effective.number !== situation.aim.wanted.number;
    const kept = trial !== undefined && trial.phase !== 'Ending';
    return wentBack && !kept ? 'RolledBack' : 'Failed';
  }
  if (is('Stalled')) return 'Failed';
  if (reason('Ready') === 'PausedByUser') return 'Paused';
  if (trial !== undefined && trial.phase !== 'Ending') return 'Trial';
  if (is('Ready'))
    return situation.kind === 'serving' && situation.rollback.kind === 'active' && situation.rollback.pinned
      ? 'Pinned'
      : 'Ready';
  if (!is('Progressing') && isShort(judgement, previous)) return 'Degraded';
  return available || ready > 0 ? 'Progressing' : 'Pending';
}

/** Phases in which the pods that were promised need not have answered yet. */
const UNPROVED: readonly (string | undefined)[] = [undefined, 'Pending', 'Progressing', 'Stopped'];

/** Pods are missing that answered before: those of a scale-up never did, and a target on its way takes none away. */
function isShort({ situation, ready, available }: Judgement, previous: ModelDeploymentStatus): boolean {
  if (situation.kind === 'resolving' && available) return false;
  const wasAvailable = previous.conditions?.find(({ type }) => type === 'Available')?.status === 'True';
  if (wasAvailable && !available && ready < (previous.readyReplicas ?? 0)) return true;
  const promised = Number(previous.ready?.split('/')[1] ?? 0);
  return previous.phase === 'Degraded' || (!UNPROVED.includes(previous.phase) && ready < promised);
}

/** Whether the status has to be written now; `waitMs` when what changed may wait. */
export function statusDue(world: World, next: ModelDeploymentStatus): { due: boolean; waitMs?: number } {
  const { status } = world.model;
  if (sameJson(withoutRevisions(next), withoutRevisions(status))) return { due: false };
  if (!sameJson(essence(next), essence(status)) || world.statusWrittenAt === undefined) {
    return { due: true };
  }
  const waitMs = world.statusWrittenAt + COUNTERS_EVERY_MS - world.now;
  return waitMs > 0 ? { due: false, waitMs } : { due: true };
}

/** They change with what uses them; that an older operator has not written them is no reason to write. */
const withoutRevisions = ({ revisions: _, ...status }: ModelDeploymentStatus): ModelDeploymentStatus => status;

/** Conditions that somebody may be waiting for; the others may lag behind by some seconds. */
const URGENT: readonly ConditionType[] = ['Ready', 'RolledBack', 'Stalled'];

/** What is told by an event when it begins, and must not be told again. */
const URGENT_REASONS: readonly Reason[] = [
  'GatewayAPIUnavailable',
  'HTTPRouteUnusable',
  'PodsRefused',
  'WriteRefused',
  'WriteFailed',
  'NonFiniteWarmup',
];

/** The status without counters, words and reasons of progress. */
function essence(status: ModelDeploymentStatus): unknown {
  const {
    ready: _ready,
    replicas: _replicas,
    readyReplicas: _readyReplicas,
    conditions,
    lastFailure,
    trial,
    revisions: _revisions,
    ...rest
  } = status;
  const reasons = conditions?.map(({ reason }) => reason).filter((reason) => URGENT_REASONS.includes(reason as Reason));
  const onTrial = trial === undefined ? undefined : { ...trial, verdict: trial.verdict?.result };
  // That pods begin to answer is a matter of counters as well.
  const phase = rest.phase === 'Pending' ? 'Progressing' : rest.phase;
  const statuses = URGENT.map((type) => conditions?.find((c) => c.type === type)?.status);
  return {
    ...rest,
    phase,
    trial: onTrial,
    statuses,
    reasons,
    lastFailure: lastFailure?.reason,
    failedRevision: lastFailure?.revision,
  };
}

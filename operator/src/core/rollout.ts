import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IPod } from 'kubernetes-models/v1';
import type { ModelDeploymentStatus } from '../api/modeldeployment.gen.ts';
import type { Action, PlannedEvent } from './actions.ts';
import { covers } from './covers.ts';
import { type Finding, diagnose, revisionOfPod } from './diagnose.ts';
import { ANNOTATION, LABEL } from './names.ts';
import { makeDeployment, patchDeployment } from './resources/deployment.ts';
import type { Revision } from './revision.ts';
import type { Rollback, SpecTarget } from './target.ts';
import type { World } from './world.ts';

export type FailedTarget = NonNullable<ModelDeploymentStatus['failedTarget']>;

/** What is to be rolled out, and what is known about it. */
export interface Aim {
  /** The revision that spec.model asks for, or spec.rollbackTo instead. */
  wanted: Revision;
  /** The revision the Deployment should hold: `wanted`, or the last good one when `wanted` failed. */
  effective: Revision;
  /** The last revision that was rolled out completely. */
  stable: Revision | undefined;
  /** The failure of `wanted` that is remembered. */
  failed: FailedTarget | undefined;
}

/** Failure memory belongs to a target: it counts only while the same revision is wanted. */
export function aimAt(world: World, wanted: Revision, forgive: boolean): Aim {
  const { status, spec } = world.model;
  const stable = world.revisions.find(({ number }) => number === status.stable?.revision);
  const failed = !forgive && status.failedTarget?.revision === wanted.number ? status.failedTarget : undefined;
  const goBack = failed !== undefined && spec.rollout.onFailure === 'Rollback' && stable !== undefined;
  return { wanted, effective: goBack ? stable : wanted, stable, failed };
}

/** Which revision a live Deployment holds: `undefined` when its template is none that was recorded. */
export function heldRevision(deployment: IDeployment, revisions: readonly Revision[]): Revision | undefined {
  const template = deployment.spec?.template;
  const number = Number(template?.metadata?.labels?.[LABEL.revision]);
  const recorded = revisions.find((revision) => revision.number === number);
  return recorded !== undefined && covers(template, recorded.template) ? recorded : undefined;
}

/** The rollout of what the Deployment holds is complete: every wanted pod is of it, ready, and no other is left. */
export function isComplete(deployment: IDeployment | undefined): boolean {
  const { status } = deployment ?? {};
  const wanted = deployment?.spec?.replicas ?? 1;
  const seen = (status?.observedGeneration ?? 0) >= (deployment?.metadata?.generation ?? 0);
  const counts = [status?.updatedReplicas, status?.replicas, status?.availableReplicas];
  return deployment !== undefined && seen && counts.every((count) => (count ?? 0) === wanted);
}

export interface Steering {
  actions: Action[];
  events: PlannedEvent[];
  /** The Deployment holds `effective` after these actions. */
  deployed: boolean;
  /** Somebody undid to the failed target: it is to be tried again. */
  forgive?: boolean;
}

/**
 * Brings the Deployment to `effective`, or understands that a person has moved it. `status.deployed` is what we wrote
 * last: when the Deployment holds something else although that is still wanted, somebody else changed it.
 */
export function steer(world: World, aim: Aim, target: SpecTarget, rollback: Rollback): Steering {
  const { model, deployment, revisions } = world;
  const { effective } = aim;
  if (deployment === undefined) {
    const object = makeDeployment(model, model.spec, effective);
    const because = `serving revision ${effective.number}`;
    return { actions: [{ do: 'create', kind: 'Deployment', object, because }], events: started(aim), deployed: true };
  }
  const held = heldRevision(deployment, revisions);
  if (held?.number === effective.number) {
    return { actions: followSettings(world), events: [], deployed: true };
  }
  if (model.status.deployed !== effective.number) {
    return { actions: patch(world, effective, rolloutReason(aim)), events: started(aim), deployed: true };
  }
  return byHand(world, aim, target, rollback, held);
}

/** A person changed the template: an undo is adopted or taken back by policy, never silently. */
function byHand(world: World, aim: Aim, target: SpecTarget, rollback: Rollback, held: Revision | undefined): Steering {
  const { model } = world;
  if (held === undefined) {
    const why = `the pod template of deployment/${model.name} was changed by hand; revision ${aim.effective.number} is put back (change spec.server or spec.model instead)`;
    return takeBack(world, aim, 'ManualEditReverted', why);
  }
  const undo = `kubectl rollout undo to revision ${held.number}`;
  const objection = objectionTo(held, world, rollback);
  if (objection !== undefined)
    return takeBack(world, aim, 'ManualUndoReverted', `${undo} was taken back, ${objection}`);
  if (held.number === aim.wanted.number && aim.failed !== undefined) {
    return { actions: [], events: adopted(`${undo} tries the failed revision again`), deployed: true, forgive: true };
  }
  // The spec's own revision is still being resolved under another rollback: look again when its number is known.
  if (target.kind !== 'existing') return { actions: [], events: [], deployed: false };
  const from = target.revision.number;
  const isTarget = from === held.number;
  const note = isTarget
    ? `${undo} adopted: spec.rollbackTo is removed`
    : `${undo} adopted: spec.rollbackTo now says revision ${held.number} instead of ${from}, until spec.model changes`;
  const action: Action = {
    do: 'rollbackTo',
    value: isTarget ? undefined : { revision: held.number, from },
    deploymentVersion: world.deployment?.metadata?.resourceVersion ?? '',
    because: note,
  };
  return { actions: [action], events: adopted(note), deployed: false };
}

const adopted = (note: string): PlannedEvent[] => [{ type: 'Normal', reason: 'ManualUndoAdopted', note }];

function takeBack(world: World, aim: Aim, reason: 'ManualUndoReverted' | 'ManualEditReverted', why: string): Steering {
  return {
    actions: patch(world, aim.effective, why),
    events: [{ type: 'Warning', reason, note: why }],
    deployed: true,
  };
}

/** Why an undo to this revision cannot stand, in words; undefined when it can. */
function objectionTo(held: Revision, { model }: World, rollback: Rollback): string | undefined {
  if (held.condemned !== undefined) {
    return `because that revision failed: ${held.condemned}; to try it again set spec.rollout.action to Retry`;
  }
  if (model.spec.rollout.onManualUndo === 'Revert') return 'because spec.rollout.onManualUndo is Revert';
  if (rollback.kind === 'active' && !model.ownsRollbackTo) {
    return `because spec.rollbackTo holds revision ${rollback.revision.number}; change or remove it instead`;
  }
  return undefined;
}

/** Replicas, bounds and deadlines follow the spec at any time, whatever revision serves. */
export const followSettings = (world: World): Action[] => patch(world, undefined, 'its settings follow the spec');

function patch(world: World, revision: Revision | undefined, because: string): Action[] {
  if (world.deployment === undefined) return [];
  const operations = patchDeployment(world.deployment, world.model.spec, revision);
  return operations.length === 0
    ? []
    : [{ do: 'patch', kind: 'Deployment', name: world.model.name, operations, because }];
}

function rolloutReason({ wanted, effective, failed }: Aim): string {
  return effective.number === wanted.number
    ? `rolling out revision ${wanted.number}`
    : `revision ${wanted.number} failed (${failed?.reason}), going back to revision ${effective.number}`;
}

function started(aim: Aim): PlannedEvent[] {
  const { effective, wanted } = aim;
  const note = `${rolloutReason(aim)}: version ${effective.version}, ${effective.digest}`;
  return [
    effective.number === wanted.number
      ? { type: 'Normal', reason: 'RolloutStarted', note }
      : { type: 'Warning', reason: 'RolledBack', note },
  ];
}

export interface Verdict {
  /** What ails the pods of the wanted revision now. */
  finding: Finding | undefined;
  /** Set when the wanted revision is given up now. */
  failure: Finding | undefined;
  /** When to look again for the deadline. */
  requeueAfterMs?: number;
}

/** Judges a rollout that is under way: a definite cause fails it at once, a passing one at the deadline. */
export function judge(world: World, wanted: Revision): Verdict {
  const finding = diagnose(world.pods, world.replicaSets, wanted.number);
  if (finding?.definite === true) return { finding, failure: finding };
  if (world.deployment?.spec?.paused === true || world.model.spec.replicas === 0)
    return { finding, failure: undefined };
  const { progressDeadlineSeconds } = world.model.spec.rollout;
  const waitMs = lastAdvance(world, wanted.number) + progressDeadlineSeconds * 1000 - world.now;
  if (waitMs > 0) return { finding, failure: undefined, requeueAfterMs: waitMs };
  const message = `nothing advanced for ${progressDeadlineSeconds} s`;
  const failure: Finding =
    finding === undefined
      ? { reason: 'ProgressDeadlineExceeded', message, definite: false }
      : { ...finding, message: `${message}; ${finding.message}` };
  return { finding, failure };
}

/** Last sign of life of a rollout. While a fetcher runs that is now: it gives up by itself when its download stalls. */
function lastAdvance(world: World, revision: number): number {
  const { deployment, now } = world;
  const progressing = deployment?.status?.conditions?.find(({ type }) => type === 'Progressing');
  const pods = world.pods.filter((pod) => revisionOfPod(pod) === revision);
  const fetching = pods.some((pod) =>
    pod.status?.initContainerStatuses?.some(({ state }) => state?.running !== undefined),
  );
  const times = [progressing?.lastUpdateTime ?? deployment?.metadata?.creationTimestamp, ...pods.flatMap(signsOfLife)];
  return Math.max(
    fetching ? now : 0,
    ...times.map((time) => Date.parse(String(time))).filter((ms) => !Number.isNaN(ms)),
  );
}

/** When a pod was made and when its containers started for the first time; a restart is no advance. */
function signsOfLife(pod: IPod): unknown[] {
  const first = (pod.status?.containerStatuses ?? []).filter(({ restartCount }) => restartCount === 0);
  return [pod.metadata?.creationTimestamp, ...first.map(({ state }) => state?.running?.startedAt)];
}

/** Marks (or, undefined, clears) in the history that a revision failed for good. */
export function condemn(revision: Revision, why: string | undefined, because: string): Action {
  const path = `/metadata/annotations/${ANNOTATION.condemned.replace('/', '~1')}`;
  return {
    do: 'patch',
    kind: 'ControllerRevision',
    name: revision.name,
    operations: [why === undefined ? { op: 'remove', path } : { op: 'add', path, value: why }],
    because,
  };
}

import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IPod } from 'kubernetes-models/v1';
import type { Action } from './actions.ts';
import { areAllReady, containerOf, isLeftOver, isRunning } from './health/containers.ts';
import { type Finding, diagnose, isReady, isTerminating, revisionOfPod } from './diagnose.ts';
import { ANNOTATION, LABEL } from './names.ts';
import type { Revision } from './revisions/revision.ts';
import type { World } from './world.ts';

/** What is known against a revision that is on its way. */
export interface Verdict {
  /** What ails the pods of the wanted revision now. */
  finding: Finding | undefined;
  /** Set when the wanted revision is given up now. */
  failure: Finding | undefined;
  /** When to look again for the deadline. */
  requeueAfterMs?: number;
}

/**
 * Judges a rollout or a trial that is under way, by the Deployment that brings its pods up: a definite cause fails it at
 * once, a passing one at the deadline.
 */
export function judge(world: World, wanted: Revision, deployment: IDeployment | undefined): Verdict {
  const finding = diagnose(world.pods, world.replicaSets, wanted.number);
  if (finding?.definite === true) return { finding, failure: finding };
  const standsStill = deployment?.spec?.paused === true || world.model.spec.replicas === 0;
  if (standsStill || hasAll(world, wanted, deployment)) return { finding, failure: undefined };
  const { progressDeadlineSeconds } = world.model.spec.rollout;
  const waitMs = lastAdvance(world, wanted.number, deployment) + progressDeadlineSeconds * 1000 - world.now;
  if (waitMs > 0) return { finding, failure: undefined, requeueAfterMs: waitMs };
  const message = `nothing advanced for ${progressDeadlineSeconds} s`;
  const failure: Finding =
    finding === undefined
      ? { reason: 'ProgressDeadlineExceeded', message, definite: false }
      : { ...finding, message: `${message}; ${finding.message}` };
  return { finding, failure };
}

/** Every pod that the trial needs answers: it may last as long as it likes. */
function hasAll({ pods, canary }: World, { number }: Revision, deployment: IDeployment | undefined): boolean {
  if (deployment === undefined || deployment !== canary) return false;
  const ready = pods.filter((pod) => revisionOfPod(pod) === number && isReady(pod));
  return ready.length >= (canary.spec?.replicas ?? 1);
}

/**
 * Last sign of life of a rollout. That is now while a fetcher runs, which gives up by itself when its download stalls, and
 * while no pod is there that does not answer: a revision is not to blame for pods that were deleted, evicted or lost with
 * their node, and has its whole deadline again when new ones are made.
 */
function lastAdvance(world: World, revision: number, deployment: IDeployment | undefined): number {
  const { pods: all, now, model } = world;
  const progressing = deployment?.status?.conditions?.find(({ type }) => type === 'Progressing');
  const pods = all.filter((pod) => revisionOfPod(pod) === revision);
  const fetching = pods.some((pod) => isRunning(pod, 'fetch'));
  const { trial, conditions } = model.status;
  // The Deployment's own time is that of the rollout before until its controller has come as far as we.
  const begun = conditions?.find(({ type }) => type === 'Progressing');
  const times = [
    progressing?.lastUpdateTime ?? deployment?.metadata?.creationTimestamp,
    begun?.status === 'True' ? begun.lastTransitionTime : new Date(now).toISOString(),
    trial?.revision === revision ? trial.since : undefined,
    ...refusals(world, revision),
    ...pods.flatMap(signsOfLife),
  ];
  return Math.max(
    fetching || !isItsTurn(world, revision, deployment) ? now : 0,
    ...times.map((time) => Date.parse(String(time))).filter((ms) => !Number.isNaN(ms)),
  );
}

/** Pods of it do not answer, or cannot be made. All else is the turn of others: of the operator, of controllers, of a node. */
function isItsTurn(world: World, revision: number, deployment: IDeployment | undefined): boolean {
  const waits = (pod: IPod): boolean =>
    revisionOfPod(pod) === revision && isThere(pod) && !isReady(pod) && !isCutOff(pod);
  return world.pods.some(waits) || refusals(world, revision).length > 0 || cannotMake(deployment);
}

/** An evicted pod is left behind as it ended. */
const isThere = (pod: IPod): boolean => !isTerminating(pod) && !isLeftOver(pod);

/** Since when the API server has refused pods. */
const refusals = ({ replicaSets }: World, revision: number): unknown[] =>
  replicaSets
    .filter(({ metadata }) => Number(metadata?.labels?.[LABEL.revision]) === revision)
    .flatMap(({ status }) => status?.conditions ?? [])
    .filter(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True')
    .map(({ lastTransitionTime }) => lastTransitionTime);

/** Not even a ReplicaSet can be made. */
const cannotMake = (deployment: IDeployment | undefined): boolean =>
  (deployment?.status?.conditions ?? []).some(({ reason }) => reason === 'ReplicaSetCreateError');

/** Its node does not report: the kubelet said last that every container is ready, and the pod is said not to be. */
function isCutOff(pod: IPod): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  // A gate that somebody injected has not opened.
  if (ready?.status === 'True' || ready?.reason === 'ReadinessGatesNotReady') return false;
  return areAllReady(pod);
}

/** When a pod was made, its server started for the first time (a restart is no advance), or it ceased to answer. */
function signsOfLife(pod: IPod): unknown[] {
  const server = containerOf(pod, 'server');
  const started = server?.restartCount === 0 ? server.state?.running?.startedAt : undefined;
  const answered = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
  return [pod.metadata?.creationTimestamp, started, answered];
}

/** Crashes of the revision that was rolled out last still count against it for a while. */
export function judgeBaking(world: World, wanted: Revision): Finding | undefined {
  const { baking } = world.model.status;
  if (baking?.revision !== wanted.number || world.now >= Date.parse(baking.until)) return undefined;
  const finding = diagnose(world.pods, [], wanted.number);
  return finding?.definite === true ? finding : undefined;
}

/** Writes (or, undefined, removes) a note in the history. */
function note(revision: Revision, annotation: string, value: string | undefined, because: string): Action {
  const path = `/metadata/annotations/${annotation.replace('/', '~1')}`;
  return {
    do: 'patch',
    kind: 'ControllerRevision',
    name: revision.name,
    operations: [value === undefined ? { op: 'remove', path } : { op: 'add', path, value }],
    because,
  };
}

/** Marks (or, undefined, clears) in the history that a revision failed for good. */
export const condemn = (revision: Revision, why: string | undefined, because: string): Action =>
  note(revision, ANNOTATION.condemned, why, because);

/** Marks in the history that a revision has served. */
export const noteServed = (revision: Revision, now: number): Action =>
  note(revision, ANNOTATION.served, new Date(now).toISOString(), 'it has served');

/** Keeps in the history what the analysis of a trial came to. */
export const noteVerdict = (revision: Revision, verdict: string): Action =>
  note(revision, ANNOTATION.verdict, verdict.slice(0, 1000), 'its trial is judged');

import { FAILURE, type FailureReason, parseTerminationMessage } from '@modeldeployment/modelpack/contract';
import type { IPod } from 'kubernetes-models/v1';
import type { Action } from '../actions.ts';
import { containerOf, isLeftOver } from '../health/containers.ts';
import { type Finding, diagnosePod, isTerminating } from '../diagnose.ts';
import { ANNOTATION, LABEL, resolverName } from '../names.ts';
import { makeResolver } from '../resources/resolver.ts';
import type { SpecTarget } from './target.ts';
import type { World } from '../world.ts';

/** Where the resolving of a tag stands. */
export interface Resolution {
  digest?: string;
  /** What went wrong so far; the attempt may still run. */
  finding?: Finding;
  /** The pod of the next attempt, to be made now. */
  attempt?: Action;
  requeueAfterMs?: number;
}

/** Pause before attempt n+1: 10 s, doubled each time, at most 5 min. Also for a model that does not exist: it may be pushed yet. */
const backoffMs = (attempt: number): number => Math.min(10_000 * 2 ** (attempt - 1), 300_000);

/** Resolves the target's tag by a short-lived pod; all its state is in that pod, so a restart of the operator loses none. */
export function resolve(world: World, target: SpecTarget & { kind: 'new' }, retryNow: boolean): Resolution {
  if (target.digest !== undefined) return { digest: target.digest };
  const { uri } = target.recipe.model;
  const pods = world.resolvers.filter((pod) => pod.metadata?.labels?.[LABEL.recipe] === target.hash);
  const last = Math.max(0, ...pods.map(attemptOf));
  const pod = pods.find((candidate) => !isTerminating(candidate) && attemptOf(candidate) === last);
  if (pod === undefined) {
    return { attempt: createResolver(world, target, last + 1, `resolving ${uri} to a digest`) };
  }
  const report = parseTerminationMessage(end(pod)?.message);
  if (report !== undefined && 'digest' in report) return { digest: report.digest };
  const finding = findingOf(pod, uri);
  const ended = isLeftOver(pod) || end(pod) !== undefined;
  if (!ended) {
    const told = finding ?? (last > 1 ? toldBefore(world, target.hash) : undefined);
    return told === undefined ? {} : { finding: told };
  }
  const failed = finding ?? NO_ANSWER;
  const waitMs = retryNow ? 0 : endedAt(pod) + backoffMs(last) - world.now;
  if (waitMs > 0) return { finding: failed, requeueAfterMs: waitMs };
  return { finding: failed, attempt: createResolver(world, target, last + 1, `attempt ${last + 1} to resolve ${uri}`) };
}

/** While another attempt runs, what stopped the one before it still is what there is to tell. */
function toldBefore({ model }: World, hash: string): Finding | undefined {
  const { lastFailure } = model.status;
  const ofThisTarget = lastFailure?.pod?.startsWith(resolverName(model.name, hash, '')) === true;
  if (lastFailure?.reason === undefined || !ofThisTarget) return undefined;
  const reason = lastFailure.reason as Finding['reason'];
  const definite = Object.hasOwn(FAILURE, reason) && FAILURE[reason as FailureReason].definite;
  return { reason, message: lastFailure.message ?? '', definite };
}

const NO_ANSWER: Finding = { reason: 'SourceUnavailable', message: 'the resolver gave no answer', definite: false };

const endedAt = (pod: IPod): number => Date.parse(String(end(pod)?.finishedAt ?? pod.metadata?.creationTimestamp));

/** Deletes resolver pods whose answer is no longer needed: all but the last attempt of the recipe that is. */
export function dropResolvers({ resolvers }: World, needed: string | undefined): Action[] {
  const isOfNeeded = (pod: IPod): boolean => pod.metadata?.labels?.[LABEL.recipe] === needed;
  const last = Math.max(0, ...resolvers.filter(isOfNeeded).map(attemptOf));
  return resolvers
    .filter((pod) => !(isOfNeeded(pod) && attemptOf(pod) === last) && !isTerminating(pod))
    .map((pod) => deletePod(pod, 'its answer is no longer needed'));
}

/** Deletes those that have told what was to be found out. */
export const dropAnswered = ({ resolvers }: World, hash: string): Action[] =>
  resolvers
    .filter((pod) => pod.metadata?.labels?.[LABEL.recipe] === hash && end(pod) !== undefined && !isTerminating(pod))
    .map((pod) => deletePod(pod, 'its answer is recorded'));

function createResolver(world: World, target: SpecTarget & { kind: 'new' }, attempt: number, because: string): Action {
  const { recipe, hash } = target;
  const object = makeResolver(world.model, { recipe, hash, attempt }, world.settings);
  return { do: 'create', kind: 'Pod', object, because };
}

export function deletePod(pod: IPod, because: string): Action {
  return { do: 'delete', kind: 'Pod', name: pod.metadata?.name ?? '', uid: pod.metadata?.uid ?? '', because };
}

const attemptOf = (pod: IPod): number => Number(pod.metadata?.annotations?.[ANNOTATION.attempt] ?? 1);

/** How the resolver ended; beside it may run what others put into the pod. */
const end = (pod: IPod) => containerOf(pod, 'resolve')?.state?.terminated;

function findingOf(pod: IPod, uri: string): Finding | undefined {
  if (pod.status?.reason === 'DeadlineExceeded') {
    const message = `resolving ${uri} took more than ${pod.spec?.activeDeadlineSeconds} s; is there room for a pod, and does its image come?`;
    return { reason: 'SourceUnavailable', message, definite: false, pod: pod.metadata?.name ?? '' };
  }
  return diagnosePod(pod);
}

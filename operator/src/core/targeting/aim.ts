import type { ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import { heldRevision } from '../revisions/held.ts';
import type { Revision } from '../revisions/revision.ts';
import { isBlank, servedUnknown } from '../revisions/restore.ts';
import type { Rollback } from './target.ts';
import { deadInMs } from '../health/stable.ts';
import { courseOf } from '../trial/course.ts';
import type { Course } from '../trial/facts.ts';
import { takesOver } from '../trial/gate.ts';
import type { World } from '../world.ts';

export type FailedTarget = NonNullable<ModelDeploymentStatus['failedTarget']>;

/** What is to be rolled out, and what is known about it. */
export interface Aim {
  /** The revision that spec.model asks for, or spec.rollbackTo instead. */
  wanted: Revision;
  /** The revision the Deployment should hold: `wanted`, or the last good one while `wanted` is on trial or has failed. */
  effective: Revision;
  /** The last revision that was rolled out completely; what one goes back to. */
  stable: Revision | undefined;
  /** The failure of `wanted` that is remembered. */
  failed: FailedTarget | undefined;
  /** How `wanted` is to be tried before it is rolled out; undefined: not at all. */
  course: Course | undefined;
}

/** The revision that serves, or that did before the one on trial took the requests over. */
export function stableRevision(world: World): Revision | undefined {
  const { model, revisions } = world;
  const { trial, stable } = model.status;
  const number = trial?.from ?? stable?.revision;
  return number === undefined ? servedUnknown(world) : revisions.find((revision) => revision.number === number);
}

/** Failure memory belongs to a target: it counts only while the same revision is wanted. */
export function aimAt(world: World, wanted: Revision, rollback: Rollback, forgive: boolean): Aim {
  const stable = stableRevision(world);
  const failed = forgive ? undefined : failureOf(world, wanted, stable);
  const course =
    failed === undefined && stable !== undefined && rollback.kind !== 'active'
      ? courseFor(world, wanted, stable)
      : undefined;
  const aim = { wanted, stable, failed, course };
  return { ...aim, effective: effectiveOf(world, aim) };
}

/** A status that was wiped has forgotten it; the history has not, if it was for a definite cause. */
function failureOf({ model, now }: World, wanted: Revision, stable: Revision | undefined): FailedTarget | undefined {
  const { failedTarget } = model.status;
  if (failedTarget?.revision === wanted.number) return failedTarget;
  const { number: revision, condemned } = wanted;
  if (!isBlank(model.status) || condemned === undefined || stable === undefined || stable === wanted) return undefined;
  const [reason = ''] = condemned.split(':');
  return { revision, reason, definite: true, time: new Date(now).toISOString() };
}

function effectiveOf(
  { model, revisions }: World,
  { wanted, stable, failed, course }: Omit<Aim, 'effective'>,
): Revision {
  const { trial, deployed } = model.status;
  // The hand-over is brought to its end first, whatever is wanted meanwhile.
  if (trial?.phase === 'HandingOver') return revisions.find(({ number }) => number === trial.revision) ?? wanted;
  if (stable === undefined) return wanted;
  if (failed !== undefined) {
    const stays = model.spec.rollout.onFailure === 'Pause' && deployed === wanted.number;
    return stays ? wanted : stable;
  }
  return course === undefined ? wanted : stable;
}

/** A trial compares with what serves; where nothing serves, or `wanted` is known, or is there already, there is none. */
function courseFor(world: World, wanted: Revision, stable: Revision): Course | undefined {
  const { status, spec } = world.model;
  const onTrial = status.trial?.revision === wanted.number;
  if (wanted.number === stable.number || status.deployed === wanted.number) return undefined;
  // Moved by hand, or by us before the status was written: it is being rolled out.
  if (heldRevision(world, world.deployment)?.number === wanted.number) return undefined;
  if (!onTrial && wanted.served && spec.rollout.knownRevisions === 'Direct') return undefined;
  const strategy = onTrial ? (status.trial?.strategy ?? spec.rollout.strategy) : spec.rollout.strategy;
  const course = courseOf({ ...spec, rollout: { ...spec.rollout, strategy } });
  return course === undefined || (!onTrial && isSkipped(world, course, stable)) ? undefined : course;
}

/** What serves is dead, and must not hold up a healthy target; a gate of a person's does. */
function isSkipped(world: World, course: Course, { number }: Revision): boolean {
  const { rollout } = world.model.spec;
  const unheld = {
    step: 1,
    paused: world.deployment?.spec?.paused === true,
    passed: rollout.analysis.minRequests === 0,
  };
  return deadInMs(world, number) === 0 && takesOver(course, unheld, rollout);
}

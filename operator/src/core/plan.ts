import type { Reason } from '../api/conditions.ts';
import type { Trial } from '../api/modeldeployment.gen.ts';
import type { Action, ChildObject, Plan, Work } from './actions.ts';
import { makeDisruptionBudget, makeService, makeServiceAccount } from './resources/children.ts';
import { LABEL } from './names.ts';
import { covers } from './covers.ts';
import type { Finding } from './diagnose.ts';
import { doneAction, pursue } from './pursue.ts';
import { followSettings } from './steer.ts';
import { stableRevision } from './aim.ts';
import { pursueTrial } from './trial/trial.ts';
import { dropResolvers, resolve, type Resolution } from './resolve.ts';
import { makeTemplate } from './resources/template.ts';
import { makeRevision, readRevision, type Revision } from './revision.ts';
import type { Situation } from './situation.ts';
import { makeStatus, statusDue } from './status.ts';
import { nextNumber, pendingAction, type Rollback, rollbackOf, type SpecTarget, specTarget } from './target.ts';
import type { World } from './world.ts';

/**
 * The one function to read first: what to do about one ModelDeployment, given everything that is known. Pure; the same
 * world gives the same plan, and a settled world an empty one.
 *
 *   children ─► which revision? ─► (resolve its digest) ─► record it ─► steer the Deployment ─► judge ─► status
 */
export function plan(world: World): Plan {
  const work: Work = { actions: ensureChildren(world), events: [], requeueAfterMs: [] };
  const situation = decide(world, work);
  work.actions.push(...prune(world, situation));
  const status = makeStatus(world, situation);
  // A status about a spec that these actions change would be refused as stale; the change wakes the next pass.
  const respecified = work.actions.some((action) => action.do === 'rollbackTo');
  const { due, waitMs } = respecified ? { due: false } : statusDue(world, status);
  if (waitMs !== undefined) work.requeueAfterMs.push(waitMs);
  return {
    actions: work.actions,
    status: due ? status : undefined,
    events: work.events,
    ...(work.requeueAfterMs.length === 0 ? {} : { requeueAfterMs: Math.max(0, Math.min(...work.requeueAfterMs)) }),
  };
}

/** How long a name that belongs to somebody else is left alone. */
const CONFLICT_RETRY_MS = 15_000;

function decide(world: World, work: Work): Situation {
  if (world.conflict !== undefined) {
    work.actions.length = 0;
    const told = world.model.status.conditions?.some(({ reason }) => reason === 'NameConflict') === true;
    if (!told) work.events.push({ type: 'Warning', reason: 'NameConflict', note: world.conflict });
    work.requeueAfterMs.push(CONFLICT_RETRY_MS);
    return { kind: 'conflict', message: world.conflict };
  }
  const action = pendingAction(world);
  const retry = action?.type === 'Retry';
  const target = specTarget(world);
  const rollback = rollbackOf(world, target);
  work.actions.push(...dropSpentRollback(world, rollback, work));
  if (rollback.kind === 'missing') {
    return { kind: 'missing', message: rollback.message, rollback, trial: carryOn(world, work) };
  }

  let resolution: Resolution | undefined;
  let wanted: Revision | undefined;
  if (rollback.kind === 'active') wanted = rollback.revision;
  else if (target.kind === 'existing') wanted = target.revision;
  else {
    resolution = resolve(world, target, retry);
    work.actions.push(...resolution.actions);
    if (resolution.requeueAfterMs !== undefined) work.requeueAfterMs.push(resolution.requeueAfterMs);
    if (resolution.digest !== undefined) wanted = record(world, target, resolution.digest, work);
  }
  work.actions.push(...dropResolvers(world, target, wanted !== undefined));
  if (wanted === undefined) {
    announceResolveFailure(world, resolution?.finding, work);
    return {
      kind: 'resolving',
      finding: resolution?.finding,
      rollback,
      trial: carryOn(world, work),
      lastAction: retry ? doneAction(world, 'resolving again') : undefined,
    };
  }
  return pursue(world, work, { target, rollback, wanted });
}

/** While it is not known what is wanted, what serves follows replicas and the other settings; nothing stays on trial. */
function carryOn(world: World, work: Work): Trial | undefined {
  const { trial } = world.model.status;
  if (trial?.phase !== 'HandingOver') work.actions.push(...followSettings(world));
  const stable = stableRevision(world)?.number ?? 0;
  const wish = { target: 0, stable, course: undefined, failed: false, analysis: undefined };
  return pursueTrial(world, work, wish).trial;
}

function record(world: World, target: SpecTarget & { kind: 'new' }, digest: string, work: Work): Revision | undefined {
  const { model, settings } = world;
  const number = nextNumber(world);
  const version = target.version ?? String(number);
  const { recipe, image } = target;
  const template = makeTemplate({ model: model.name, revision: number, version, digest, image, recipe, settings });
  const object = makeRevision(model, number, { recipe, version, digest, image, template });
  const because = `revision ${number}: version ${version} of ${recipe.model.uri}, ${digest}`;
  work.actions.push({ do: 'create', kind: 'ControllerRevision', object, because });
  work.events.push({ type: 'Normal', reason: 'RevisionCreated', note: because });
  return readRevision(object);
}

/** Service, disruption budget and service account: created once, and brought back when somebody changes them. */
function ensureChildren(world: World): Action[] {
  const { model } = world;
  return [
    ensure('ServiceAccount', world.serviceAccount, makeServiceAccount(model)),
    ensure('Service', world.service, makeService(model, reached(world.service?.spec?.selector))),
    ensure(
      'PodDisruptionBudget',
      world.disruptionBudget,
      makeDisruptionBudget(model, reached(world.disruptionBudget?.spec?.selector?.matchLabels)),
    ),
  ].flat();
}

/** Whom they select is decided with the trial; here it stays. */
function reached(selector: Record<string, string> | undefined): number | undefined {
  const revision = Number(selector?.[LABEL.revision]);
  return Number.isInteger(revision) ? revision : undefined;
}

function ensure<T extends ChildObject>(
  kind: 'Service' | 'ServiceAccount' | 'PodDisruptionBudget',
  live: T | undefined,
  object: T,
): Action[] {
  if (live === undefined) return [{ do: 'create', kind, object, because: 'it is missing' }];
  return covers(live, object) ? [] : [{ do: 'apply', kind, object, because: 'it differs from what was rendered' }];
}

/** A rollback that no longer counts is removed when the operator wrote it; a user's is theirs to remove. */
function dropSpentRollback(world: World, rollback: Rollback, work: Work): Action[] {
  if (rollback.kind !== 'spent') return [];
  const note = 'spec.rollbackTo no longer counts: the spec asks for another model than the one it was to replace';
  const told = world.model.status.conditions?.some(({ reason }) => reason === 'RollbackSpent') === true;
  if (!told) work.events.push({ type: 'Normal', reason: 'RollbackSpent', note });
  if (!world.model.ownsRollbackTo) return [];
  const deploymentVersion = world.deployment?.metadata?.resourceVersion;
  return [{ do: 'rollbackTo', value: undefined, deploymentVersion, because: note }];
}

function announceResolveFailure(world: World, finding: Finding | undefined, work: Work): void {
  const told: Reason | undefined = world.model.status.lastFailure?.reason as Reason | undefined;
  if (finding === undefined || told === finding.reason) return;
  work.events.push({ type: 'Warning', reason: 'ResolveFailed', note: `${finding.reason}: ${finding.message}` });
}

/** Old revisions beyond the limit go, but never one that a ReplicaSet, the status or the spec refers to. */
function prune(world: World, situation: Situation): Action[] {
  if (situation.kind !== 'serving') return [];
  const { aim, rollback } = situation;
  const inUse = new Set<number | undefined>([
    aim.wanted.number,
    aim.effective.number,
    aim.stable?.number,
    world.model.status.deployed,
    world.model.status.trial?.revision,
    world.model.status.trial?.from,
    world.model.status.baking?.previous,
    world.model.spec.rollbackTo?.revision,
    world.model.spec.rollbackTo?.from,
    rollback.kind === 'active' ? rollback.revision.number : undefined,
    ...world.replicaSets.map((set) => Number(set.metadata?.labels?.[LABEL.revision])),
  ]);
  const idle = world.revisions.filter(({ number }) => !inUse.has(number));
  return idle.slice(0, Math.max(0, idle.length - world.model.spec.revisionHistoryLimit)).map((revision) => ({
    do: 'delete',
    kind: 'ControllerRevision',
    name: revision.name,
    uid: revision.uid ?? '',
    because: `beyond revisionHistoryLimit ${world.model.spec.revisionHistoryLimit}`,
  }));
}

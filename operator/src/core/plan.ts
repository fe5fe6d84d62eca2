import type { Reason } from '../api/conditions.ts';
import type { Trial } from '../api/modeldeployment.gen.ts';
import { isDue, isHistoryPutOff, retriesOf } from './objects/admission.ts';
import type { Action, ChildObject, Plan, PlannedEvent, Work } from './actions.ts';
import { makeDisruptionBudget, makeService, makeServiceAccount } from './resources/children.ts';
import { LABEL } from './names.ts';
import type { Finding } from './diagnose.ts';
import { doneAction, pursue } from './rollout/pursue.ts';
import { followSettings } from './rollout/steer.ts';
import { stableRevision } from './targeting/aim.ts';
import { heldRevision } from './revisions/held.ts';
import { restoreRevisions } from './revisions/restore.ts';
import { pursueTrial } from './trial/trial.ts';
import { dropAnswered, dropResolvers, resolve, type Resolution } from './targeting/resolve.ts';
import { type PatchOperation, unchanged } from './objects/patch.ts';
import { makeTemplate } from './resources/template.ts';
import { makeRevision, readRevision, type Revision } from './revisions/revision.ts';
import type { Situation } from './status/situation.ts';
import { makeStatus, statusDue } from './status/status.ts';
import {
  nextNumber,
  pendingAction,
  type Rollback,
  rollbackOf,
  type SpecTarget,
  specTarget,
} from './targeting/target.ts';
import { warmupEvents } from './health/warmup.ts';
import type { World } from './world.ts';
import { inOrder, type Refusal, wordsOf } from './objects/writes.ts';
import { changedPart, needsWrite } from './objects/written.ts';

/** A plan with what it was made for, of which the status tells. */
export interface PlanOfSituation extends Plan {
  situation: Situation;
}

/**
 * The one function to read first: what to do about one ModelDeployment, given everything that is known. Pure; the same
 * world gives the same plan, and a settled world an empty one.
 *
 *   children ─► which revision? ─► (resolve its digest) ─► record it ─► steer the Deployment ─► judge ─► status
 */
export function plan(seen: World): PlanOfSituation {
  const { world, actions: restored, events, lost } = restoreRevisions(seen);
  const work: Work = {
    alone: [...putBack(world), ...ensureChildren(world), ...restored],
    steps: ensureIdentity(world),
    afterwards: [],
    events: [...events],
    requeueAfterMs: [],
  };
  const situation = decide(world, work, lost);
  work.alone.push(...prune(world, situation));
  const actions = inOrder(work);
  const status = makeStatus(world, situation, [], actions);
  // A status about a spec that these actions change would be refused as stale; the change wakes the next pass.
  const respecified = actions.some((action) => action.do === 'rollbackTo');
  const { due, waitMs } = respecified ? { due: false } : statusDue(world, status);
  if (waitMs !== undefined) work.requeueAfterMs.push(waitMs);
  work.requeueAfterMs.push(...retriesOf(world));
  return {
    actions,
    status: due ? status : undefined,
    events: [...work.events, ...(due ? warmupEvents(world.model.status, status) : [])],
    ...(work.requeueAfterMs.length === 0 ? {} : { requeueAfterMs: Math.max(0, Math.min(...work.requeueAfterMs)) }),
    situation,
  };
}

/**
 * Status and events of a plan of which some writes were refused. What the status records of the rollout is only moved on
 * when every step was made; what it tells is always of now.
 */
export function tellRefusals(
  world: World,
  { situation, events, actions }: Pick<PlanOfSituation, 'situation' | 'events' | 'actions'>,
  refusals: readonly Refusal[],
): Pick<Plan, 'status' | 'events'> {
  const status = makeStatus(world, situation, refusals, actions);
  // Those of a plan say what its steps have done.
  const happened = refusals.some(({ isStep }) => isStep) ? [] : events;
  return {
    status: statusDue(world, status).due ? status : undefined,
    events: [...happened, ...refusalEvents(world.model.status.conditions, refusals)],
  };
}

/** Told once, when it begins: the reason of Progressing says so from then on. */
function refusalEvents(
  conditions: World['model']['status']['conditions'],
  refusals: readonly Refusal[],
): PlannedEvent[] {
  const words = wordsOf(refusals);
  if (words === undefined) return [];
  const isTold = conditions?.some(({ reason, message }) => reason === words.reason && message === words.message);
  if (isTold === true) return [];
  const reason = words.reason === 'NameConflict' ? 'NameConflict' : 'WriteRefused';
  return [{ type: 'Warning', reason, note: words.message }];
}

function decide(world: World, work: Work, lost: string | undefined): Situation {
  const action = pendingAction(world);
  const retry = action?.type === 'Retry';
  const target = specTarget(world);
  if (lost !== undefined && !retry && !isUnderWay(world, target)) return hold(world, work, lost);
  const rollback = rollbackOf(world, target);
  work.alone.push(...dropSpentRollback(world, rollback, work));
  if (rollback.kind === 'missing') {
    return { kind: 'missing', message: rollback.message, rollback, trial: carryOn(world, work) };
  }

  let resolution: Resolution | undefined;
  let wanted: Revision | undefined;
  if (rollback.kind === 'active') wanted = rollback.revision;
  else if (target.kind === 'existing') wanted = target.revision;
  else {
    resolution = resolve(world, target, retry);
    if (resolution.attempt !== undefined) startResolver(world, resolution.attempt, work);
    if (resolution.requeueAfterMs !== undefined) work.requeueAfterMs.push(resolution.requeueAfterMs);
    if (resolution.digest !== undefined && !isHistoryPutOff(world))
      wanted = record(world, target, resolution.digest, work);
  }
  const needed = rollback.kind !== 'active' && target.kind === 'new' ? target.hash : undefined;
  work.alone.push(...dropResolvers(world, needed));
  // The answer is in its pod until it is recorded.
  if (wanted !== undefined && needed !== undefined) work.afterwards.push(...dropAnswered(world, needed));
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

/** What the spec asks for is being rolled out already, and has not failed: nothing else is given to anybody. */
function isUnderWay(world: World, target: SpecTarget): boolean {
  const held = heldRevision(world, world.deployment)?.number;
  return (
    target.kind === 'existing' && held === target.revision.number && world.model.status.failedTarget?.revision !== held
  );
}

/** Everything stays as it is: the pods, whom requests reach, and a trial. */
function hold(world: World, work: Work, message: string): Situation {
  const { trial, conditions } = world.model.status;
  if (trial?.phase !== 'HandingOver') work.alone.push(...followSettings(world));
  const told = conditions?.some(({ reason }) => reason === 'RevisionLost') === true;
  if (!told) work.events.push({ type: 'Warning', reason: 'RevisionLost', note: message });
  return { kind: 'lost', message, trial };
}

/** While it is not known what is wanted, what serves follows replicas and the other settings; nothing stays on trial. */
function carryOn(world: World, work: Work): Trial | undefined {
  const { trial } = world.model.status;
  if (trial?.phase !== 'HandingOver') work.alone.push(...followSettings(world));
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
  work.steps.push([{ do: 'create', kind: 'ControllerRevision', object, because }]);
  work.events.push({ type: 'Normal', reason: 'RevisionCreated', note: because });
  return readRevision(object, settings.servingImage);
}

/** No pod of ours is made before it has an identity of its own: by that name there may be another's. */
function ensureIdentity(world: World): Action[][] {
  const { model, serviceAccount, settings } = world;
  if (serviceAccount !== undefined) return [];
  return [ensure(world, 'ServiceAccount', undefined, makeServiceAccount(model, settings.pullSecrets))];
}

/** A resolver is nobody's business but its own; without an identity it waits for that. */
function startResolver({ serviceAccount }: World, attempt: Action, work: Work): void {
  if (serviceAccount === undefined) work.steps.push([attempt]);
  else work.alone.push(attempt);
}

/** Labels and owners that others changed, and entries of the history that do not say what was written. */
function putBack(world: World): Action[] {
  const changed = world.changed
    .filter((one) => isDue(world, changedPart(world, one)))
    .map(({ kind, name, field, value, resourceVersion }): Action => {
      const operations: PatchOperation[] = [
        unchanged({ metadata: { resourceVersion } }),
        { op: 'add', path: `/${field.replace('.', '/')}`, value },
      ];
      return { do: 'patch', kind, name, operations, because: 'somebody changed by what it is known as ours' };
    });
  const because = 'it does not say what was written';
  const spoiled = isHistoryPutOff(world) ? [] : world.spoiled;
  return [...changed, ...spoiled.map((one): Action => ({ do: 'delete', kind: 'ControllerRevision', ...one, because }))];
}

/** Service, disruption budget and service account: created once, and brought back when somebody changes them. */
function ensureChildren(world: World): Action[] {
  const { model, serviceAccount, settings } = world;
  const account = makeServiceAccount(model, settings.pullSecrets, serviceAccount);
  return [
    serviceAccount === undefined ? [] : ensure(world, 'ServiceAccount', serviceAccount, account),
    ensure(world, 'Service', world.service, makeService(model, reached(world.service?.spec?.selector))),
    ensure(
      world,
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
  world: World,
  kind: 'Service' | 'ServiceAccount' | 'PodDisruptionBudget',
  live: T | undefined,
  object: T,
): Action[] {
  if (live === undefined) return [{ do: 'create', kind, object, because: 'it is missing' }];
  if (!needsWrite(world, kind, live, object)) return [];
  return [{ do: 'apply', kind, object, because: 'it differs from what was rendered' }];
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

import { printable } from '@modeldeployment/modelpack/foreign-text';
import { EVENT_ACTION } from '../api/conditions.ts';
import type { Plan } from '../core/actions.ts';
import { plan, tellRefusals } from '../core/plan.ts';
import type { Settings, World } from '../core/world.ts';
import { lacksPods, unseenChildren } from '../core/objects/unseen.ts';
import { type Failure, makeWrites } from '../core/objects/writes.ts';
import { type Answer, withAnswers } from '../core/objects/written.ts';
import {
  type EventRecorder,
  isConflict,
  keyOf,
  NotLeaderError,
  type Reconcile,
  type Result,
} from '../runtime/index.ts';
import { type Applier, NameConflictError } from './apply.ts';
import { type Live, type Memory, observe, routesIn } from './observe.ts';
import { isOfDyingNamespace, isStale, refusalOf } from './refusals.ts';
import type { TrialReports } from './trial-reports.ts';
import type { WarmupReports } from './warmup-reports.ts';
import type { HttpRouteInformer, Informers, LiveModel } from './watches.ts';

export interface ReconcileOptions {
  informers: Informers;
  /** Undefined when the operator may not write HTTPRoutes. */
  routes: HttpRouteInformer | undefined;
  applier: Applier;
  recorder: EventRecorder;
  trials: TrialReports;
  warmups: WarmupReports;
  settings: Settings;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** observe → plan → apply; all decisions are in core/plan.ts. */
export function makeReconcile(options: ReconcileOptions): Reconcile {
  const memories = new Map<string, Memory>();
  return async (request) => {
    const model = options.informers.models.store.get(request);
    if (model === undefined || model.metadata.deletionTimestamp !== undefined) {
      memories.delete(keyOf(request));
      options.trials.forget(keyOf(request));
      options.warmups.forget(keyOf(request));
      return undefined;
    }
    const memory = memories.get(keyOf(request)) ?? {};
    memories.set(keyOf(request), memory);
    try {
      return await pass(options, model, memory);
    } catch (error) {
      // The status, or what it was made from, has changed: look again with what the caches know by then.
      if (isConflict(error)) return { requeueAfterMs: STALE_RETRY_MS };
      throw error;
    }
  };
}

const LONGEST_NOTE = 1000;
/** How soon a decision is made anew whose object had changed. */
const STALE_RETRY_MS = 200;
/** A race is lost once or twice; who loses every one is refused. */
const STALE_AT_MOST = 2;
/** How long a name that belongs to somebody else is left alone. */
const CONFLICT_RETRY_MS = 15_000;

async function pass(options: ReconcileOptions, model: LiveModel, memory: Memory): Promise<Result | undefined> {
  const { informers, routes, recorder, trials, warmups, settings, now } = options;
  const key = keyOf(model.metadata);
  const also = { ...trials.of(key), ...warmups.of(key), routes: routesIn(routes, model.metadata.namespace) };
  const cached = observe(model, informers, settings, memory, now(), also);
  const live = await readUnseen(options.applier, cached);
  const world = live === undefined ? cached : observe(model, informers, settings, memory, now(), also, live);
  trials.follow(world);
  warmups.follow(world);
  const planned = plan(world);
  const answers: Answer[] = [];
  const failures = await carryOut(options, world, planned.actions, answers);
  if (failures.some(isOfDyingNamespace)) return undefined;
  memory.stale = failures.some(isStale) ? (memory.stale ?? 0) + 1 : 0;
  const told = failures.filter((failure) => !isStale(failure) || (memory.stale ?? 0) > STALE_AT_MOST);
  const passed = failures.length > told.length;
  // A decision about an object that has changed is no news, and its status would be of a world that is gone.
  if (passed && told.length === 0) return { requeueAfterMs: STALE_RETRY_MS };
  const said = told.length === 0 ? planned : { ...planned, ...tellRefusals(world, planned, told.map(refusalOf)) };
  const { status, events } = withAnswers(world, said, answers);
  // Before the status, whose write may be refused as stale: the next pass no longer knows of these actions.
  for (const event of events)
    recorder.record(model, { ...event, note: printable(event.note, LONGEST_NOTE), action: EVENT_ACTION });
  if (status !== undefined) {
    await options.applier.writeStatus(world.model, status);
    memory.statusWrittenAt = now();
  }
  return resultOf(planned.requeueAfterMs, passed, told);
}

/** Children that the caches lack, as they are: somebody may have taken the label away by which they are watched. */
async function readUnseen(applier: Applier, world: World): Promise<Live | undefined> {
  const live: Live = {};
  for (const expected of unseenChildren(world)) {
    const found = await applier.read(world.model, expected);
    if (found !== undefined) live[expected.kind] = [...(live[expected.kind] ?? []), found];
  }
  if (lacksPods(world)) {
    live.ReplicaSet = await applier.readAll(world.model, 'ReplicaSet');
    live.Pod = await applier.readAll(world.model, 'Pod');
  }
  return Object.keys(live).length === 0 ? undefined : live;
}

/** Makes the writes, those after a failed one as far as they do not depend on it. */
async function carryOut(
  { applier }: ReconcileOptions,
  { model }: World,
  actions: Plan['actions'],
  answers: Answer[],
): Promise<Failure[]> {
  const writes = makeWrites(actions);
  for (let next = writes.next(); ;) {
    if (next.done === true) return next.value;
    let failure: unknown;
    try {
      const stored = await applier.apply(model, next.value);
      if (stored !== undefined) answers.push({ action: next.value, stored });
    } catch (error) {
      // Nothing is written, or told, by one that does not lead any more.
      if (error instanceof NotLeaderError) throw error;
      failure = error;
    }
    next = writes.next(failure);
  }
}

/** When to look again; what failed is tried after its back-off, what is due earlier is not kept from its time. */
function resultOf(dueMs: number | undefined, isStaleToo: boolean, told: readonly Failure[]): Result {
  const [first] = told.filter(({ error }) => !(error instanceof NameConflictError));
  const isTaken = told.some(({ error }) => error instanceof NameConflictError);
  const waits = [dueMs, isStaleToo ? STALE_RETRY_MS : undefined, isTaken ? CONFLICT_RETRY_MS : undefined];
  const known = waits.filter((ms) => ms !== undefined);
  return {
    ...(known.length === 0 ? {} : { requeueAfterMs: Math.min(...known) }),
    ...(first === undefined ? {} : { failure: first.error }),
  };
}

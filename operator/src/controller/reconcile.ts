import { EVENT_ACTION } from '../api/conditions.ts';
import { plan } from '../core/plan.ts';
import type { Settings } from '../core/world.ts';
import { type EventRecorder, isConflict, isForbidden, keyOf, type Reconcile, type Result } from '../runtime/index.ts';
import { type Applier, NameConflictError, StaleDecisionError } from './apply.ts';
import { type Memory, observe, routesIn } from './observe.ts';
import type { TrialReports } from './trial-reports.ts';
import type { HttpRouteInformer, Informers, LiveModel } from './watches.ts';

export interface ReconcileOptions {
  informers: Informers;
  /** Undefined when the operator may not write HTTPRoutes. */
  routes: HttpRouteInformer | undefined;
  applier: Applier;
  recorder: EventRecorder;
  trials: TrialReports;
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
      return undefined;
    }
    const memory = memories.get(keyOf(request)) ?? {};
    memories.set(keyOf(request), memory);
    try {
      return await pass(options, model, memory);
    } catch (error) {
      if (error instanceof NameConflictError) return pass(options, model, { ...memory, conflict: error.message });
      // Somebody else wrote in between: look again with what the caches know by then.
      if (isConflict(error) || error instanceof StaleDecisionError) return { requeueAfterMs: 200 };
      // The namespace goes, and this ModelDeployment with it: there is nothing to do any more.
      if (
        isForbidden(error) &&
        error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true
      ) {
        return undefined;
      }
      throw error;
    }
  };
}

async function pass(options: ReconcileOptions, model: LiveModel, memory: Memory): Promise<Result> {
  const { informers, routes, applier, recorder, trials, settings, now } = options;
  const also = { ...trials.of(keyOf(model.metadata)), routes: routesIn(routes, model.metadata.namespace) };
  const world = observe(model, informers, settings, memory, now(), also);
  trials.follow(world);
  const { actions, status, events, requeueAfterMs } = plan(world);
  for (const action of actions) await applier.apply(world.model, action);
  // Before the status, whose write may be refused as stale: the next pass no longer knows of these actions.
  for (const event of events) recorder.record(model, { ...event, action: EVENT_ACTION });
  if (status !== undefined) {
    await applier.writeStatus(world.model, status);
    memory.statusWrittenAt = now();
  }
  return requeueAfterMs === undefined ? {} : { requeueAfterMs };
}

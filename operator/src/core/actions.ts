import type { EventReason } from '../api/conditions.ts';
import type { ModelDeploymentSpec, ModelDeploymentStatus } from '../api/modeldeployment.gen.ts';
import type { PatchOperation } from './objects/patch.ts';

/** The kinds of child objects. */
export type ChildKind =
  'ControllerRevision' | 'Deployment' | 'Pod' | 'PodDisruptionBudget' | 'ReplicaSet' | 'Service' | 'ServiceAccount';

/** The kinds that are written: children, and what belongs to a user. */
export type WrittenKind = ChildKind | 'HTTPRoute';

/** One write. `because` feeds the log and says why in words. */
export type Action =
  /** Create; a name that exists already is a conflict, never adopted. */
  | { do: 'create'; kind: ChildKind; object: ChildObject; because: string }
  /** Server-side apply of a child that we own already. */
  | { do: 'apply'; kind: ChildKind; object: ChildObject; because: string }
  | { do: 'patch'; kind: WrittenKind; name: string; operations: PatchOperation[]; because: string }
  /** Orphan: what it owns stays, for another owner. Foreground: it stays itself until what it owns is gone. */
  | { do: 'delete'; kind: ChildKind; name: string; uid: string; because: string; propagation?: 'Orphan' | 'Foreground' }
  /**
   * Writes (or, undefined, removes) spec.rollbackTo of the ModelDeployment itself. Only if the Deployment still is what
   * the decision saw: a cache that lags behind must not be taken for a person's undo.
   */
  | {
      do: 'rollbackTo';
      value: ModelDeploymentSpec['rollbackTo'] | undefined;
      deploymentVersion: string | undefined;
      because: string;
    };

export interface ChildObject {
  apiVersion: string;
  kind: string;
  metadata?: { name?: string; namespace?: string };
}

export interface PlannedEvent {
  type: 'Normal' | 'Warning';
  reason: EventReason;
  note: string;
  /** The Deployment of which an edit is put back. */
  deployment?: string;
}

/** An action with its place: the number of its step, or none when nothing depends on it (writes.ts). */
export type PlannedAction = Action & { step?: number; afterwards?: true };

export interface Plan {
  /** In order. What follows from one that fails, and what does not, is in writes.ts. */
  actions: PlannedAction[];
  /** The status to write, after the actions; undefined when it is up to date or may wait. */
  status: ModelDeploymentStatus | undefined;
  events: PlannedEvent[];
  /** Look again after this many milliseconds, although nothing may have changed. */
  requeueAfterMs?: number;
}

/**
 * A plan while it is being made. Whoever adds an action says what it depends on: `alone`, nothing may rely on it and it
 * relies on nothing; or a step, which is made only when all of the steps before are, and what is recorded of the rollout
 * in the status only when all steps are.
 */
export interface Work {
  alone: Action[];
  steps: Action[][];
  /** Made once all steps are; nothing relies on them. */
  afterwards: Action[];
  events: PlannedEvent[];
  requeueAfterMs: number[];
}

import type { KubeObject, LiveModel, Revision, World } from '@modeldeployment/operator';

export type Pod = World['pods'][number] & KubeObject;
export type ReplicaSet = World['replicaSets'][number] & KubeObject;

/** A revision of the history, with when it was recorded. */
export type Recorded = Revision & { created?: string | undefined };

/** A ModelDeployment and what belongs to it, as last read. */
export interface ModelObjects {
  model: LiveModel;
  replicaSets: readonly ReplicaSet[];
  /** Pods of the servers, and those that resolve a tag. */
  pods: readonly Pod[];
  /** The history, oldest first. */
  revisions: readonly Recorded[];
  /** Kinds that could not be read, such as `replicasets.apps`, each with why. */
  missing: readonly { kind: string; why: string }[];
}

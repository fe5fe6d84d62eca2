import { GROUP, KIND, VERSION } from '../api/group.ts';

/** Every name, label and annotation the operator writes, in one place. */

export const FIELD_MANAGER = 'modeldeployment-operator';
const MANAGED_BY = 'app.kubernetes.io/managed-by';
/** Name of the ModelDeployment, on every child. */
export const INSTANCE_LABEL = 'app.kubernetes.io/instance';

export const LABEL = {
  /** Name of the ModelDeployment; the one label that selects its server pods. */
  model: `${GROUP}/model`,
  /**
   * Number of the revision, on pods and their ReplicaSets. On a Deployment: the revision whose template we wrote last, said in
   * that very write. `kubectl rollout undo` replaces template and annotations, and leaves labels alone.
   */
  revision: `${GROUP}/revision`,
  /** Hash of the part of the spec that makes a revision, on ControllerRevisions and resolver pods. */
  recipe: `${GROUP}/recipe`,
  /** Name of the ModelDeployment a resolver pod works for; not `model`, so that no Service selects it. */
  resolves: `${GROUP}/resolves`,
  managedBy: MANAGED_BY,
} as const;

export const ANNOTATION = {
  /** On a ControllerRevision: why it failed for good. An undo to it is taken back until Retry. */
  condemned: `${GROUP}/condemned`,
  /** On a ControllerRevision that has been rolled out completely: until when it served first, RFC 3339. */
  served: `${GROUP}/served`,
  /** On a ControllerRevision: which field manager asked for it, and when. */
  requestedBy: `${GROUP}/requested-by`,
  /** On a ControllerRevision: what the analysis of its trial came to. */
  verdict: `${GROUP}/verdict`,
  /** On a resolver pod: which attempt it is, from 1. */
  attempt: `${GROUP}/attempt`,
  /** `kubectl rollout history` shows it. On a ModelDeployment it is a person's, and goes into the history. */
  changeCause: 'kubernetes.io/change-cause',
  /** Set by `kubectl rollout restart`; it is the user's, never ours. */
  restartedAt: 'kubectl.kubernetes.io/restartedAt',
} as const;

/** Label selector of everything the operator makes: its watches see nothing else. */
export const MANAGED_SELECTOR = `${MANAGED_BY}=${FIELD_MANAGER}`;
/** The same, of one ModelDeployment. */
export const managedSelectorOf = (model: string): string => `${MANAGED_SELECTOR},${INSTANCE_LABEL}=${model}`;

/** Deployment and Service of the pods on trial. */
export const canaryName = (model: string): string => `${model}-canary`;
export const revisionName = (model: string, revision: number): string => `${model}-${revision}`;
/** The number in the name of a revision: what nobody can change of it. */
export function numberOfRevision(name: string): number | undefined {
  const digits = /-(\d+)$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
/** One pod per attempt: the name of a pod that is going away is not free yet. With '' the beginning of all their names. */
export const resolverName = (model: string, recipeHash: string, attempt: number | ''): string =>
  `${model}-resolve-${recipeHash}-${attempt}`;
/** Selects the server pods of a model, or of one revision of it. */
export const podSelector = (model: string, revision?: number): Record<string, string> => ({
  [LABEL.model]: model,
  ...(revision === undefined ? {} : { [LABEL.revision]: String(revision) }),
});

/** Labels of every child object. */
export function childLabels(model: string): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'modeldeployment',
    [INSTANCE_LABEL]: model,
    [MANAGED_BY]: FIELD_MANAGER,
  };
}

/** What an object that owns children is known by. */
export interface Owner {
  name: string;
  namespace: string;
  uid: string;
}

/** Owner reference that makes the garbage collector clean up; no finalizer is needed. */
export function ownerReference(owner: Owner) {
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: KIND,
    name: owner.name,
    uid: owner.uid,
    controller: true,
    blockOwnerDeletion: false,
  };
}

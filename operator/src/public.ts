/**
 * What `kubectl mdep` shares with the operator: the API, the way to read a cluster, and the decisions themselves, so that
 * it shows and predicts exactly what the operator sees and does. It may import nothing of the operator but this file, and
 * nothing in the operator imports this file.
 */
export { type FullSpec, withDefaults } from './api/defaults.ts';
export { GROUP, KIND, PLURAL } from './api/group.ts';
export type { ModelDeployment, ModelDeploymentStatus } from './api/modeldeployment.gen.ts';
export { observe } from './controller/observe.ts';
export { WRITTEN, MODEL_DEPLOYMENTS } from './controller/resources.ts';
export { BY_MODEL, type Informers, type LiveModel, makeInformers } from './controller/watches.ts';
export type { Action } from './core/actions.ts';
export { isRunning, ourContainers } from './core/health/containers.ts';
export { diagnosePod, type Finding, isReady, isTerminating } from './core/diagnose.ts';
export { ANNOTATION, LABEL } from './core/names.ts';
export { plan } from './core/plan.ts';
export { pinnedDigest, type Recipe, recipeOf } from './core/revisions/recipe.ts';
export { readRevision, type Revision } from './core/revisions/revision.ts';
export { type Rollback, rollbackOf, type SpecTarget, specTarget } from './core/targeting/target.ts';
export { courseOf } from './core/trial/course.ts';
export type { World } from './core/world.ts';
export {
  ApiError,
  type Connection,
  EVENTS,
  Informer,
  isForbidden,
  isNotFound,
  KubeClient,
  type KubeObject,
  type Log,
  resourceName,
} from './runtime/index.ts';

import type { ChildKind } from '../actions.ts';
import { canaryName, revisionName } from '../names.ts';
import type { World } from '../world.ts';

/** A child that the operator has made, by all that it has on record. */
export interface Expected {
  kind: ChildKind;
  name: string;
}

/**
 * Children that must be there, and are not seen. The watches select by a label, and anybody may take that away: before it
 * is concluded that a child is gone, it is read by its name.
 */
export function unseenChildren(world: World): Expected[] {
  const { model, deployment, canary, service, preview, disruptionBudget, serviceAccount, revisions } = world;
  const { stable, deployed, target, trial, failedTarget, baking } = model.status;
  if (deployed === undefined) return [];
  const trialName = canaryName(model.name);
  const numbers = [stable?.revision, deployed, target?.revision, trial?.from, trial?.revision, failedTarget?.revision];
  const lacking = [...new Set([...numbers, baking?.previous])].filter(
    (number): number is number => number !== undefined && !revisions.some((one) => one.number === number),
  );
  const expect = (kind: ChildKind, name: string, found: object | undefined): Expected[] =>
    found === undefined ? [{ kind, name }] : [];
  return [
    ...expect('Deployment', model.name, deployment),
    ...expect('Service', model.name, service),
    ...expect('PodDisruptionBudget', model.name, disruptionBudget),
    ...expect('ServiceAccount', model.name, serviceAccount),
    ...(trial === undefined
      ? []
      : [...expect('Deployment', trialName, canary), ...expect('Service', trialName, preview)]),
    ...lacking.map((number): Expected => ({ kind: 'ControllerRevision', name: revisionName(model.name, number) })),
  ];
}

/** Their Deployments count more pods than are seen: of those, or of their ReplicaSets, the label may be gone. */
export function lacksPods({ deployment, canary, pods }: World): boolean {
  const counted = [deployment, canary].reduce((sum, one) => sum + (one?.status?.replicas ?? 0), 0);
  return counted > pods.length;
}

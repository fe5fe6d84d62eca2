import type { Reason } from '../../api/conditions.ts';
import type { ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import { diagnosePod, isReady, isTerminating, revisionOfPod } from '../diagnose.ts';
import { heldRevision } from '../revisions/held.ts';
import type { World } from '../world.ts';

type StableUnavailable = NonNullable<ModelDeploymentStatus['stableUnavailable']>;

/** What keeps pods away without being a fault of their revision: the cluster has no room, or something took them. */
const FROM_OUTSIDE: readonly Reason[] = ['Unschedulable', 'PodsRefused', 'WaitingForPods'];

export const answers = ({ pods }: World, revision: number): boolean =>
  pods.some((pod) => revisionOfPod(pod) === revision && isReady(pod));

/**
 * What status remembers of a revision that serves and of which no pod answers, for a cause. It begins anew when one
 * answered in between, or when no cause is seen: pods that are drained, evicted, or not ready for a moment come back.
 */
export function stableUnavailable(world: World, revision: number): StableUnavailable | undefined {
  const { status, spec } = world.model;
  if (spec.replicas === 0 || answers(world, revision)) return undefined;
  const reason = causeOf(world, revision);
  if (reason === undefined) return undefined;
  const known = status.stableUnavailable;
  return known?.revision === revision ? known : { revision, reason, since: new Date(world.now).toISOString() };
}

/** Why pods of a revision do not answer, if it is its own fault. */
function causeOf(world: World, revision: number): Reason | undefined {
  const pods = world.pods.filter((pod) => revisionOfPod(pod) === revision && !isTerminating(pod) && !isReady(pod));
  const reasons = pods.map((pod) => diagnosePod(pod)?.reason);
  const own = reasons.find((reason) => reason !== undefined && !FROM_OUTSIDE.includes(reason));
  return own ?? (isStuck(world, revision) ? 'ProgressDeadlineExceeded' : undefined);
}

function isStuck(world: World, revision: number): boolean {
  const { deployment } = world;
  if (heldRevision(world, deployment)?.number !== revision) return false;
  const progressing = deployment?.status?.conditions?.find(({ type }) => type === 'Progressing');
  return progressing?.reason === 'ProgressDeadlineExceeded';
}

/** In how many milliseconds a revision of which no pod answers is dead, unless one does by then; undefined: it is not on that way. */
export function deadInMs(world: World, revision: number): number | undefined {
  const since = stableUnavailable(world, revision)?.since;
  if (since === undefined) return undefined;
  const end = Date.parse(since) + world.model.spec.rollout.progressDeadlineSeconds * 1000;
  return Math.max(0, end - world.now);
}

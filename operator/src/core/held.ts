import type { IDeployment } from 'kubernetes-models/apps/v1';
import { covers } from './covers.ts';
import { LABEL } from './names.ts';
import type { Revision } from './revision.ts';

/** Which revision a live Deployment holds: `undefined` when its template is none that was recorded. */
export function heldRevision(deployment: IDeployment, revisions: readonly Revision[]): Revision | undefined {
  const template = deployment.spec?.template;
  const number = Number(template?.metadata?.labels?.[LABEL.revision]);
  const recorded = revisions.find((revision) => revision.number === number);
  return recorded !== undefined && covers(template, recorded.template) ? recorded : undefined;
}

/** The rollout of what the Deployment holds is complete: every wanted pod is of it, ready, and no other is left. */
export function isComplete(deployment: IDeployment | undefined): boolean {
  const { status } = deployment ?? {};
  const wanted = deployment?.spec?.replicas ?? 1;
  const seen = (status?.observedGeneration ?? 0) >= (deployment?.metadata?.generation ?? 0);
  const counts = [status?.updatedReplicas, status?.replicas, status?.availableReplicas];
  return deployment !== undefined && seen && counts.every((count) => (count ?? 0) === wanted);
}

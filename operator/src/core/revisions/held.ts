import type { IDeployment } from 'kubernetes-models/apps/v1';
import { isAsWritten, isRecordedAt, type Part, partName } from '../objects/admission.ts';
import { covers } from '../objects/covers.ts';
import { LABEL } from '../names.ts';
import type { Revision } from './revision.ts';
import type { World } from '../world.ts';

/** Which revision a live Deployment holds: `undefined` when its template is none that was recorded. */
export function heldRevision(world: World, deployment: IDeployment | undefined): Revision | undefined {
  const number = labelledRevision(deployment);
  const recorded = world.revisions.find((revision) => revision.number === number);
  if (deployment === undefined || recorded === undefined) return undefined;
  const holds = isAsWritten(world, templatePart(deployment, recorded)) || isLeaky(deployment, recorded);
  return holds ? recorded : undefined;
}

/** Which revision its template says that it is of, whatever else it says. */
export const labelledRevision = (deployment: IDeployment | undefined): number =>
  Number(deployment?.spec?.template.metadata?.labels?.[LABEL.revision]);

/**
 * The revision whose template we wrote into the Deployment last. It says so itself, in the same write; the status follows in
 * a write of its own, which a crash or a spec that has changed meanwhile may keep away. Where it says nothing (an earlier
 * operator wrote it), or admission has a say in it, there is only the status to go by.
 */
export const writtenRevision = (world: World): number | undefined => saidRevision(world) ?? world.model.status.deployed;

function saidRevision(world: World): number | undefined {
  const { deployment, revisions } = world;
  const said = Number(deployment?.metadata?.labels?.[LABEL.revision]);
  const part = partName('Deployment', deployment?.metadata?.name, 'metadata.labels');
  const isTrusted = !isRecordedAt(world, part, LABEL.revision);
  return isTrusted && revisions.some(({ number }) => number === said) ? said : undefined;
}

/** A person moved it to where it is to be: from now on that is what we wrote, or the next undo would not be told apart. */
export const isMovedByHand = (world: World, { number }: Revision): boolean =>
  (saidRevision(world) ?? number) !== number;

/** What is said of an edit that does not stand. `edit`: its fields and who made it, as ` (…)`. */
export const putBackNote = (deployment: string, { number }: Revision, edit = ''): string =>
  `the pod template of deployment/${deployment} was changed by hand${edit}; revision ${number} is put back (change spec.server or spec.model instead)`;

/** The template of a live Deployment beside that of a revision. */
export const templatePart = (deployment: IDeployment, { template }: Revision): Part => ({
  name: partName('Deployment', deployment.metadata?.name, 'spec.template'),
  rendered: template,
  live: deployment.spec?.template,
  object: deployment,
});

/** It holds a revision as an earlier operator has rendered it, with a user's image beside credentials. */
export const isLeaky = (deployment: IDeployment, { leaky }: Revision): boolean =>
  leaky !== undefined && covers(deployment.spec?.template, leaky);

/** The rollout of what the Deployment holds is complete: every wanted pod is of it, ready, and no other is left. */
export function isComplete(deployment: IDeployment | undefined): boolean {
  const { status } = deployment ?? {};
  const wanted = deployment?.spec?.replicas ?? 1;
  const seen = (status?.observedGeneration ?? 0) >= (deployment?.metadata?.generation ?? 0);
  const counts = [status?.updatedReplicas, status?.replicas, status?.availableReplicas];
  return deployment !== undefined && seen && counts.every((count) => (count ?? 0) === wanted);
}

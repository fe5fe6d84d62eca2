import type { ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import type { Action, PlannedEvent } from '../actions.ts';
import { heldRevision, labelledRevision } from './held.ts';
import type { Recipe } from './recipe.ts';
import { makeTemplate } from '../resources/template.ts';
import { makeRevision, readRevision, type Revision } from './revision.ts';
import type { World } from '../world.ts';

/** The world with what could be written again of the history, and why it cannot be gone on with, if so. */
export interface Restored {
  world: World;
  actions: Action[];
  events: PlannedEvent[];
  lost: string | undefined;
}

type OnRecord = NonNullable<ModelDeploymentStatus['revisions']>[number];

/** The status says of no rollout: there was none, or it was wiped (a restored backup leaves it behind). */
export const isBlank = ({ stable, deployed }: ModelDeploymentStatus): boolean =>
  stable === undefined && deployed === undefined;

/**
 * Somebody deleted ControllerRevisions. What the status has on record of one makes it again, if the Deployments that are
 * of it say what is rendered from that: then it is what was written last. Otherwise what serves is left as it is: without
 * knowing what is stable, and what has failed, anything else would be given to everybody untested.
 */
export function restoreRevisions(world: World): Restored {
  const gone = neededRevisions(world).filter((number) => !world.revisions.some((one) => one.number === number));
  if (gone.length === 0) return { world, actions: [], events: [], lost: undefined };
  const objects = gone.flatMap((number) => {
    const record = world.model.status.revisions?.find(({ revision }) => revision === number);
    return record === undefined ? [] : [objectOf(world, record)];
  });
  const revisions = [
    ...world.revisions,
    ...objects.flatMap((object) => readRevision(object, world.settings.servingImage) ?? []),
  ];
  const known: World = { ...world, revisions: revisions.sort((one, other) => one.number - other.number) };
  const edited = [world.deployment, world.canary].filter(
    (one) => gone.includes(labelledRevision(one)) && heldRevision(known, one) === undefined,
  );
  const bad = new Set(edited.map(labelledRevision));
  const made = objects.filter(({ revision }) => !bad.has(revision));
  const lost = gone.filter((number) => !made.some(({ revision }) => revision === number));
  return {
    world: { ...known, revisions: known.revisions.filter(({ number }) => !bad.has(number)) },
    actions: made.map((object) => ({
      do: 'create',
      kind: 'ControllerRevision',
      object,
      because: 'somebody deleted it',
    })),
    events: made.map(({ revision }) => ({
      type: 'Normal',
      reason: 'RevisionRestored',
      note: `revision ${revision} was deleted, and is written again from what the status has on record`,
    })),
    lost: lossOf(world, lost),
  };
}

function objectOf({ model, settings }: World, record: OnRecord) {
  const { revision, version, digest, image } = record;
  const recipe = JSON.parse(record.recipe) as Recipe;
  const template = makeTemplate({ model: model.name, revision, version, digest, image, recipe, settings });
  return makeRevision(model, revision, { recipe, version, digest, image, template });
}

/** What serves, what it is compared with or returned to, and what has failed. */
function neededRevisions({ model, deployment }: World): number[] {
  const { stable, trial, failedTarget, deployed, baking } = model.status;
  const served = isBlank(model.status) && deployment !== undefined ? labelledRevision(deployment) : undefined;
  const needed = [
    stable?.revision,
    trial?.from,
    trial?.revision,
    failedTarget?.revision,
    deployed,
    baking?.previous,
    served,
  ];
  return [...new Set(needed.filter((number) => number !== undefined && Number.isInteger(number)))] as number[];
}

/** Why nothing may be rolled out; undefined when what is lost is not needed for that. */
function lossOf({ model, deployment }: World, lost: readonly number[]): string | undefined {
  const { status, generation } = model;
  const { trial, stable, failedTarget } = status;
  const serving = trial?.from ?? stable?.revision ?? (isBlank(status) ? labelledRevision(deployment) : undefined);
  // Another spec asks for something else than what failed.
  const failed = status.observedGeneration === generation ? failedTarget?.revision : undefined;
  const handed = trial?.phase === 'HandingOver' ? trial.revision : undefined;
  const number = [serving, failed, handed].find((one) => one !== undefined && lost.includes(one));
  if (number === undefined) return undefined;
  const what = number === failed ? 'has failed' : 'serves';
  return `revision ${number}, which ${what}, is gone from the history and cannot be written again: ${whyNot(model.status, number)}; put ControllerRevision ${model.name}-${number} back from a backup, or set spec.rollout.action to Retry to roll out what the spec asks for`;
}

const whyNot = ({ revisions }: ModelDeploymentStatus, number: number): string =>
  revisions?.some(({ revision }) => revision === number) === true
    ? 'the Deployment says something else than what was written last'
    : 'the status has nothing on record of it';

/** The revision that a wiped status leaves in the Deployment. */
export function servedUnknown({ model, deployment, revisions }: World): Revision | undefined {
  if (!isBlank(model.status) || deployment === undefined) return undefined;
  return revisions.find(({ number }) => number === labelledRevision(deployment));
}

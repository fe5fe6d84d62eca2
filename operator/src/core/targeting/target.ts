import { type Recipe, pinnedDigest, recipeHash, recipeOf, sameRecipe } from '../revisions/recipe.ts';
import type { Revision } from '../revisions/revision.ts';
import type { World } from '../world.ts';

/** The revision that spec.model and spec.server ask for: one of the history, or one that has to be made. */
export type SpecTarget =
  | { kind: 'existing'; revision: Revision; alike: readonly Revision[] }
  | {
      kind: 'new';
      recipe: Recipe;
      hash: string;
      /** Known already: written in the spec, or taken from the revision that is refreshed. */
      digest: string | undefined;
      version: string | undefined;
      image: string;
      alike: readonly Revision[];
    };

/** Finds the newest revision that serves the spec's recipe (A→B→A targets A again), or says what a new one needs. */
export function specTarget(world: World): SpecTarget {
  const { spec } = world.model;
  const recipe = recipeOf(spec);
  const image = spec.server.image ?? world.settings.servingImage;
  const alike = world.revisions.filter((revision) => sameRecipe(recipe, revision.recipe, revision.digest));
  const newest = alike.at(-1);
  if (newest !== undefined && !(newest.image !== image && wantsNewestImage(world))) {
    return { kind: 'existing', revision: newest, alike };
  }
  return {
    kind: 'new',
    recipe,
    hash: recipeHash(recipe),
    // A refresh changes the server, never the bytes of the model.
    digest: newest?.digest ?? pinnedDigest(recipe),
    version: newest?.version ?? spec.model.version,
    image,
    alike,
  };
}

function wantsNewestImage(world: World): boolean {
  return world.model.spec.server.updatePolicy === 'Auto' || pendingAction(world)?.type === 'Refresh';
}

/** spec.rollout.action, unless it was done already. */
export function pendingAction(world: World) {
  const { action } = world.model.spec.rollout;
  return action !== undefined && action.id !== world.model.status.lastAction?.id ? action : undefined;
}

export type Rollback =
  | { kind: 'none' }
  /** Serve this revision instead; `pinned` holds until removed, otherwise until the spec asks for another model. */
  | { kind: 'active'; revision: Revision; pinned: boolean }
  /** Meant against a target that is no longer asked for. */
  | { kind: 'spent' }
  | { kind: 'missing'; message: string };

export function rollbackOf(world: World, target: SpecTarget): Rollback {
  const { rollbackTo } = world.model.spec;
  if (rollbackTo === undefined) return { kind: 'none' };
  const { from } = rollbackTo;
  if (from !== undefined && !target.alike.some((revision) => revision.number === from)) return { kind: 'spent' };
  const revision = world.revisions.findLast((candidate) =>
    rollbackTo.revision === undefined
      ? candidate.digest === rollbackTo.digest
      : candidate.number === rollbackTo.revision,
  );
  if (revision !== undefined) return { kind: 'active', revision, pinned: from === undefined };
  const known = world.revisions.map(({ number }) => number).join(', ');
  const asked = rollbackTo.revision === undefined ? `digest ${rollbackTo.digest}` : `revision ${rollbackTo.revision}`;
  return { kind: 'missing', message: `spec.rollbackTo asks for ${asked}, the history has ${known || 'no revision'}` };
}

/** Number for the next revision: numbers only grow, also when somebody deletes some. */
export function nextNumber({ revisions, model }: World): number {
  const { stable, target, failedTarget, revisions: recorded = [] } = model.status;
  const known = [stable, target, failedTarget, ...recorded].map((one) => one?.revision ?? 0);
  return Math.max(0, ...revisions.map(({ number }) => number), ...known) + 1;
}

import type { FullSpec } from '../../api/defaults.ts';
import { sameJson } from '../objects/covers.ts';
import { shortHash } from '../objects/hash.ts';

/**
 * The part of the spec that makes a revision: whatever changes the pod. Replicas, rollout settings and updatePolicy do
 * not.
 */
export interface Recipe {
  model: FullSpec['model'];
  server: Omit<FullSpec['server'], 'updatePolicy'>;
}

export function recipeOf(spec: FullSpec): Recipe {
  const { updatePolicy: _, ...server } = spec.server;
  return { model: spec.model, server };
}

export const recipeHash = (recipe: Recipe): string => shortHash(recipe);

/** Digest that the recipe itself names; undefined when a tag or a folder must be resolved first. */
export function pinnedDigest(recipe: Recipe): string | undefined {
  return recipe.model.digest ?? /@(sha256:[0-9a-f]{64})$/.exec(recipe.model.uri)?.[1];
}

/**
 * Does a revision made from `recorded`, resolved to `digest`, serve what `wanted` asks for? Equal recipes do. So does the
 * same recipe with its digest written down: a manifest in Git gains the digest without a rollout.
 */
export function sameRecipe(wanted: Recipe, recorded: Recipe, digest: string): boolean {
  if (sameJson(wanted, recorded)) return true;
  return pinnedDigest(wanted) === digest && sameJson(withoutDigest(wanted), withoutDigest(recorded));
}

function withoutDigest(recipe: Recipe): Recipe {
  const { digest: _, ...model } = recipe.model;
  return { ...recipe, model: { ...model, uri: model.uri.replace(/@sha256:[0-9a-f]{64}$/, '') } };
}

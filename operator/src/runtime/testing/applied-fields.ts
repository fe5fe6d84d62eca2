import { isObject, mergePatch, type Json, type JsonObject } from './patches.ts';

/** One owner's part of `managedFields`, as far as the fake server keeps it. */
export interface FieldOwner {
  manager: string;
  operation: 'Apply';
  fieldsV1: JsonObject;
}

/** The fields of a manifest in the form of `fieldsV1`; a list counts as one field. */
export function fieldsOf(value: Json): JsonObject {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [`f:${key}`, fieldsOf(inner)]));
}

/** `live` after a server-side apply: new fields are merged, fields this manager applied before and now leaves out are removed. */
export function applyFields(live: JsonObject, manifest: JsonObject, before: JsonObject): JsonObject {
  const pruned = prune(live, before, fieldsOf(manifest));
  return mergePatch(pruned, manifest) as JsonObject;
}

function prune(live: JsonObject, before: JsonObject, after: JsonObject): JsonObject {
  const kept = { ...live };
  for (const [field, inner] of Object.entries(before)) {
    const key = field.slice(2);
    const value = kept[key];
    const still = after[field];
    if (still === undefined) delete kept[key];
    else if (isObject(value) && isObject(inner) && isObject(still)) kept[key] = prune(value, inner, still);
  }
  return kept;
}

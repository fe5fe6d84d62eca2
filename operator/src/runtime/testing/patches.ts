import { isDeepStrictEqual } from 'node:util';
import type { JsonPatch } from '../client-options.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export class PatchError extends Error {
  override readonly name = 'PatchError';
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** RFC 7386. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key] ?? null, value);
  }
  return merged;
}

/** RFC 6902. Throws a PatchError when a `test` fails or a path does not exist. */
export function jsonPatch(document: Json, patch: JsonPatch): Json {
  const root = { root: structuredClone(document) };
  for (const step of patch) {
    switch (step.op) {
      case 'test':
        if (!isDeepStrictEqual(read(root, step.path), step.value)) throw new PatchError(`test failed at ${step.path}`);
        break;
      case 'add':
        write(root, step.path, step.value as Json, true);
        break;
      case 'replace':
        read(root, step.path);
        write(root, step.path, step.value as Json, false);
        break;
      case 'remove':
        take(root, step.path);
        break;
      case 'move':
        write(root, step.path, take(root, step.from), true);
        break;
      case 'copy':
        write(root, step.path, structuredClone(read(root, step.from)), true);
        break;
    }
  }
  return root.root;
}

function parentOf(root: Json, pointer: string): { parent: JsonObject | Json[]; key: string } {
  const steps = `root${pointer}`.split('/').map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const key = steps.pop() ?? '';
  let parent: Json | undefined = root;
  for (const step of steps)
    parent = Array.isArray(parent) ? parent[Number(step)] : isObject(parent) ? parent[step] : undefined;
  if (!Array.isArray(parent) && !isObject(parent)) throw new PatchError(`there is no parent of ${pointer}`);
  return { parent, key };
}

function read(root: Json, pointer: string): Json {
  const { parent, key } = parentOf(root, pointer);
  const value = Array.isArray(parent) ? parent[Number(key)] : parent[key];
  if (value === undefined) throw new PatchError(`there is nothing at ${pointer}`);
  return value;
}

function write(root: Json, pointer: string, value: Json, insert: boolean): void {
  const { parent, key } = parentOf(root, pointer);
  if (!Array.isArray(parent)) parent[key] = value;
  else if (insert) parent.splice(key === '-' ? parent.length : Number(key), 0, value);
  else parent[Number(key)] = value;
}

function take(root: Json, pointer: string): Json {
  const value = read(root, pointer);
  const { parent, key } = parentOf(root, pointer);
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
  return value;
}

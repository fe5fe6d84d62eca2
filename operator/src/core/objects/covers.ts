import { quantityValue } from './quantity.ts';

/** A place where a live object does not say what was rendered. */
export interface Difference {
  /** As `spec.containers[server].image`. */
  path: string;
  /** Undefined for an entry of a list that was not rendered. */
  rendered: unknown;
  live: unknown;
}

/**
 * What entries of a list that were not rendered are: a difference, for else a removed entry would go unnoticed; or
 * somebody else's, where lists are merged entry by entry (server-side apply).
 */
export type Lists = 'whole' | 'shared';

const NONE: readonly Difference[] = [];

/**
 * Where the live object does not say everything that we rendered. The API server adds defaults (and newer ones add more),
 * so extra keys of objects are allowed. Entries of lists are told apart by what names them. Quantities are compared by
 * value, and a rendered empty object or list equals an absent one.
 */
export function differences(live: unknown, rendered: unknown, lists: Lists = 'whole'): readonly Difference[] {
  if (rendered === undefined || rendered === null || live === rendered) return NONE;
  if (Array.isArray(rendered)) {
    if (live === undefined || live === null) return rendered.length === 0 ? NONE : here(live, rendered);
    return Array.isArray(live) ? ofLists(live, rendered, lists) : here(live, rendered);
  }
  if (typeof rendered === 'object') {
    if (live === undefined || live === null)
      return Object.values(rendered).every((value) => value === undefined) ? NONE : here(live, rendered);
    if (typeof live !== 'object' || Array.isArray(live)) return here(live, rendered);
    let found = NONE;
    for (const [key, value] of Object.entries(rendered)) {
      const inner = differences((live as Record<string, unknown>)[key], value, lists);
      if (inner.length > 0) found = [...found, ...below(key, inner)];
    }
    return found;
  }
  return sameQuantity(live, rendered) ? NONE : here(live, rendered);
}

/** Does the live object say everything that we rendered? */
export const covers = (live: unknown, rendered: unknown): boolean => differences(live, rendered).length === 0;

const here = (live: unknown, rendered: unknown): readonly Difference[] => [{ path: '', rendered, live }];

function below(key: string, inner: readonly Difference[]): Difference[] {
  const join = (path: string): string => (path === '' || path.startsWith('[') ? key + path : `${key}.${path}`);
  return inner.map((difference) => ({ ...difference, path: join(difference.path) }));
}

/** What may name the entries of a list, the surest first. */
const NAMES = ['uid', 'mountPath', 'name', 'path'];

function ofLists(live: readonly unknown[], rendered: readonly unknown[], lists: Lists): readonly Difference[] {
  const name = NAMES.find((key) => areNamed(rendered, key) && areNamed(live, key));
  if (name === undefined || rendered.length === 0) return inOrder(live, rendered);
  const nameOf = (entry: unknown): string => (entry as Record<string, string>)[name] ?? '';
  const byName = new Map(live.map((entry) => [nameOf(entry), entry]));
  let found = NONE;
  for (const entry of rendered) {
    const inner = differences(byName.get(nameOf(entry)), entry, lists);
    if (inner.length > 0) found = [...found, ...below(`[${nameOf(entry)}]`, inner)];
  }
  const ours = new Set(rendered.map(nameOf));
  const others = live.filter((entry) => !ours.has(nameOf(entry)));
  if (lists === 'whole' && others.length > 0)
    found = [...found, ...others.map((entry) => ({ path: `[${nameOf(entry)}]`, rendered: undefined, live: entry }))];
  const order = live.map(nameOf).filter((one) => ours.has(one));
  const moved = order.length === rendered.length && rendered.some((entry, at) => nameOf(entry) !== order[at]);
  return moved ? [...found, ...here(order, rendered.map(nameOf))] : found;
}

function areNamed(entries: readonly unknown[], key: string): boolean {
  const names = new Set<unknown>();
  for (const entry of entries) {
    const name = isComposite(entry) ? entry[key] : undefined;
    if (typeof name !== 'string') return false;
    names.add(name);
  }
  return names.size === entries.length;
}

function inOrder(live: readonly unknown[], rendered: readonly unknown[]): readonly Difference[] {
  if (live.length !== rendered.length) return here(live, rendered);
  let found = NONE;
  rendered.forEach((entry, at) => {
    const inner = differences(live[at], entry);
    if (inner.length > 0) found = [...found, ...below(`[${at}]`, inner)];
  });
  return found;
}

/** Equal when written as JSON: order of keys and undefined values do not count. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isComposite(a) || !isComposite(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a).filter((key) => a[key] !== undefined);
  const others = Object.keys(b).filter((key) => b[key] !== undefined);
  return keys.length === others.length && keys.every((key) => sameJson(a[key], b[key]));
}

const isComposite = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function sameQuantity(live: unknown, rendered: unknown): boolean {
  if (!isScalar(live) || !isScalar(rendered)) return false;
  const value = quantityValue(live);
  return !Number.isNaN(value) && value === quantityValue(rendered);
}

function isScalar(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

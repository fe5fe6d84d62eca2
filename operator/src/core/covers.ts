import { quantityValue } from './quantity.ts';

/**
 * Does the live object say everything that we rendered? The API server adds defaults (and newer ones add more), so
 * extra keys of objects are allowed; lists must have the same length, else a removed entry would go unnoticed.
 * Quantities are compared by value, and a rendered empty object or list equals an absent one.
 */
export function covers(live: unknown, rendered: unknown): boolean {
  if (rendered === undefined || rendered === null || live === rendered) return true;
  if (Array.isArray(rendered)) {
    if (live === undefined) return rendered.length === 0;
    return Array.isArray(live) && live.length === rendered.length && rendered.every((item, i) => covers(live[i], item));
  }
  if (typeof rendered === 'object') {
    if (live === undefined || live === null) return Object.values(rendered).every((value) => value === undefined);
    if (typeof live !== 'object' || Array.isArray(live)) return false;
    return Object.entries(rendered).every(([key, value]) => covers((live as Record<string, unknown>)[key], value));
  }
  return sameQuantity(live, rendered);
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

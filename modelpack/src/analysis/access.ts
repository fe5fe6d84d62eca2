/** What an operation may do, looked up by its name. Pure. */
import { COMPUTES, EFFECTS, ONLY_WHERE, REFUSED } from './sorted/access.ts';

export type Only = { name: 'saver' | 'asset'; input: number } | { attribute: string; allowed: RegExp };

export type Access =
  | { kind: 'computes' | 'effect' }
  | { kind: 'onlyWhere'; only: Only; because: string }
  | { kind: 'refused'; because: string };

export const UNHEARD_OF = 'nobody has heard of this operation, so that nobody knows what it does';

const words = (text: string): string[] => text.split(/\s+/);

const sorted = new Map<string, Access>();
for (const name of words(COMPUTES)) sorted.set(name, { kind: 'computes' });
for (const name of words(EFFECTS)) sorted.set(name, { kind: 'effect' });
for (const [name, entry] of Object.entries(ONLY_WHERE)) {
  const only: Only = 'input' in entry ? { name: name as 'saver' | 'asset', input: entry.input } : entry;
  for (const operation of words(entry.operations)) {
    sorted.set(operation, { kind: 'onlyWhere', only, because: entry.because });
  }
}
for (const entry of Object.values(REFUSED)) {
  if (!('operations' in entry)) continue;
  for (const operation of words(entry.operations)) sorted.set(operation, { kind: 'refused', because: entry.because });
}

/** Undefined: nobody has sorted it. */
export function accessOf(op: string): Access | undefined {
  const known = sorted.get(op);
  if (known !== undefined) return known;
  const family = Object.values(REFUSED).find((entry) => 'names' in entry && entry.names.test(op));
  return family && { kind: 'refused', because: family.because };
}

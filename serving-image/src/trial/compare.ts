/** Says what differs between two answers. Pure. */
import type { Difference } from '@modeldeployment/modelpack/traffic';
import type { Tolerance } from '../model/golden.ts';
import type { Output } from './outputs.ts';

type Gap = Omit<Difference, 'time'>;

/**
 * The element that differs most, or undefined when the answers are equal: every output of the stable one is there, as long,
 * with equal values. Numbers are equal when they differ by at most the tolerance, whose relative part is one of the stable one; NaN
 * equals NaN, an infinity itself; anything else must be the same.
 */
export function difference(
  stable: readonly Output[],
  target: readonly Output[],
  tolerance: Tolerance,
): Gap | undefined {
  let worst: (Gap & { by: number }) | undefined;
  for (const { name, values } of stable) {
    const other = target.find((output) => output.name === name)?.values;
    const gap = other === undefined ? missing(name, values) : widest(name, values, other, tolerance);
    if (gap && gap.by > (worst?.by ?? 0)) worst = gap;
  }
  if (!worst) return undefined;
  const { output, element, stable: expected, target: got } = worst;
  return { output, element, stable: expected, target: got };
}

const elements = (values: ArrayLike<unknown>) => `${values.length} elements`;

const missing = (output: string, values: ArrayLike<unknown>) => ({
  output,
  element: 0,
  stable: elements(values),
  target: 'absent',
  by: Infinity,
});

function widest(output: string, values: ArrayLike<unknown>, other: ArrayLike<unknown>, tolerance: Tolerance) {
  if (values.length !== other.length) {
    return { output, element: 0, stable: elements(values), target: elements(other), by: Infinity };
  }
  let [element, by] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const gap = gapOf(values[i], other[i], tolerance);
    if (gap > by) [element, by] = [i, gap];
  }
  return by === 0 ? undefined : { output, element, stable: show(values[element]), target: show(other[element]), by };
}

/** 0 when they count as equal; else how far apart they are, relative to numbers above 1. */
function gapOf(a: unknown, b: unknown, { absolute, relative }: Tolerance): number {
  if (Object.is(a, b) || a === b) return 0;
  const apart = distance(a, b);
  if (!Number.isFinite(apart)) return Infinity;
  const size = Math.abs(Number(a));
  return apart <= Math.max(absolute, relative * size) ? 0 : apart / Math.max(1, size);
}

function distance(a: unknown, b: unknown): number {
  if (typeof a === 'bigint' && typeof b === 'bigint') return Math.abs(Number(a - b));
  return typeof a === 'number' && typeof b === 'number' ? Math.abs(a - b) : Infinity;
}

/** Longest text of an example, in characters. */
const LONGEST = 80;

const show = (value: unknown): number | string =>
  typeof value === 'number' && Number.isFinite(value) ? value : String(value).slice(0, LONGEST);

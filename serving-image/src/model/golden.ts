/** Recorded answers, and whether a model still gives them. Pure. */
import type { Tensor } from './types.ts';

/** A difference up to the larger of the two is rounding: `relative` is a part of the expected value. */
export interface Tolerance {
  absolute: number;
  relative: number;
}

/** Row by row against a batch gives differences of about 1e-6. */
export const DEFAULT_TOLERANCE: Tolerance = { absolute: 1e-5, relative: 1e-5 };

export interface ExpectedOutput {
  name: string;
  /** Flat or nested. */
  data: unknown;
}

/** A number stands for both parts; a part that is left out is the default. @throws Error in words */
export function readTolerance(value: unknown, fallback: Tolerance = DEFAULT_TOLERANCE): Tolerance {
  if (value === undefined) return fallback;
  const parts = typeof value === 'number' ? { absolute: value, relative: value } : value;
  const {
    absolute = fallback.absolute,
    relative = fallback.relative,
    ...others
  } = { ...(parts as Partial<Tolerance>) };
  const valid = [absolute, relative].every((part) => typeof part === 'number' && part >= 0 && Number.isFinite(part));
  const known = typeof parts === 'object' && parts !== null && !Array.isArray(parts);
  if (known && valid && Object.keys(others).length === 0) {
    return { absolute, relative };
  }
  throw new Error(`tolerance is ${JSON.stringify(value)}, expected a number or {"absolute": …, "relative": …}`);
}

/** What differs between an answer and the recorded one, in words. */
export function compare(
  answer: readonly Tensor[],
  expected: readonly ExpectedOutput[] | undefined,
  tolerance: Tolerance = DEFAULT_TOLERANCE,
): string | undefined {
  if (!Array.isArray(expected) || expected.length === 0) return 'it has no "outputs" to compare with';
  for (const { name, data } of expected as readonly ExpectedOutput[]) {
    const tensor = answer.find((output) => output.name === name);
    if (!tensor) return `the model has no output ${JSON.stringify(name)}`;
    const flat: unknown[] = Array.isArray(data) ? (data as unknown[]).flat(Infinity) : [data];
    if (flat.length !== tensor.data.length)
      return `output ${name} has ${tensor.data.length} values, expected ${flat.length}`;
    for (const [i, value] of flat.entries()) {
      const got = tensor.data[i];
      if (!same(got, value, tolerance))
        return `output ${name}, value ${i} is ${String(show(got))}, expected ${String(value)}`;
    }
  }
  return undefined;
}

const show = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value);

/** Whether two elements are equal but for rounding. */
export function same(got: unknown, expected: unknown, { absolute, relative }: Tolerance): boolean {
  if (expected instanceof Uint8Array) return show(got) === show(expected);
  if (typeof expected === 'string') return show(got) === expected || String(got) === expected;
  const [a, b] = [Number(got), Number(expected)];
  return Object.is(a, b) || Math.abs(a - b) <= Math.max(absolute, relative * Math.abs(b));
}

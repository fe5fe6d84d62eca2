/** Whether a row got the same answer twice. Pure. */
import type { DataType, Tensor } from '../model/types.ts';

/**
 * Engines add up in another order where a batch has another size, and each addition rounds: the sums of a long network differ by
 * up to some hundred units in the last place. So large a part of the largest value that an output has is taken for rounding. Whole
 * numbers, texts and truth values must be equal.
 */
const ROUNDING: Partial<Record<DataType, number>> = { FP64: 1e-4, FP32: 1e-4, FP16: 2e-2, BF16: 1e-1 };

/** Sizes of the values of an output, by its name. */
export type Scales = ReadonlyMap<string, number>;

/** Of each output the largest of its values that is finite. */
export function scalesOf(answers: readonly (readonly Tensor[])[]): Scales {
  const scales = new Map<string, number>();
  for (const { name, dtype, data } of answers.flat()) {
    if (ROUNDING[dtype] === undefined) continue;
    let largest = scales.get(name) ?? 0;
    for (const value of data as Float32Array) {
      if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
    }
    scales.set(name, largest);
  }
  return scales;
}

/** The output in which two answers differ: by more than rounding, or, where there are no scales, in any bit. */
export function differing(a: readonly Tensor[], b: readonly Tensor[], scales?: Scales): string | undefined {
  return a.find((output, i) => {
    const other = b[i];
    if (other === undefined || !sameShape(output.shape, other.shape)) return true;
    const slack = (scales?.get(output.name) ?? 0) * (ROUNDING[output.dtype] ?? 0);
    return !alike(output.data, other.data, slack);
  })?.name;
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

function alike(a: Tensor['data'], b: Tensor['data'], slack: number): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i], b[i]];
    if (Object.is(x, y)) continue;
    if (x instanceof Uint8Array) {
      if (!(y instanceof Uint8Array) || Buffer.compare(x, y) !== 0) return false;
    } else if (!(Math.abs(Number(x) - Number(y)) <= slack)) return false;
  }
  return true;
}

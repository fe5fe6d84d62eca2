/** A tensor of the graph that is being made, and its shape as far as it is known. */
import type { GraphType } from '../graph-writer.ts';

export interface Tensor {
  /** As another node of the same graph or function names it. */
  readonly ref: string;
  readonly dtype: GraphType;
  /** -1 for a dimension that only the request tells; the first is that of the rows. */
  readonly shape: readonly number[];
  /** Which steps count (BOOL, rows and steps), where a layer has told. */
  readonly mask?: Tensor | undefined;
}

const FLOATING: readonly GraphType[] = ['FP16', 'BF16', 'FP32', 'FP64'];
export const isFloating = (dtype: GraphType): boolean => FLOATING.includes(dtype);

export const isKnown = (shape: readonly number[]): boolean => shape.every((size) => size >= 0);

export const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The shape that both are stretched to. */
export function stretched(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [one = 1, other = 1] = [a[i - rank + a.length], b[i - rank + b.length]];
    if (one === 1) return other;
    return other === 1 || one === other || other === -1 ? one : one === -1 ? other : one;
  });
}

export const masked = (tensor: Tensor, mask: Tensor | undefined): Tensor => ({ ...tensor, mask });

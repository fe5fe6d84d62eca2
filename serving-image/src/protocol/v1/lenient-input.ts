import { sizeOf, type Tensor, type TensorSpec } from '../../model/types.ts';
import { badRequest } from '../../errors.ts';
import { show } from '../json/column.ts';
import { columnFor } from '../json/columns.ts';
import { rankAt, readNested } from '../json/nested.ts';
import type { Scanner } from '../json/scanner.ts';

/** A tensor as a person writes it: with or without a batch dimension, the values of a sample nested in any way. */
export interface LenientInput {
  tensor: Tensor;
  /** It is one sample, without a batch dimension. */
  sample: boolean;
}

/** Reads the value of one input. @throws RequestError 400, 413 */
export function readLenientInput(scan: Scanner, spec: TensorSpec, field: string): LenientInput {
  const given = Array.from({ length: rankAt(scan) }, () => -1);
  const column = columnFor(spec, field, given);
  readNested(scan, column);
  const fitted = fit(given, spec);
  if (!fitted) {
    const row = spec.shape.length > 1 ? `, or one sample of shape ${show(spec.shape.slice(1))}` : '';
    throw badRequest(`${field} has shape ${show(given)}, expected ${show(spec.shape)}${row}`);
  }
  const { shape, sample } = fitted;
  return { tensor: { name: spec.name, dtype: spec.dtype, shape, data: column.finish() }, sample };
}

/**
 * The shape a tensor must have, when `given` can be meant so: as it is, as one sample, or with the values of each
 * sample nested differently (28x28 for 784). Pure.
 */
function fit(given: readonly number[], spec: TensorSpec): { shape: readonly number[]; sample: boolean } | undefined {
  if (spec.unknownRank || fits(given, spec.shape)) return { shape: given, sample: false };
  const [batch, ...row] = spec.shape;
  if (batch !== -1) return undefined;
  if (fits(given, row)) return { shape: [1, ...given], sample: true };
  if (row.some((size) => size < 0)) return undefined;
  const size = sizeOf(row);
  if (sizeOf(given) === size) return { shape: [1, ...row], sample: true };
  const [rows = 0, ...rest] = given;
  return sizeOf(rest) === size ? { shape: [rows, ...row], sample: false } : undefined;
}

const fits = (given: readonly number[], shape: readonly number[]) =>
  given.length === shape.length && given.every((size, i) => shape[i] === -1 || shape[i] === size);

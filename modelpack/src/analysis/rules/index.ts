/** Rule of each name that sorted/rows.ts gives. What calls functions is in function.ts. Pure. */
import { constant, mixing, numbers, size, unknown, type Size } from '../value.ts';
import type { RowRule } from '../sorted/rows.ts';
import { bias, broadcast, cast, mapped, same, sameEach, select, zerosLike } from './elementwise.ts';
import { gather, gatherNd, lookup } from './gather.ts';
import { batchNorm, convolution, convolutionBackwards, perImage, pool, resize, reshapedImages } from './image.ts';
import {
  listElement,
  listFromTensor,
  listLength,
  newList,
  popElement,
  pushElement,
  setElement,
  stackList,
} from './list.ts';
import { einsum, matmul } from './multiply.ts';
import { parseExample } from './parse.ts';
import { concat, oneHot, pack, pad, range, slice, split, unpack } from './pieces.ts';
import { argument, innermost, largest, reduce, within } from './reduce.ts';
import { broadcastTo, count, expandDims, fill, rank, reshape, shape, squeeze, tile, transpose } from './reshape.ts';
import { attribute, type Call, type Rule } from './rule.ts';
import { stridedSlice } from './strided.ts';

/** Those that hand their inputs to functions, or to either branch. */
export type Control = 'call' | 'branch' | 'loop' | 'switched' | 'merge';

const sizes = (known: readonly number[] | null | undefined): Size[] | undefined =>
  known?.map((one) => size(one < 0 ? undefined : one));

/** Values that stand in the graph, and variables. */
const stored: Rule = (call: Call) => {
  const { tensor } = attribute(call, 'value');
  if (tensor?.numbers) return numbers(tensor.numbers.map(size), sizes(tensor.shape));
  return constant(sizes(tensor ? tensor.shape : attribute(call, 'shape').shape));
};

export const RULES: Readonly<Record<Exclude<RowRule, Control>, Rule>> = {
  same,
  sameEach,
  cast,
  mapped,
  zerosLike,
  broadcast,
  select,
  bias,
  reduce,
  argument,
  within,
  innermost: innermost(1, false),
  innermostResized: innermost(1, true),
  innermostTwo: innermost(2, false),
  innermostTwoResized: innermost(2, true),
  largest,
  matmul,
  einsum,
  convolution,
  convolutionBackwards,
  pool,
  batchNorm,
  resize,
  perImage,
  reshapedImages,
  reshape,
  transpose,
  expandDims,
  squeeze,
  shape,
  rank,
  count,
  fill,
  broadcastTo,
  tile,
  concat,
  pack,
  unpack,
  split,
  slice,
  stridedSlice,
  pad,
  oneHot,
  range,
  gather,
  gatherNd,
  lookup,
  newList,
  listFromTensor,
  listElement,
  setElement,
  pushElement,
  popElement,
  stackList,
  listLength,
  parseExample,
  constant: stored,
  nothing: () => [],
  mixing: () => mixing('its answer for one row depends on the others, or on chance'),
  unknown: () => unknown('what it does with rows is not known'),
};

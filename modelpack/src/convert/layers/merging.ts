/** Layers that make one tensor of several. */
import { Unreadable } from '../config.ts';
import { input, type LayerCall, type LayerRule } from '../layer.ts';
import { batchProduct, binary, cast, multiply, reduce, scalar, unary } from '../ops.ts';
import { concat, expandDims, filledRows, reshapeRows, squeeze, transpose } from '../shapes.ts';
import { fromFront, isFloating, isKnown, masked, type Tensor } from '../tensor.ts';

type Merge = 'AddV2' | 'Mul' | 'Maximum' | 'Minimum' | 'Sub';

/** In one type, and of as many dimensions as the one with the most: the rows come first, the new dimensions behind them. */
function aligned({ g, inputs, compute }: LayerCall): Tensor[] {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  const mixed = inputs.some(({ dtype }) => isFloating(dtype));
  return inputs.map((given) => {
    let x = mixed ? cast(g, given, compute) : given;
    while (x.shape.length < rank) x = expandDims(g, x, 1);
    return x;
  });
}

function merge(call: LayerCall, op: Merge): Tensor {
  const [first, ...others] = aligned(call);
  if (first === undefined) throw new Unreadable('is given nothing');
  if (op !== 'AddV2' && op !== 'Sub' && call.keras === 3 && call.inputs.some(({ mask }) => mask !== undefined))
    throw new Unreadable('is given masks, with which it computes otherwise; that is not converted yet');
  const whole = others.reduce((x, y) => binary(call.g, op, x, y), first);
  return masked(whole, mergedMask(call));
}

/** Keras 2: a step counts where it counts for all; Keras 3: where it counts for one. */
function mergedMask({ g, inputs, keras }: LayerCall): Tensor | undefined {
  const masks = inputs.flatMap(({ mask }) => mask ?? []);
  if (masks.length < inputs.length) return undefined;
  return masks.reduce((a, b) => (a.ref === b.ref ? a : binary(g, keras === 2 ? 'LogicalAnd' : 'LogicalOr', a, b)));
}

function average(call: LayerCall): Tensor {
  const whole = merge(call, 'AddV2');
  return masked(multiply(call.g, whole, scalar(call.g, 1 / call.inputs.length, whole.dtype)), whole.mask);
}

function concatenate(call: LayerCall): Tensor {
  const { g, inputs, config, compute } = call;
  const mixed = inputs.some(({ dtype }) => isFloating(dtype));
  const given = mixed ? inputs.map((x) => cast(g, x, compute)) : inputs;
  const axis = config.number('axis', -1);
  return masked(concat(g, given, axis), concatenatedMask(call, fromFront(axis, input(call).shape.length)));
}

function concatenatedMask(call: LayerCall, axis: number): Tensor | undefined {
  const { g, inputs, keras } = call;
  if (inputs.every(({ mask }) => mask === undefined)) return undefined;
  const rank = input(call).shape.length;
  if (axis === rank - 1 && rank > 2) {
    if (keras === 3) return mergedMask(call);
    const masks = inputs.flatMap(({ mask }) => mask ?? []);
    return masks.reduce((a, b) => (a.ref === b.ref ? a : binary(g, 'LogicalAnd', a, b)));
  }
  if (axis !== 1 || rank !== 3)
    throw new Unreadable('puts masked tensors together along this axis, which is not converted yet');
  const parts = inputs.map((x) => {
    if (x.mask !== undefined) return x.mask;
    const steps = x.shape[1] ?? -1;
    if (steps < 0)
      throw new Unreadable('puts masked and unmasked tensors together whose number of steps only a request tells');
    return filledRows(g, x, [steps], scalar(g, 1, 'BOOL'));
  });
  return concat(g, parts, 1);
}

/** Products along one axis of each. */
function dot(call: LayerCall): Tensor {
  const { g, config } = call;
  const value = config.raw('axes');
  const [one = -1, other = -1] = Array.isArray(value) ? (value as number[]) : [value as number, value as number];
  const lengths = [input(call, 0), input(call, 1)].map(({ shape }) => shape.length);
  const axes = [fromFront(one, lengths[0] ?? 0), fromFront(other, lengths[1] ?? 0)] as const;
  const normalised = config.flag('normalize', false);
  const sides = [0, 1].map((i) => {
    const x = input(call, i);
    const axis = axes[i as 0 | 1];
    return normalised ? unitAlong(call, x, axis) : x;
  });
  const [a, b] = sides as [Tensor, Tensor];
  const left = lastAxis(call, a, axes[0]);
  const right = lastAxis(call, b, axes[1]);
  const [outer, inner] = [a, b].map((x, i) => x.shape.filter((_, axis) => axis !== 0 && axis !== axes[i as 0 | 1]));
  const whole = batchProduct(g, left, right, true);
  const shape = [...(outer ?? []), ...(inner ?? [])];
  // A row of one number for each: Keras gives at least two dimensions.
  if (shape.length === 0) return squeeze(g, whole, [2]);
  if (!isKnown(shape) && shape.length !== 2)
    throw new Unreadable('multiplies tensors whose sizes only a request tells');
  return shape.length === 2 && outer?.length === 1 ? whole : reshapeRows(g, whole, shape);
}

function unitAlong({ g }: LayerCall, x: Tensor, axis: number): Tensor {
  const squares = reduce(g, 'Sum', unary(g, 'Square', x), [axis], true);
  return multiply(g, x, unary(g, 'Rsqrt', binary(g, 'Maximum', squares, 1e-12)));
}

/** Rows, all other dimensions as one, and the one that is summed over. */
function lastAxis({ g }: LayerCall, x: Tensor, axis: number): Tensor {
  const others = x.shape.map((_, i) => i).filter((i) => i !== 0 && i !== axis);
  const turned = transpose(g, x, [0, ...others, axis]);
  if (others.length === 1) return turned;
  if (others.length === 0) return expandDims(g, turned, 1);
  const sizes = others.map((i) => x.shape[i] ?? -1);
  if (!isKnown(sizes)) throw new Unreadable('multiplies tensors whose sizes only a request tells');
  return reshapeRows(g, turned, [sizes.reduce((product, size) => product * size, 1), x.shape[axis] ?? -1]);
}

const own = (convert: LayerRule['convert']): LayerRule => ({ convert, mask: 'own' });

const UNMASKED = 'in models of Keras 3 without masks';

export const MERGING: Readonly<Record<string, LayerRule>> = {
  Add: own((call) => merge(call, 'AddV2')),
  Subtract: own((call) => merge(call, 'Sub')),
  Multiply: { ...own((call) => merge(call, 'Mul')), note: UNMASKED },
  Maximum: { ...own((call) => merge(call, 'Maximum')), note: UNMASKED },
  Minimum: { ...own((call) => merge(call, 'Minimum')), note: UNMASKED },
  Average: own(average),
  Concatenate: { ...own(concatenate), note: 'masked tensors along their steps or their last axis' },
  Dot: { convert: dot, mask: 'ends', note: 'sizes known before a request, where there are several dimensions more' },
};

/** Layers that bring what they are given to a mean and deviation. */
import { Unreadable } from '../config.ts';
import { floating, floats, type LayerCall, type LayerRule } from '../layer.ts';
import { add, binary, cast, multiply, reduce, subtract, unary } from '../ops.ts';
import { reshapeRows } from '../shapes.ts';
import { elements, fromFront, isKnown, type Tensor } from '../tensor.ts';

/** What a normalization with fixed statistics comes to: so many times, and so much more. */
export interface Affine {
  size: number;
  scale: () => Float32Array;
  offset: () => Float32Array;
}

/** The weights of a BatchNormalization as factor and summand for each channel. */
export function affineOf({ config, weights }: Pick<LayerCall, 'config' | 'weights'>): Affine {
  config.ignore(
    'momentum',
    'renorm',
    'renorm_clipping',
    'renorm_momentum',
    'fused',
    'synchronized',
    'virtual_batch_size',
    'adjustment',
  );
  const epsilon = config.number('epsilon', 1e-3);
  const gamma = config.flag('scale', true) ? weights.raw('gamma') : undefined;
  const beta = config.flag('center', true) ? weights.raw('beta') : undefined;
  const [mean, variance] = [weights.raw('moving_mean'), weights.raw('moving_variance')];
  const scale = (): Float32Array => {
    const [own, spread] = [gamma && floats(gamma), floats(variance)];
    return spread.map((one, i) => (own?.[i] ?? 1) / Math.sqrt(one + epsilon));
  };
  const offset = (): Float32Array => {
    const [own, middle, factor] = [beta && floats(beta), floats(mean), scale()];
    return middle.map((one, i) => (own?.[i] ?? 0) - one * (factor[i] ?? 1));
  };
  return { size: elements(mean.shape), scale, offset };
}

function batchNormalization(call: LayerCall): Tensor {
  const { g, config, weights, named } = call;
  const x = floating(call);
  if (named.flag('training'))
    throw new Unreadable('is called with training = true: it normalises by the rows of a request');
  const value = config.raw('axis') ?? -1;
  const axis = fromFront(Array.isArray(value) ? ((value as number[])[0] ?? -1) : (value as number), x.shape.length);
  const { size, scale, offset } = affineOf(call);
  const shape = axis === x.shape.length - 1 ? [size] : x.shape.slice(axis).map((_, i) => (i === 0 ? size : 1));
  return add(g, multiply(g, x, weights.made(g, 'scale', shape, scale)), weights.made(g, 'offset', shape, offset));
}

const axesOf = (call: LayerCall, rank: number): number[] => {
  const value = call.config.raw('axis') ?? -1;
  const axes = Array.isArray(value) ? (value as number[]) : [value as number];
  return axes.map((axis) => fromFront(axis, rank)).sort((a, b) => a - b);
};

/** A weight in the dimensions that it belongs to, stretched in the others. */
function placed(call: LayerCall, name: string, x: Tensor, axes: readonly number[]): Tensor {
  const sizes = axes.map((axis) => x.shape[axis] ?? -1);
  const [first = 0] = axes;
  const shape = x.shape.slice(first).map((size, i) => (axes.includes(i + first) ? size : 1));
  return call.weights.take(call.g, name, sizes, () => shape);
}

function layerNormalization(call: LayerCall): Tensor {
  const { g, config } = call;
  const given = floating(call);
  const axes = axesOf(call, given.shape.length);
  const epsilon = config.number('epsilon', 1e-3);
  const [gammaScaling, center, scale] = [
    config.flag('rms_scaling', false),
    config.flag('center', true),
    config.flag('scale', true),
  ];
  // Keras computes halves in full.
  const x = given.dtype === 'FP16' || given.dtype === 'BF16' ? cast(g, given, 'FP32') : given;
  const gamma = scale || gammaScaling ? cast(g, placed(call, 'gamma', x, axes), x.dtype) : undefined;
  const middle = reduce(g, 'Mean', x, axes, true);
  const variance = reduce(g, 'Mean', binary(g, 'SquaredDifference', x, middle), axes, true);
  const inverse = unary(g, 'Rsqrt', add(g, variance, epsilon));
  if (gammaScaling) return cast(g, multiply(g, multiply(g, x, inverse), gamma ?? 1), given.dtype);
  const beta = center ? cast(g, placed(call, 'beta', x, axes), x.dtype) : undefined;
  const factor = gamma === undefined ? inverse : multiply(g, inverse, gamma);
  const normal = multiply(g, subtract(g, x, middle), factor);
  return cast(g, beta === undefined ? normal : add(g, normal, beta), given.dtype);
}

function groupNormalization(call: LayerCall): Tensor {
  const { g, config } = call;
  const given = floating(call);
  const [axis = given.shape.length - 1] = axesOf(call, given.shape.length);
  const channels = given.shape[axis] ?? -1;
  const groups = config.number('groups', 32) === -1 ? channels : config.number('groups', 32);
  const inner = given.shape.slice(1);
  if (!isKnown(inner)) throw new Unreadable('normalises groups of what has a size that only a request tells');
  const split = inner.flatMap((size, i) => (i + 1 === axis ? [groups, size / groups] : [size]));
  const x = reshapeRows(g, cast(g, given, given.dtype === 'FP64' ? 'FP64' : 'FP32'), split);
  const axes = x.shape.map((_, i) => i).filter((i) => i !== 0 && i !== axis);
  const middle = reduce(g, 'Mean', x, axes, true);
  const variance = reduce(g, 'Mean', binary(g, 'SquaredDifference', x, middle), axes, true);
  const inverse = unary(g, 'Rsqrt', add(g, variance, config.number('epsilon', 1e-3)));
  const normal = reshapeRows(g, multiply(g, subtract(g, x, middle), inverse), inner);
  const scaled = config.flag('scale', true)
    ? multiply(g, normal, cast(g, placed(call, 'gamma', given, [axis]), normal.dtype))
    : normal;
  const moved = config.flag('center', true)
    ? add(g, scaled, cast(g, placed(call, 'beta', given, [axis]), normal.dtype))
    : scaled;
  return cast(g, moved, given.dtype);
}

function rmsNormalization(call: LayerCall): Tensor {
  const { g, config } = call;
  const x = floating(call);
  const axes = axesOf(call, x.shape.length);
  const squares = reduce(g, 'Mean', unary(g, 'Square', x), axes, true);
  const normal = multiply(g, x, unary(g, 'Rsqrt', add(g, squares, config.number('epsilon', 1e-6))));
  return multiply(g, normal, placed(call, 'scale', x, axes));
}

function unitNormalization(call: LayerCall): Tensor {
  const { g } = call;
  const x = floating(call);
  const squares = reduce(g, 'Sum', unary(g, 'Square', x), axesOf(call, x.shape.length), true);
  return multiply(g, x, unary(g, 'Rsqrt', binary(g, 'Maximum', squares, 1e-12)));
}

const rule = (convert: LayerRule['convert']): LayerRule => ({ convert, mask: 'passes' });

export const NORMALIZING: Readonly<Record<string, LayerRule>> = {
  BatchNormalization: rule(batchNormalization),
  BatchNormalizationV1: rule(batchNormalization),
  BatchNormalizationV2: rule(batchNormalization),
  SyncBatchNormalization: rule(batchNormalization),
  LayerNormalization: rule(layerNormalization),
  GroupNormalization: rule(groupNormalization),
  RMSNormalization: { convert: rmsNormalization, mask: 'ends' },
  UnitNormalization: rule(unitNormalization),
};

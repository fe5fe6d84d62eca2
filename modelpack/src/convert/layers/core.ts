/** Dense, EinsumDense, Embedding, masks, and what only training notices. */
import { Unreadable } from '../config.ts';
import { floating, floats, input, type LayerCall, type LayerRule } from '../layer.ts';
import { add, addBias, binary, cast, einsum, multiply, product, reduce } from '../ops.ts';
import { gather, reshape } from '../shapes.ts';
import type { Scope } from '../scope.ts';
import { fromFront, isKnown, masked, type Tensor } from '../tensor.ts';
import { activate } from './activations.ts';

/** The innermost dimension times a matrix. With sizes known it is one product of two matrices, the quickest there is. */
export function dense(g: Scope, x: Tensor, kernel: Tensor): Tensor {
  const inner = x.shape.slice(1);
  if (x.shape.length <= 2 || !isKnown(inner)) return product(g, x, kernel);
  const [width = -1, units = -1] = kernel.shape;
  const flat = product(g, reshape(g, x, [-1, width], [-1, width]), kernel);
  return reshape(g, flat, [-1, ...inner.slice(0, -1), units], [...x.shape.slice(0, -1), units]);
}

function denseLayer(call: LayerCall): Tensor {
  const { g, config, weights, keras } = call;
  const x = floating(call);
  const units = config.number('units');
  const y = dense(g, x, weights.take(g, 'kernel', [x.shape.at(-1) ?? -1, units]));
  const biased = config.flag('use_bias', true) ? addBias(g, y, weights.take(g, 'bias', [units])) : y;
  return activate(g, biased, config.raw('activation'), keras);
}

function einsumDense(call: LayerCall): Tensor {
  const { g, config, weights, keras } = call;
  const x = floating(call);
  config.ignore('output_shape');
  const equation = withoutDots(config.text('equation').replaceAll(' ', ''), x.shape.length);
  const y = einsum(g, equation, x, weights.take(g, 'kernel'));
  const axes = config.raw('bias_axes');
  return activate(
    g,
    axes === undefined || axes === null ? y : add(g, y, weights.take(g, 'bias')),
    config.raw('activation'),
    keras,
  );
}

/** `...` as letters of its own. */
function withoutDots(equation: string, rank: number): string {
  if (!equation.includes('...')) return equation;
  const [term = ''] = equation.split(',');
  const count = rank - term.replace('...', '').length;
  const letters = [...'ZYXWVUTSRQPONMLKJIHGFEDCBA']
    .filter((one) => !equation.includes(one))
    .slice(0, Math.max(0, count));
  return equation.replaceAll('...', letters.join(''));
}

function embedding(call: LayerCall): Tensor {
  const { g, config, weights } = call;
  const x = input(call);
  config.ignore('input_length');
  const [words, size] = [config.number('input_dim'), config.number('output_dim')];
  const indices = x.dtype === 'INT32' || x.dtype === 'INT64' ? x : cast(g, x, 'INT32');
  const found = gather(g, weights.take(g, 'embeddings', [words, size]), indices);
  const mask = config.flag('mask_zero', false) ? binary(g, 'NotEqual', x, 0) : undefined;
  return masked(found, mask);
}

function masking(call: LayerCall): Tensor {
  const { g, config } = call;
  const x = floating(call);
  const present = binary(g, 'NotEqual', x, config.number('mask_value', 0));
  const kept = reduce(g, 'Any', present, [-1], true);
  const mask = reduce(g, 'Any', present, [-1]);
  return masked(multiply(g, x, cast(g, kept, x.dtype)), mask);
}

function inference(...keys: string[]): LayerRule {
  return {
    convert(call) {
      call.config.ignore(...keys);
      if (call.named.flag('training')) throw new Unreadable('is called with training = true: it answers by chance');
      return input(call);
    },
    mask: 'passes',
  };
}

function normalization(call: LayerCall): Tensor {
  const { g, config, weights } = call;
  const x = floating(call);
  const axis = config.raw('axis') ?? [];
  const axes = (Array.isArray(axis) ? (axis as number[]) : [axis as number])
    .map((one) => fromFront(one, x.shape.length))
    .sort((a, b) => a - b);
  config.ignore('input_mean', 'input_variance');
  const given = config.has('mean') && ([listed(config.raw('mean')), listed(config.raw('variance'))] as const);
  const [mean, variance] = given || statistics(call);
  // What has fewer dimensions than there are axes belongs to the last of them.
  const shape = x.shape.map(() => 1);
  mean.shape.forEach((size, i) => {
    const place = axes[axes.length - mean.shape.length + i];
    if (place === undefined) throw new Unreadable('has a mean of more dimensions than axes');
    shape[place] = size;
  });
  const m = weights.made(g, 'mean', shape, mean.values);
  const s = weights.made(g, 'deviation', shape, () => variance.values().map((one) => Math.max(Math.sqrt(one), 1e-7)));
  if (config.flag('invert', false)) return add(g, m, multiply(g, x, s));
  return binary(g, 'RealDiv', binary(g, 'Sub', x, m), s);
}

interface Listed {
  shape: readonly number[];
  values: () => Float32Array;
}

function listed(value: unknown): Listed {
  const shape: number[] = [];
  for (let inner = value; Array.isArray(inner); inner = (inner as unknown[])[0]) shape.push(inner.length);
  return { shape, values: () => Float32Array.from([value].flat(Infinity) as number[]) };
}

/** Kept as mean, variance and how many were counted, which matters no more. */
function statistics({ weights }: LayerCall): readonly [Listed, Listed] {
  const [mean, variance] = [weights.raw('mean'), weights.raw('variance')];
  if (weights.left > 0) weights.raw('count');
  return [mean, variance].map((one) => ({ shape: one.shape, values: () => floats(one) })) as [Listed, Listed];
}

function rescaling(call: LayerCall): Tensor {
  const { g, config } = call;
  const x = floating(call);
  const [scale, offset] = ['scale', 'offset'].map((key) => config.raw(key));
  const of = (value: unknown): Tensor | number => {
    if (typeof value === 'number') return value;
    if (!Array.isArray(value)) throw new Unreadable('has neither a number nor a list as its scale or offset');
    return cast(g, g.constant('FP32', [value.length], Float32Array.from(value as number[])), x.dtype);
  };
  return add(g, multiply(g, x, of(scale)), of(offset ?? 0));
}

export const CORE: Readonly<Record<string, LayerRule>> = {
  Dense: { convert: denseLayer, mask: 'passes' },
  EinsumDense: { convert: einsumDense, mask: 'ends' },
  Embedding: { convert: embedding, mask: 'own' },
  Masking: { convert: masking, mask: 'own' },
  Normalization: { convert: normalization, mask: 'ends' },
  Rescaling: { convert: rescaling, mask: 'passes' },
  Dropout: inference('rate', 'noise_shape'),
  SpatialDropout1D: inference('rate', 'noise_shape', 'data_format'),
  SpatialDropout2D: inference('rate', 'noise_shape', 'data_format'),
  SpatialDropout3D: inference('rate', 'noise_shape', 'data_format'),
  GaussianDropout: inference('rate'),
  GaussianNoise: inference('stddev'),
  AlphaDropout: inference('rate', 'noise_shape'),
  ActivityRegularization: inference('l1', 'l2'),
  Identity: inference(),
};

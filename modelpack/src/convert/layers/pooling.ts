/** Windows of which the largest or the mean is taken. */
import { attribute } from '../../graph-writer.ts';
import { input, type LayerCall, type LayerRule } from '../layer.ts';
import { cast, divide, multiply, reduce, typed } from '../ops.ts';
import { expandDims } from '../shapes.ts';
import type { Tensor } from '../tensor.ts';
import { channelsLast, windowSize, withTwoPlaces } from './windows.ts';

function pool(call: LayerCall, kind: 'Max' | 'Avg', places: number): Tensor {
  const { g, config } = call;
  const size = config.each('pool_size', places, 2);
  const strides = config.has('strides') ? config.each('strides', places) : size;
  config.ignore('strides');
  const padding = config.text('padding', 'valid') === 'same' ? 'SAME' : 'VALID';
  const widened = (values: readonly number[]) => (places === 1 ? [1, ...values] : values);
  return channelsLast(call, input(call), (given) =>
    withTwoPlaces(g, given, (x) => {
      const [window, steps] = [widened(size), widened(strides)];
      const attributes = {
        ...typed(x),
        ksize: attribute.counts([1, ...window, 1]),
        strides: attribute.counts([1, ...steps, 1]),
        padding: attribute.name(padding),
        data_format: attribute.name(places === 3 ? 'NDHWC' : 'NHWC'),
        ...(kind === 'Max' && places < 3 ? { explicit_paddings: attribute.counts([]) } : {}),
      };
      const inner = window.map((width, i) => windowSize(x.shape[i + 1] ?? -1, width, steps[i] ?? 1, padding));
      const result = { dtype: x.dtype, shape: [x.shape[0] ?? -1, ...inner, x.shape.at(-1) ?? -1] };
      return g.emit(places === 3 ? `${kind}Pool3D` : `${kind}Pool`, [x], attributes, result);
    }),
  );
}

const pooling = (kind: 'Max' | 'Avg', places: number): LayerRule => ({
  convert: (call) => pool(call, kind, places),
  mask: 'ends',
});

function globalPool(call: LayerCall, kind: 'Max' | 'Mean', places: number): Tensor {
  const { g, config } = call;
  const x = input(call);
  const first = config.text('data_format', 'channels_last') === 'channels_first' ? 2 : 1;
  const axes = Array.from({ length: places }, (_, i) => first + i);
  const keep = config.flag('keepdims', false);
  if (kind === 'Mean' && places === 1 && x.mask !== undefined && first === 1) {
    const counted = expandDims(g, cast(g, x.mask, x.dtype), 2);
    return divide(g, reduce(g, 'Sum', multiply(g, x, counted), axes, keep), reduce(g, 'Sum', counted, axes, keep));
  }
  return reduce(g, kind, x, axes, keep);
}

const global = (kind: 'Max' | 'Mean', places: number): LayerRule => ({
  convert: (call) => globalPool(call, kind, places),
  mask: 'ends',
});

const named = (names: readonly string[], make: (places: number) => LayerRule): Record<string, LayerRule> =>
  Object.fromEntries(names.flatMap((name) => [1, 2, 3].map((places) => [`${name}${places}D`, make(places)] as const)));

/** Keras has two names for each. */
export const POOLING: Readonly<Record<string, LayerRule>> = {
  ...named(['MaxPooling', 'MaxPool'], (places) => pooling('Max', places)),
  ...named(['AveragePooling', 'AvgPool'], (places) => pooling('Avg', places)),
  ...named(['GlobalMaxPooling', 'GlobalMaxPool'], (places) => global('Max', places)),
  ...named(['GlobalAveragePooling', 'GlobalAvgPool'], (places) => global('Mean', places)),
};

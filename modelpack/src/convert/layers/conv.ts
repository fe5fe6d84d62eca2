/** Convolutions. TensorFlow's own for processors want channels last and at least two dimensions of places. */
import type { Weight } from '../../keras/layers-model.ts';
import { attribute } from '../../graph-writer.ts';
import { Unreadable } from '../config.ts';
import { floating, floats, type LayerCall, type LayerRule } from '../layer.ts';
import { addBias, scalar, typed, type Operation } from '../ops.ts';
import type { Scope } from '../scope.ts';
import { concat, pad, sizeAt, sizes, split } from '../shapes.ts';
import { elements, type Tensor } from '../tensor.ts';
import { activate } from './activations.ts';
import { channelsLast, windowSize, withTwoPlaces, type Windows } from './windows.ts';

const asTwo = (values: readonly number[]): number[] => (values.length === 1 ? [1, ...values] : [...values]);

function swept(x: Tensor, kernel: readonly number[], { strides, dilations, padding }: Windows, channels: number) {
  const places = strides.map((stride, i) => {
    const reach = ((kernel[i] ?? 1) - 1) * (dilations[i] ?? 1) + 1;
    return windowSize(x.shape[i + 1] ?? -1, reach, stride, padding);
  });
  return { dtype: x.dtype, shape: [x.shape[0] ?? -1, ...places, channels] };
}

const attributesOf = (x: Tensor, { strides, dilations, padding }: Windows) => ({
  ...typed(x),
  strides: attribute.counts([1, ...strides, 1]),
  dilations: attribute.counts([1, ...dilations, 1]),
  padding: attribute.name(padding),
  data_format: attribute.name(strides.length === 3 ? 'NDHWC' : 'NHWC'),
});

/** `kernel`: places, channels in, channels out. */
export function convolve(g: Scope, x: Tensor, kernel: Tensor, windows: Windows): Tensor {
  const op: Operation = windows.strides.length === 3 ? 'Conv3D' : 'Conv2D';
  const plain = {
    ...attributesOf(x, windows),
    ...(op === 'Conv2D' ? { explicit_paddings: attribute.counts([]) } : {}),
  };
  const groups = (x.shape.at(-1) ?? 1) / (kernel.shape.at(-2) ?? 1);
  const one = (from: Tensor, by: Tensor) =>
    g.emit(op, [from, by], plain, swept(from, by.shape, windows, by.shape.at(-1) ?? -1));
  if (groups === 1) return one(x, kernel);
  const [parts, kernels] = [split(g, x, groups, -1), split(g, kernel, groups, -1)];
  return concat(
    g,
    parts.map((part, i) => one(part, kernels[i] ?? kernel)),
    -1,
  );
}

/** `kernel`: places, channels, how many come of each. */
function convolveDepthwise(g: Scope, x: Tensor, kernel: Tensor, windows: Windows): Tensor {
  const attributes = { ...attributesOf(x, windows), explicit_paddings: attribute.counts([]) };
  const channels = (kernel.shape.at(-1) ?? 1) * (kernel.shape.at(-2) ?? 1);
  return g.emit('DepthwiseConv2dNative', [x, kernel], attributes, swept(x, kernel.shape, windows, channels));
}

interface Geometry {
  kernel: readonly number[];
  windows: Windows;
  causal: boolean;
}

function geometryOf({ config }: LayerCall, places: number): Geometry {
  const kernel = config.each('kernel_size', places);
  const padding = config.text('padding', 'valid');
  if (!['valid', 'same', 'causal'].includes(padding))
    throw new Unreadable(`has the padding ${padding}, which is not understood`);
  return {
    kernel,
    windows: {
      strides: config.each('strides', places, 1),
      dilations: config.each('dilation_rate', places, 1),
      padding: padding === 'same' ? 'SAME' : 'VALID',
    },
    causal: padding === 'causal',
  };
}

/** Only what came before a step counts for it. */
function padCausally(g: Scope, x: Tensor, { kernel, windows, causal }: Geometry): Tensor {
  const before = ((kernel[0] ?? 1) - 1) * (windows.dilations[0] ?? 1);
  return causal
    ? pad(
        g,
        x,
        [
          [0, 0],
          [before, 0],
          [0, 0],
        ],
        scalar(g, 0, x.dtype),
      )
    : x;
}

const flat = ({ strides, dilations, padding }: Windows): Windows => ({
  strides: asTwo(strides),
  dilations: asTwo(dilations),
  padding,
});

/** Where TensorFlow knows no dilation, a kernel with zeros between its places does the same. */
function kernelOf(
  call: LayerCall,
  name: string,
  shape: readonly number[],
  places: number,
  dilations: readonly number[],
): Tensor {
  const { g, weights } = call;
  const widened = (sizes: readonly number[]) => (places === 1 ? [1, ...sizes] : sizes);
  if (dilations.every((one) => one === 1)) return weights.take(g, name, shape, widened);
  const weight = weights.raw(name, shape);
  const target = weight.shape.map((size, i) => (i < places ? (size - 1) * (dilations[i] ?? 1) + 1 : size));
  return weights.made(g, name, widened(target), () => spread(weight, target, dilations));
}

function spread(weight: Weight, target: readonly number[], dilations: readonly number[]): Float32Array {
  const values = floats(weight);
  const spreadOut = new Float32Array(elements(target));
  const inner = elements(weight.shape.slice(dilations.length));
  for (let place = 0; place * inner < values.length; place++) {
    let rest = place;
    let [to, step] = [0, 1];
    for (let i = dilations.length - 1; i >= 0; i--) {
      const size = weight.shape[i] ?? 1;
      to += (rest % size) * (dilations[i] ?? 1) * step;
      step *= target[i] ?? 1;
      rest = Math.floor(rest / size);
    }
    spreadOut.set(values.subarray(place * inner, (place + 1) * inner), to * inner);
  }
  return spreadOut;
}

const ONES = [1, 1, 1];

function finish(call: LayerCall, y: Tensor): Tensor {
  const { g, config, weights } = call;
  return config.flag('use_bias', true) ? addBias(g, y, weights.take(g, 'bias', [y.shape.at(-1) ?? -1])) : y;
}

const activated = (call: LayerCall, y: Tensor): Tensor =>
  activate(call.g, y, call.config.raw('activation'), call.keras);

const convLayer = (places: number): LayerRule => ({
  convert(call) {
    const { g, config } = call;
    const filters = config.number('filters');
    config.ignore('groups', 'rank');
    const geometry = geometryOf(call, places);
    const y = channelsLast(call, floating(call), (x) => {
      const channels = (x.shape.at(-1) ?? 1) / config.number('groups', 1);
      const shape = [...geometry.kernel, channels, filters];
      const { windows } = geometry;
      // Of TensorFlow's only Conv2D knows dilations on a processor, and not with strides.
      const own = places === 3 || windows.strides.some((one) => one > 1) ? windows.dilations : ONES;
      const kernel = kernelOf(call, 'kernel', shape, places, own);
      const left = own === ONES ? windows : { ...windows, dilations: windows.dilations.map(() => 1) };
      const padded = padCausally(g, x, geometry);
      return finish(
        call,
        withTwoPlaces(g, padded, (wide) => convolve(g, wide, kernel, flat(left))),
      );
    });
    return activated(call, y);
  },
  mask: 'ends',
});

const depthwiseLayer = (places: number): LayerRule => ({
  convert(call) {
    const { config } = call;
    config.ignore('rank', 'groups', 'filters');
    const geometry = geometryOf(call, places);
    const y = channelsLast(call, floating(call), (x) => finish(call, depthwise(call, x, geometry, 'kernel')));
    return activated(call, y);
  },
  mask: 'ends',
});

function depthwise(call: LayerCall, x: Tensor, geometry: Geometry, name: string): Tensor {
  const { g, config } = call;
  const shape = [...geometry.kernel, x.shape.at(-1) ?? -1, config.number('depth_multiplier', 1)];
  const places = geometry.kernel.length;
  const kernel = kernelOf(call, name, shape, places, geometry.windows.dilations);
  const padded = padCausally(g, x, geometry);
  return withTwoPlaces(g, padded, (wide) => {
    const strides = asTwo(geometry.windows.strides);
    const [high = 1, across = 1] = strides;
    const windows = { strides, dilations: [1, 1], padding: geometry.windows.padding };
    // TensorFlow's takes one stride for both dimensions: with one row of places any will do.
    if (places === 1) return convolveDepthwise(g, wide, kernel, { ...windows, strides: [across, across] });
    if (high !== across)
      throw new Unreadable(`has the strides ${high} and ${across}, where TensorFlow takes equal ones only`);
    return convolveDepthwise(g, wide, kernel, windows);
  });
}

const separableLayer = (places: number): LayerRule => ({
  convert(call) {
    const { g, config } = call;
    config.ignore('rank', 'groups');
    const filters = config.number('filters');
    const geometry = geometryOf(call, places);
    const y = channelsLast(call, floating(call), (x) => {
      const deep = depthwise(call, x, geometry, 'depthwise_kernel');
      const shape = [...Array<number>(places).fill(1), deep.shape.at(-1) ?? -1, filters];
      const kernel = kernelOf(call, 'pointwise_kernel', shape, places, ONES);
      const windows: Windows = { strides: [1, 1], dilations: [1, 1], padding: 'VALID' };
      return finish(
        call,
        withTwoPlaces(g, deep, (wide) => convolve(g, wide, kernel, windows)),
      );
    });
    return activated(call, y);
  },
  mask: 'ends',
});

const transposedLayer = (places: number): LayerRule => ({
  convert(call) {
    const { g, config } = call;
    config.ignore('rank', 'groups');
    const filters = config.number('filters');
    const geometry = geometryOf(call, places);
    const extra = config.has('output_padding') ? config.each('output_padding', places) : undefined;
    const y = channelsLast(call, floating(call), (x) => {
      const shape = [...geometry.kernel, filters, x.shape.at(-1) ?? -1];
      const kernel = kernelOf(call, 'kernel', shape, places, geometry.windows.dilations);
      return finish(
        call,
        withTwoPlaces(g, x, (wide) => convolveBack(g, wide, kernel, flat(geometry.windows), extra && asTwo0(extra))),
      );
    });
    return activated(call, y);
  },
  mask: 'ends',
});

const asTwo0 = (values: readonly number[]): number[] => (values.length === 1 ? [0, ...values] : [...values]);

function convolveBack(
  g: Scope,
  x: Tensor,
  kernel: Tensor,
  { strides, padding }: Windows,
  extra: readonly number[] | undefined,
): Tensor {
  const channels = kernel.shape.at(-2) ?? -1;
  const places = strides.map((stride, i) => {
    const [size, width] = [x.shape[i + 1] ?? -1, kernel.shape[i] ?? 1];
    if (size < 0) throw new Unreadable('is given images whose size only a request tells');
    if (padding === 'VALID') return (size - 1) * stride + width + (extra?.[i] ?? Math.max(width, stride) - width);
    return extra === undefined
      ? size * stride
      : (size - 1) * stride + width - 2 * Math.floor(width / 2) + (extra[i] ?? 0);
  });
  const deep = strides.length === 3;
  const attributes = {
    ...attributesOf(x, { strides, dilations: strides.map(() => 1), padding }),
    ...(deep ? { Tshape: attribute.type('INT32') } : { explicit_paddings: attribute.counts([]) }),
  };
  const target = sizes(g, [sizeAt(g, x, 0), ...places, channels]);
  const result = { dtype: x.dtype, shape: [x.shape[0] ?? -1, ...places, channels] };
  return g.emit(deep ? 'Conv3DBackpropInputV2' : 'Conv2DBackpropInput', [target, kernel, x], attributes, result);
}

export const CONVOLUTIONS: Readonly<Record<string, LayerRule>> = {
  Conv1D: convLayer(1),
  Conv2D: convLayer(2),
  Conv3D: convLayer(3),
  DepthwiseConv1D: depthwiseLayer(1),
  DepthwiseConv2D: depthwiseLayer(2),
  SeparableConv1D: separableLayer(1),
  SeparableConv2D: separableLayer(2),
  Conv1DTranspose: transposedLayer(1),
  Conv2DTranspose: transposedLayer(2),
  Conv3DTranspose: transposedLayer(3),
  Convolution1D: convLayer(1),
  Convolution2D: convLayer(2),
  Convolution3D: convLayer(3),
};

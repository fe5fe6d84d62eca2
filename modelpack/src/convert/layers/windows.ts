/** Windows that go over places, and the order in which TensorFlow wants the dimensions. */
import { Unreadable } from '../config.ts';
import type { LayerCall } from '../layer.ts';
import type { Scope } from '../scope.ts';
import { expandDims, squeeze, transpose } from '../shapes.ts';
import type { Tensor } from '../tensor.ts';

export type Padding = 'SAME' | 'VALID';

/** How windows go over places, one number for each dimension. */
export interface Windows {
  strides: readonly number[];
  dilations: readonly number[];
  padding: Padding;
}

/** Computes with the channels last, whatever order the layer has. */
export function channelsLast(call: LayerCall, x: Tensor, compute: (x: Tensor) => Tensor): Tensor {
  const { g, config } = call;
  const format = config.text('data_format', 'channels_last');
  if (format === 'channels_last') return compute(x);
  if (format !== 'channels_first') throw new Unreadable(`has the data_format ${format}, which is not understood`);
  const places = x.shape.slice(2).map((_, i) => i + 2);
  const y = compute(transpose(g, x, [0, ...places, 1]));
  return transpose(g, y, [0, y.shape.length - 1, ...y.shape.slice(1, -1).map((_, i) => i + 1)]);
}

/** A dimension of one place more, where there is only one: before the places. */
export function withTwoPlaces(g: Scope, x: Tensor, compute: (x: Tensor) => Tensor): Tensor {
  if (x.shape.length !== 3) return compute(x);
  return squeeze(g, compute(expandDims(g, x, 1)), [1]);
}

export function windowSize(size: number, width: number, stride: number, padding: Padding): number {
  if (size < 0) return -1;
  return padding === 'SAME' ? Math.ceil(size / stride) : Math.ceil((size - width + 1) / stride);
}

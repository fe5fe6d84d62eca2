/** Layers that give the same elements in another shape, order or number. */
import { Unreadable } from '../config.ts';
import { input, type LayerCall, type LayerRule } from '../layer.ts';
import { integers, scalar, typed } from '../ops.ts';
import { expandDims, flatSize, pad, reshapeRows, shapeOf, slice, tile, transpose, type Part } from '../shapes.ts';
import { elements, isKnown, type Tensor } from '../tensor.ts';
import { attribute } from '../../graph-writer.ts';
import { channelsLast } from './windows.ts';

function flatten(call: LayerCall): Tensor {
  const { g, config } = call;
  const x = input(call);
  if (x.shape.length === 1) return expandDims(g, x, 1);
  if (x.shape.length === 2) return x;
  const first = config.text('data_format', 'channels_last') === 'channels_first' && x.shape.length > 2;
  const last = first ? transpose(g, x, [0, ...x.shape.slice(2).map((_, i) => i + 2), 1]) : x;
  const size = flatSize(last.shape.slice(1));
  if (size >= 0) return reshapeRows(g, last, [size]);
  const [rows = -1] = shapeOf(g, last);
  return { ...reshapeWith(call, last, rows), shape: [last.shape[0] ?? -1, -1] };
}

/** The rest of the elements of each row, whose number only a request tells. */
const reshapeWith = (call: LayerCall, x: Tensor, rows: number | Tensor): Tensor => {
  const { g } = call;
  const whole = typeof rows === 'number' ? [rows, -1] : [rows, -1];
  return g.emit(
    'Reshape',
    [x, packed(call, whole)],
    { ...typed(x), Tshape: attribute.type('INT32') },
    { dtype: x.dtype, shape: [-1, -1] },
  );
};

function packed({ g }: LayerCall, list: readonly (number | Tensor)[]): Tensor {
  if (list.every((one) => typeof one === 'number')) return integers(g, list);
  const parts = list.map((one) => (typeof one === 'number' ? scalar(g, one, 'INT32') : one));
  const attributes = { N: attribute.count(parts.length), T: attribute.type('INT32'), axis: attribute.count(0) };
  return g.emit('Pack', parts, attributes, { dtype: 'INT32', shape: [parts.length] });
}

function reshapeLayer(call: LayerCall): Tensor {
  const { g, config } = call;
  const x = input(call);
  const wanted = config.numbers('target_shape');
  const inner = x.shape.slice(1);
  const free = wanted.indexOf(-1);
  if (free < 0) return reshapeRows(g, x, wanted);
  if (!isKnown(inner)) throw new Unreadable('gives a shape with -1 to what has a size that only a request tells');
  const rest = elements(wanted.filter((_, i) => i !== free));
  return reshapeRows(
    g,
    x,
    wanted.map((size, i) => (i === free ? elements(inner) / rest : size)),
  );
}

function repeatVector(call: LayerCall): Tensor {
  const { g, config } = call;
  return tile(g, expandDims(g, input(call), 1), [1, config.number('n'), 1]);
}

/** `[[before, behind], …]` for each place, however Keras writes it. */
function edges(call: LayerCall, key: string, places: number): [number, number][] {
  const value = call.config.raw(key) ?? 1;
  if (typeof value === 'number') return Array.from({ length: places }, () => [value, value]);
  const list: unknown[] = Array.isArray(value) ? (value as unknown[]) : [];
  const flatPair = places === 1 && list.length === 2 && typeof list[0] === 'number' ? [list] : list;
  const pairs = flatPair.map((one) => (typeof one === 'number' ? [one, one] : one));
  const fits = (one: unknown): one is [number, number] =>
    Array.isArray(one) && one.length === 2 && one.every((size) => typeof size === 'number');
  if (pairs.length === places && pairs.every(fits)) return pairs;
  throw new Unreadable(`has ${key} = ${JSON.stringify(value)} in its configuration, which is not understood`);
}

const zeroPadding = (places: number): LayerRule => ({
  convert: (call) => {
    const around = edges(call, 'padding', places);
    return channelsLast(call, input(call), (x) =>
      pad(call.g, x, [[0, 0], ...around, [0, 0]], scalar(call.g, 0, x.dtype)),
    );
  },
  mask: 'ends',
});

const cropping = (places: number): LayerRule => ({
  convert: (call) => {
    const parts = edges(call, 'cropping', places).map(([before, behind]): Part => ({
      begin: before === 0 ? undefined : before,
      end: behind === 0 ? undefined : -behind,
    }));
    return channelsLast(call, input(call), (x) => slice(call.g, x, [{}, ...parts]));
  },
  mask: 'ends',
});

/** Each place so many times: a new dimension that is repeated and then made one with it. */
function repeat(call: LayerCall, x: Tensor, axis: number, times: number): Tensor {
  const { g } = call;
  if (times === 1) return x;
  const wide = expandDims(g, x, axis + 1);
  const repeated = tile(
    g,
    wide,
    wide.shape.map((_, i) => (i === axis + 1 ? times : 1)),
  );
  const inner = x.shape.slice(1);
  if (!isKnown(inner)) throw new Unreadable('repeats what has a size that only a request tells');
  return reshapeRows(
    g,
    repeated,
    inner.map((size, i) => (i + 1 === axis ? size * times : size)),
  );
}

const RESIZE = {
  nearest: 'ResizeNearestNeighbor',
  bilinear: 'ResizeBilinear',
  bicubic: 'ResizeBicubic',
  area: 'ResizeArea',
} as const;
type Interpolation = keyof typeof RESIZE;

export function resize(call: LayerCall, x: Tensor, size: readonly [number, number], interpolation: string): Tensor {
  const op = RESIZE[interpolation as Interpolation] as (typeof RESIZE)[Interpolation] | undefined;
  if (op === undefined) throw new Unreadable(`has the interpolation ${interpolation}, which is not converted yet`);
  const attributes = {
    ...typed(x),
    align_corners: attribute.flag(false),
    // Area has no centres.
    ...(op === 'ResizeArea' ? {} : { half_pixel_centers: attribute.flag(true) }),
  };
  const dtype = interpolation === 'nearest' ? x.dtype : 'FP32';
  const result = { dtype, shape: [x.shape[0] ?? -1, ...size, x.shape.at(-1) ?? -1] } as const;
  return call.g.emit(op, [x, integers(call.g, size)], attributes, result);
}

function upSampling2D(call: LayerCall): Tensor {
  const { config } = call;
  const [high = 1, wide = 1] = config.each('size', 2, 2);
  const interpolation = config.text('interpolation', 'nearest');
  return channelsLast(call, input(call), (x) => {
    if (interpolation === 'nearest') return repeat(call, repeat(call, x, 1, high), 2, wide);
    const [, height = -1, width = -1] = x.shape;
    if (height < 0 || width < 0) throw new Unreadable('is given images whose size only a request tells');
    return resize(call, x, [height * high, width * wide], interpolation);
  });
}

const plain = (convert: LayerRule['convert']): LayerRule => ({ convert, mask: 'ends' });

export const RESHAPING: Readonly<Record<string, LayerRule>> = {
  Flatten: plain(flatten),
  Reshape: plain(reshapeLayer),
  Permute: plain((call) => transpose(call.g, input(call), [0, ...call.config.numbers('dims')])),
  RepeatVector: plain(repeatVector),
  ZeroPadding1D: zeroPadding(1),
  ZeroPadding2D: zeroPadding(2),
  ZeroPadding3D: zeroPadding(3),
  Cropping1D: cropping(1),
  Cropping2D: cropping(2),
  Cropping3D: cropping(3),
  UpSampling1D: plain((call) => repeat(call, input(call), 1, call.config.each('size', 1, 2)[0] ?? 2)),
  UpSampling2D: plain(upSampling2D),
  UpSampling3D: plain((call) => {
    const times = call.config.each('size', 3, 2);
    return channelsLast(call, input(call), (x) => times.reduce((y, count, i) => repeat(call, y, i + 1, count), x));
  }),
};

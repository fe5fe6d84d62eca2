/** The same elements in another shape, order or number. */
import { attribute } from '../graph-writer.ts';
import { integer, integers, typed } from './ops.ts';
import type { Scope } from './scope.ts';
import { elements, fromFront, isKnown, type Tensor } from './tensor.ts';

const TIDX = { Tidx: attribute.type('INT32') };

/** One size of a tensor, as the model runs; -1 is only known then. */
export function sizeAt(g: Scope, x: Tensor, axis: number): Tensor {
  const known = x.shape[axis] ?? -1;
  if (known >= 0) return integer(g, known);
  const shape = g.emit(
    'Shape',
    [x],
    { ...typed(x), out_type: attribute.type('INT32') },
    {
      dtype: 'INT32',
      shape: [x.shape.length],
    },
  );
  const masks = ['begin_mask', 'end_mask', 'ellipsis_mask', 'new_axis_mask'];
  const attributes = {
    T: attribute.type('INT32'),
    Index: attribute.type('INT32'),
    ...Object.fromEntries(masks.map((name) => [name, attribute.count(0)])),
    shrink_axis_mask: attribute.count(1),
  };
  const limits = [integers(g, [axis]), integers(g, [axis + 1]), integers(g, [1])];
  return g.emit('StridedSlice', [shape, ...limits], attributes, { dtype: 'INT32', shape: [] });
}

/** Sizes of which some are only known when the model runs, as one tensor. */
export function sizes(g: Scope, list: readonly (number | Tensor)[]): Tensor {
  if (list.every((one) => typeof one === 'number')) return integers(g, list);
  const parts = list.map((one) => (typeof one === 'number' ? integer(g, one) : one));
  const attributes = { N: attribute.count(parts.length), T: attribute.type('INT32'), axis: attribute.count(0) };
  return g.emit('Pack', parts, attributes, { dtype: 'INT32', shape: [parts.length] });
}

/** The shape of `x`, with what is not known taken from it when the model runs. */
export const shapeOf = (g: Scope, x: Tensor): (number | Tensor)[] =>
  x.shape.map((size, axis) => (size >= 0 ? size : sizeAt(g, x, axis)));

/** Rows stay rows: the first size of `inner` follows that of the rows, which is found from the others where they are known. */
export function reshapeRows(g: Scope, x: Tensor, inner: readonly (number | Tensor)[]): Tensor {
  const known = inner.map((one) => (typeof one === 'number' ? one : -1));
  const first = isKnown(known) && isKnown(x.shape.slice(1)) ? -1 : sizeAt(g, x, 0);
  return reshape(g, x, [first, ...inner], [x.shape[0] ?? -1, ...known]);
}

export function reshape(g: Scope, x: Tensor, target: readonly (number | Tensor)[], shape: readonly number[]): Tensor {
  const attributes = { ...typed(x), Tshape: attribute.type('INT32') };
  return g.emit('Reshape', [x, sizes(g, target)], attributes, { dtype: x.dtype, shape });
}

export function transpose(g: Scope, x: Tensor, order: readonly number[]): Tensor {
  if (order.every((from, to) => from === to)) return x;
  const attributes = { ...typed(x), Tperm: attribute.type('INT32') };
  return g.emit('Transpose', [x, integers(g, order)], attributes, {
    dtype: x.dtype,
    shape: order.map((from) => x.shape[from] ?? -1),
  });
}

export function expandDims(g: Scope, x: Tensor, axis: number): Tensor {
  const place = fromFront(axis, x.shape.length + 1);
  const shape = [...x.shape.slice(0, place), 1, ...x.shape.slice(place)];
  return g.emit('ExpandDims', [x, integer(g, place)], { ...typed(x), Tdim: attribute.type('INT32') }, { ...x, shape });
}

export function squeeze(g: Scope, x: Tensor, axes: readonly number[]): Tensor {
  const places = axes.map((axis) => fromFront(axis, x.shape.length));
  const shape = x.shape.filter((_, i) => !places.includes(i));
  return g.emit('Squeeze', [x], { ...typed(x), squeeze_dims: attribute.counts(places) }, { ...x, shape });
}

export function concat(g: Scope, tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new Error('nothing to put together');
  if (tensors.length === 1) return first;
  const place = fromFront(axis, first.shape.length);
  const wide = tensors.map(({ shape }) => shape[place] ?? -1);
  const whole = isKnown(wide) ? wide.reduce((sum, size) => sum + size, 0) : -1;
  const shape = first.shape.map((size, i) => {
    if (i === place) return whole;
    return Math.max(size, ...tensors.map((one) => one.shape[i] ?? -1));
  });
  const attributes = { N: attribute.count(tensors.length), ...typed(first), ...TIDX };
  return g.emit('ConcatV2', [...tensors, integer(g, place)], attributes, { dtype: first.dtype, shape });
}

/** Equal parts along a dimension. */
export function split(g: Scope, x: Tensor, parts: number, axis: number): Tensor[] {
  if (parts === 1) return [x];
  const place = fromFront(axis, x.shape.length);
  const part = {
    dtype: x.dtype,
    shape: x.shape.map((size, i) => (i === place && size >= 0 ? size / parts : size)),
  };
  const attributes = { num_split: attribute.count(parts), ...typed(x) };
  return g.emitAll('Split', [integer(g, place), x], attributes, Array<typeof part>(parts).fill(part));
}

/** What lies from `begin` to `end` in each dimension; undefined means to its edge. */
export interface Part {
  begin?: number | undefined;
  end?: number | undefined;
  /** Only `begin` is taken, and the dimension goes. */
  single?: true;
}

export function slice(g: Scope, x: Tensor, parts: readonly Part[]): Tensor {
  const mask = (of: (part: Part) => boolean) =>
    attribute.count(parts.reduce((sum, part, i) => sum + (of(part) ? 2 ** i : 0), 0));
  const end = ({ begin = 0, end: last, single }: Part) => (single ? begin + 1 : (last ?? 0));
  const limits = [parts.map(({ begin = 0 }) => begin), parts.map(end), parts.map(() => 1)];
  const attributes = {
    ...typed(x),
    Index: attribute.type('INT32'),
    begin_mask: mask(({ begin, single }) => begin === undefined && !single),
    end_mask: mask(({ end: last, begin, single }) => (single ? begin === -1 : last === undefined)),
    ellipsis_mask: attribute.count(0),
    new_axis_mask: attribute.count(0),
    shrink_axis_mask: mask(({ single }) => single === true),
  };
  const shape = x.shape.flatMap((size, i) => {
    const part = parts[i];
    if (part === undefined) return [size];
    return part.single ? [] : [length(size, part)];
  });
  return g.emit('StridedSlice', [x, ...limits.map((one) => integers(g, one))], attributes, { dtype: x.dtype, shape });
}

function length(size: number, { begin, end }: Part): number {
  if (begin === undefined && end === undefined) return size;
  if (size < 0) return -1;
  const at = (place: number) => Math.min(Math.max(place < 0 ? place + size : place, 0), size);
  return Math.max(0, at(end ?? size) - at(begin ?? 0));
}

export function tile(g: Scope, x: Tensor, times: readonly number[]): Tensor {
  if (times.every((one) => one === 1)) return x;
  const shape = x.shape.map((size, i) => (size < 0 ? -1 : size * (times[i] ?? 1)));
  const attributes = { ...typed(x), Tmultiples: attribute.type('INT32') };
  return g.emit('Tile', [x, integers(g, times)], attributes, { dtype: x.dtype, shape });
}

/** Puts a value around a tensor: so many before and behind each dimension. */
export function pad(g: Scope, x: Tensor, widths: readonly (readonly [number, number])[], value: Tensor): Tensor {
  if (widths.every(([before, behind]) => before === 0 && behind === 0)) return x;
  const shape = x.shape.map((size, i) => (size < 0 ? -1 : size + (widths[i]?.[0] ?? 0) + (widths[i]?.[1] ?? 0)));
  const attributes = { ...typed(x), Tpaddings: attribute.type('INT32') };
  const all = g.constant('INT32', [widths.length, 2], Int32Array.from(widths.flat()));
  return g.emit('PadV2', [x, all, value], attributes, { dtype: x.dtype, shape });
}

export function gather(g: Scope, table: Tensor, indices: Tensor, axis = 0): Tensor {
  const attributes = {
    Tparams: attribute.type(table.dtype),
    Tindices: attribute.type(indices.dtype),
    Taxis: attribute.type('INT32'),
    batch_dims: attribute.count(0),
  };
  const shape = [...table.shape.slice(0, axis), ...indices.shape, ...table.shape.slice(axis + 1)];
  return g.emit('GatherV2', [table, indices, integer(g, axis)], attributes, { dtype: table.dtype, shape });
}

/** The same value everywhere, in as many rows as another tensor has. */
export function filledRows(g: Scope, like: Tensor, inner: readonly number[], value: Tensor): Tensor {
  const attributes = { T: attribute.type(value.dtype), index_type: attribute.type('INT32') };
  const shape = [like.shape[0] ?? -1, ...inner];
  return g.emit('Fill', [sizes(g, [sizeAt(g, like, 0), ...inner]), value], attributes, { dtype: value.dtype, shape });
}

export const flatSize = (shape: readonly number[]): number => (isKnown(shape) ? elements(shape) : -1);

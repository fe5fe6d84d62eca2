/** The same elements in another shape, or in another order of dimensions. Pure. */
import {
  along,
  constant,
  fromFront,
  isDoubt,
  isFree,
  isOne,
  known,
  mixing,
  numbers,
  product,
  rowsTimes,
  size,
  unknown,
  type Size,
} from '../value.ts';
import { attribute, input, type Call, type Doubt, type Known, type Rule, type Value } from './rule.ts';

const INFERRED = -1;
const SPLITS = 'it spreads a row over several, or puts several into one';

export const reshape: Rule = (call) => {
  const [value, wanted] = [input(call, 0), input(call, 1)];
  const target = wanted.values;
  if (wanted.axis !== undefined) return mixing('the shape depends on what the request holds');
  if (value.axis === undefined) return reshapedConstant(value, wanted);
  if (target === undefined) return unknown('the shape that it gives is not known');
  // Dimensions of one element before the rows change nothing.
  const before = target.findIndex((one) => !isOne(one));
  const [rows = size(undefined), ...inner] = target.slice(Math.max(0, before));
  const own = value.shape?.slice(0, value.axis);
  if (own === undefined || !own.every(isOne)) return unknown('the rows do not lie in the first dimension');
  const all = product(value.shape ?? []);
  const count = rowsIn(rows, inner, all?.size);
  if (isDoubt(count)) return count;
  const rest = product(inner.filter(({ size: one }) => one !== INFERRED))?.size;
  const each = all?.size;
  const left = count.size && rest && each ? each / (count.size * rest) : undefined;
  const sizes = inner.map((one) => (one.size === INFERRED ? size(left) : one));
  return along(Math.max(0, before), [...target.slice(0, Math.max(0, before)), count, ...sizes]);
};

/** The first dimension of the new shape: the rows, or that many times them. `each`: elements of a row. */
function rowsIn(rows: Size, inner: readonly Size[], each: number | undefined): Size | Doubt {
  if (inner.some((one) => one.rows)) return mixing(SPLITS);
  if (rows.rows) return rows;
  if (rows.size !== INFERRED)
    return rows.size === undefined ? unknown('the shape that it gives is not known') : mixing(SPLITS);
  const rest = product(inner)?.size;
  if (rest === undefined || each === undefined) return unknown('how many elements a row has is not known');
  const times = rest === 0 ? NaN : each / rest;
  return Number.isInteger(times) ? rowsTimes(times) : mixing(SPLITS);
}

function reshapedConstant(value: Known, wanted: Known): Value {
  const shape = known(wanted);
  if (value.values === undefined)
    return wanted.counts ? mixing('it computes with the number of rows') : { ...value, shape: shapeOf(shape, value) };
  return numbers(value.values, shapeOf(shape, value) ?? [size(value.values.length)]);
}

function shapeOf(shape: readonly number[] | undefined, value: Known): Size[] | undefined {
  const count = value.values?.length ?? product(value.shape ?? [size(undefined)])?.size;
  const rest = shape?.filter((one) => one !== INFERRED).reduce((whole, one) => whole * one, 1);
  return shape?.map((one) => size(one === INFERRED ? (count && rest ? count / rest : undefined) : one));
}

export const transpose: Rule = (call) => {
  const [value, order] = [input(call, 0), input(call, 1)];
  if (value.counts) return mixing('it computes with the number of rows');
  const places = known(order);
  const shape = value.shape && places?.map((from) => value.shape?.[from] ?? size(undefined));
  if (value.axis === undefined) return isFree(order) ? constant(shape) : mixing('the order depends on the request');
  if (places === undefined) return unknown('the order of dimensions that it gives is not known');
  return along(places.indexOf(value.axis), shape);
};

export const expandDims: Rule = (call) => {
  const value = input(call, 0);
  const [named] = known(call.inputs[1]) ?? [];
  const rank = value.shape?.length;
  const place = named === undefined ? undefined : fromFront(named, rank === undefined ? undefined : rank + 1);
  if (place === undefined)
    return value.axis === undefined ? { ...value, shape: undefined } : unknown('the dimension is not known');
  const shape = value.shape && [...value.shape.slice(0, place), size(1), ...value.shape.slice(place)];
  return value.axis === undefined ? { ...value, shape } : along(value.axis + (place <= value.axis ? 1 : 0), shape);
};

export const squeeze: Rule = (call) => {
  const value = input(call, 0);
  const rank = value.shape?.length;
  const named = attribute(call, 'squeeze_dims').numbers ?? attribute(call, 'axis').numbers ?? [];
  const places = named.map((one) => fromFront(one, rank));
  if (value.axis === undefined) {
    const shape = places.length === 0 || places.includes(undefined) ? undefined : left(value, places);
    return { ...value, shape };
  }
  if (named.length === 0) return unknown('it drops every dimension of one element, that of a single row too');
  if (places.includes(undefined)) return unknown('the dimension is not known');
  if (places.includes(value.axis)) return mixing('it drops the dimension of the rows');
  return along(
    value.axis - places.filter((one) => one !== undefined && one < (value.axis ?? 0)).length,
    left(value, places),
  );
};

const left = ({ shape }: Known, gone: readonly (number | undefined)[]) => shape?.filter((_, i) => !gone.includes(i));

export const shape: Rule = (call) => {
  const shapes = call.inputs.map((value): Value => {
    const { shape: sizes, axis } = value;
    if (sizes !== undefined) return numbers(sizes);
    return axis === undefined ? constant([size(undefined)]) : { ...constant([size(undefined)]), counts: true };
  });
  return call.node.op === 'ShapeN' ? shapes : (shapes[0] ?? constant());
};

export const rank: Rule = (call) => {
  const { shape: sizes } = input(call, 0);
  return sizes === undefined ? constant([]) : numbers([size(sizes.length)], []);
};

export const count: Rule = (call) => {
  const { shape: sizes, axis } = input(call, 0);
  const whole = sizes && product(sizes);
  return whole === undefined ? { ...constant([]), counts: axis !== undefined } : numbers([whole], []);
};

/** Puts values into a new shape, of which one dimension may be the rows. */
function filled(call: Call, wanted: Known, value: Known): Value {
  if (wanted.axis !== undefined) return mixing('the shape depends on what the request holds');
  const { values } = wanted;
  const axes = values?.flatMap(({ rows }, i) => (rows ? [i] : [])) ?? [];
  if (values === undefined && wanted.counts) return unknown('the shape that it gives is not known');
  if (value.counts || axes.length > 1) return mixing('it computes with the number of rows');
  const [axis] = axes;
  if (value.axis === undefined) return axis === undefined ? constant(values) : filledRows(value, values ?? [], axis);
  const aligned = values && value.shape && value.axis + values.length - value.shape.length;
  if (aligned === undefined || aligned !== axis) return unknown('the shape that it gives may not keep the rows');
  return along(axis, values);
}

/** The same for each row, unless it is stretched from rows of its own. */
function filledRows(value: Known, values: readonly Size[], axis: number): Value {
  const rankOf = value.shape?.length;
  if (rankOf === undefined) return unknown('of an input not even the rank is known');
  const own = value.shape?.[axis - values.length + rankOf];
  if (own !== undefined && !isOne(own)) return mixing('it sets the rows against rows of its own');
  return along(axis, values);
}

export const fill: Rule = (call) => filled(call, input(call, 0), { ...input(call, 1), shape: [] });
export const broadcastTo: Rule = (call) => filled(call, input(call, 1), input(call, 0));

export const tile: Rule = (call) => {
  const [value, multiples] = [input(call, 0), input(call, 1)];
  const times = multiples.values;
  if (value.counts || multiples.axis !== undefined) return mixing('it computes with the number of rows');
  if (isFree(value) && isFree(multiples)) return constant();
  if (times === undefined) return unknown('how often it repeats each dimension is not known');
  const sizes = value.shape && times.map((one, i) => product([one, value.shape?.[i] ?? size(undefined)]));
  if (sizes?.some((one) => one === undefined)) return mixing('it repeats the rows');
  const axes = times.flatMap(({ rows }, i) => (rows ? [i] : []));
  if (value.axis !== undefined) {
    const own = times[value.axis];
    if (axes.length > 0 || own === undefined || !isOne(own)) return mixing('it repeats the rows');
    return along(value.axis, sizes as Size[] | undefined);
  }
  return axes.length === 1
    ? along(axes[0], sizes as Size[] | undefined)
    : mixing('it repeats along several dimensions as often as there are rows');
};

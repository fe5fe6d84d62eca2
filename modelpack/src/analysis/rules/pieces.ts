/** Operations that take tensors apart or put them together. Pure. */
import {
  along,
  constant,
  fromFront,
  isFree,
  known,
  mixing,
  numbers,
  sameSize,
  size,
  unknown,
  type Size,
} from '../value.ts';
import { attribute, input, type Doubt, type Known, type Outcome, type Rule, type Value } from './rule.ts';

const APART = 'it takes some rows from among the others';

/** Several tensors one behind the other. */
function joined(values: readonly Known[], named: number | undefined): Value {
  const [first] = values;
  if (values.every(({ axis }) => axis === undefined)) return joinedConstants(values, named);
  if (values.some(({ counts }) => counts)) return mixing('it computes with the number of rows');
  const rows = values.find(({ axis }) => axis !== undefined);
  const place = named === undefined ? undefined : fromFront(named, values.find(({ shape }) => shape)?.shape?.length);
  if (place === undefined || first === undefined || rows?.axis === undefined)
    return unknown('the dimension is not known');
  const { axis } = rows;
  if (place === axis) return mixing('it puts other rows behind the rows');
  const misfit = values.map((value) => misfits(value, rows, axis)).find((one) => one !== undefined);
  if (misfit !== undefined) return misfit;
  const shape = rows.shape?.map((one, i) => joinedSize(one, values, i, place));
  return along(axis, shape);
}

/** Why a tensor cannot lie beside one whose rows are along `axis`. */
function misfits(value: Known, rows: Known, axis: number): Doubt | undefined {
  const [own, others] = [value.shape?.[axis], rows.shape?.[axis]];
  if (value.axis === undefined) {
    const one = own?.size === undefined;
    return one ? unknown('an input may have rows of its own') : mixing('it sets the rows against rows of its own');
  }
  if (value.axis !== axis) return mixing('it sets each row against all rows');
  return own && others && !sameSize(own, others) ? unknown('its inputs have unlike numbers of rows') : undefined;
}

function joinedConstants(values: readonly Known[], named: number | undefined): Value {
  const counts = values.some((value) => value.counts);
  if (named === 0 && values.every((value) => value.values !== undefined))
    return numbers(values.flatMap((value) => value.values ?? []));
  const place = named === undefined ? undefined : fromFront(named, values[0]?.shape?.length);
  const shape = place === undefined ? undefined : values[0]?.shape?.map((one, i) => joinedSize(one, values, i, place));
  return { ...constant(shape), counts };
}

const joinedSize = (one: Size, values: readonly Known[], i: number, place: number): Size =>
  i === place ? total(values.map(({ shape }) => shape?.[i])) : one;

const total = (sizes: readonly (Size | undefined)[]): Size => {
  const all = sizes.map((one) => one?.size);
  return size(all.includes(undefined) ? undefined : all.reduce<number>((sum, one) => sum + (one ?? 0), 0));
};

export const concat: Rule = (call) => {
  const last = call.node.op === 'Concat' ? 0 : call.inputs.length - 1;
  const values = call.inputs.filter((_, i) => i !== last);
  const [axis] = known(input(call, last)) ?? [];
  return joined(values, axis);
};

/** Tensors of the same shape in a new dimension. */
export const pack: Rule = (call) => {
  const named = attribute(call, 'axis').number ?? 0;
  const rank = call.inputs.find(({ shape }) => shape)?.shape?.length;
  const place = fromFront(named, rank === undefined ? undefined : rank + 1);
  if (place === undefined) return unknown('the dimension is not known');
  const wider = call.inputs.map(({ axis, shape, ...value }) => ({
    ...value,
    axis: axis === undefined ? undefined : axis + (place <= axis ? 1 : 0),
    shape: shape && [...shape.slice(0, place), size(1), ...shape.slice(place)],
  }));
  return joined(wider, place);
};

export const unpack: Rule = (call) => {
  const value = input(call, 0);
  const place = fromFront(attribute(call, 'axis').number ?? 0, value.shape?.length);
  if (value.values !== undefined && value.shape?.length === 1) return value.values.map((one) => numbers([one], []));
  if (value.counts) return mixing('it computes with the number of rows');
  if (place === undefined) return value.axis === undefined ? constant() : unknown('the dimension is not known');
  const shape = value.shape?.filter((_, i) => i !== place);
  if (value.axis === undefined) return constant(shape);
  if (place === value.axis) return mixing(APART);
  return along(value.axis - (place < value.axis ? 1 : 0), shape);
};

/** `Split` into equal parts, `SplitV` into those of a list. */
export const split: Rule = (call): Outcome => {
  const [value, named] = call.node.op === 'Split' ? [input(call, 1), input(call, 0)] : [input(call, 0), input(call, 2)];
  if (value.counts) return mixing('it computes with the number of rows');
  const place = fromFront(known(named)?.[0] ?? NaN, value.shape?.length);
  if (place === undefined || Number.isNaN(place))
    return value.axis === undefined ? constant() : unknown('the dimension is not known');
  if (place === value.axis) return mixing(APART);
  const parts = attribute(call, 'num_split').number ?? 1;
  const sizes = call.node.op === 'Split' ? undefined : known(input(call, 1));
  return Array.from({ length: parts }, (_, part) =>
    along(
      value.axis,
      value.shape?.map((one, i) => (i === place ? partOf(one, part, parts, sizes) : one)),
    ),
  );
};

const partOf = (whole: Size, part: number, parts: number, sizes: readonly number[] | undefined): Size => {
  const own = sizes?.[part];
  if (own !== undefined) return size(own < 0 ? undefined : own);
  return size(whole.size === undefined ? undefined : whole.size / parts);
};

export const slice: Rule = (call) => {
  const [value, begin, wanted] = [input(call, 0), input(call, 1), input(call, 2)];
  if (value.values !== undefined && value.shape?.length === 1) return sliceOfValues(value, begin, wanted);
  if (value.counts) return mixing('it computes with the number of rows');
  if (value.axis === undefined)
    return isFree(begin) && isFree(wanted) ? constant() : mixing('what it takes depends on the request');
  const [from, length] = [begin.values?.[value.axis], wanted.values?.[value.axis]];
  const own = value.shape?.[value.axis];
  if (from === undefined || length === undefined) return unknown('which part it takes is not known');
  const all = length.size === -1 || (own !== undefined && sameSize(length, own));
  if (from.rows || from.size !== 0 || !all) return mixing(APART);
  const shape = value.shape?.map((one, i) => {
    const [first, much] = [begin.values?.[i]?.size, wanted.values?.[i]?.size];
    if (i === value.axis) return one;
    if (much !== -1) return size(much);
    return size(one.size === undefined || first === undefined ? undefined : one.size - first);
  });
  return along(value.axis, shape);
};

/** Of a shape, or another few numbers. */
function sliceOfValues({ values = [], counts }: Known, begin: Known, wanted: Known): Known {
  const [[from], [length]] = [known(begin) ?? [], known(wanted) ?? []];
  if (from === undefined || length === undefined) return { ...constant(), counts };
  return numbers(values.slice(from, length < 0 ? undefined : from + length));
}

/** Zeros, or a mirror image, around it. */
export const pad: Rule = (call) => {
  const [value, widths] = [input(call, 0), input(call, 1)];
  if (value.counts) return mixing('it computes with the number of rows');
  if (value.axis === undefined) return isFree(widths) ? constant() : mixing('how wide it is depends on the request');
  const { values } = widths;
  const around = (place: number) => [values?.[2 * place], values?.[2 * place + 1]];
  const own = around(value.axis);
  if (own.some((one) => one === undefined)) return unknown('how wide the border is, is not known');
  if (!own.every((one) => one?.size === 0)) return mixing('it puts other rows around the rows');
  const shape = value.shape?.map((one, i) => (i === value.axis ? one : total([one, ...around(i)])));
  return along(value.axis, shape);
};

/** One of `depth` numbers is on. */
export const oneHot: Rule = (call) => {
  const indices = input(call, 0);
  if (indices.counts) return mixing('it computes with the number of rows');
  if (call.inputs.slice(1).some((one) => !isFree(one))) return unknown('its parameters depend on the request');
  const named = attribute(call, 'axis').number ?? -1;
  const depth = size(known(call.inputs[1])?.[0]);
  const { axis, shape } = indices;
  if (named !== -1 && shape === undefined)
    return axis === undefined ? constant() : unknown('the dimension is not known');
  const place = named === -1 ? (shape?.length ?? Infinity) : named;
  const whole = shape && [...shape.slice(0, place), depth, ...shape.slice(place)];
  return axis === undefined ? constant(whole) : along(axis + (place <= axis ? 1 : 0), whole);
};

export const range: Rule = (call) => {
  if (call.inputs.some(({ axis }) => axis !== undefined)) return mixing('how far it counts depends on the request');
  if (call.inputs.some(({ counts }) => counts)) return mixing('it counts the rows');
  const [from, to, step] = [0, 1, 2].map((i) => known(call.inputs[i])?.[0]);
  if (from === undefined || to === undefined || !step) return constant([size(undefined)]);
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (length > 64) return constant([size(length)]);
  return numbers(Array.from({ length }, (_, i) => size(from + i * step)));
};

/** Operations that compute each element from the elements in its place. Pure. */
import {
  along,
  constant,
  isFree,
  isOne,
  mixing,
  numbers,
  product,
  sameSize,
  size,
  unknown,
  type Size,
} from '../value.ts';
import { attribute, input, type Known, type Outcome, type Rule, type Value } from './rule.ts';

/** Hands on what it is given. */
export const same: Rule = (call) => input(call, 0);

/** Each input becomes the output of its number. */
export const sameEach: Rule = ({ inputs }) => [...inputs];

/** Values change, their place does not; whatever else it takes is the same for all rows. */
export const mapped: Rule = (call) => {
  const value = input(call, 0);
  if (value.counts) return mixing('it computes with the number of rows');
  const other = call.inputs.slice(1).find((one) => !isFree(one));
  if (other !== undefined) return unknown('its parameters depend on the request');
  return along(value.axis, value.shape);
};

/** Of numbers of rows and sizes, for the shapes that are made of them; a type that is only changed keeps them. */
const ARITHMETIC: Record<string, (a: Size, b: Size) => Size | undefined> = {
  Mul: times,
  Add: plus,
  AddV2: plus,
  Sub: (a, b) => plus(a, { ...b, size: b.size === undefined ? undefined : -b.size }),
  FloorDiv: divided,
  RealDiv: divided,
  Maximum: (a, b) => (sameSize(a, b) ? a : whole(a, b, Math.max)),
  Minimum: (a, b) => (sameSize(a, b) ? a : whole(a, b, Math.min)),
};

function times(a: Size, b: Size): Size | undefined {
  return product([a, b]);
}

const whole = (a: Size, b: Size, compute: (a: number, b: number) => number): Size | undefined => {
  if (a.rows || b.rows) return undefined;
  return size(a.size === undefined || b.size === undefined ? undefined : compute(a.size, b.size));
};

function plus(a: Size, b: Size): Size | undefined {
  if (a.rows !== b.rows) return isZero(a) ? b : isZero(b) ? a : undefined;
  return { rows: a.rows, size: a.size === undefined || b.size === undefined ? undefined : a.size + b.size };
}

const isZero = (one: Size): boolean => one.size === 0;

function divided(a: Size, b: Size): Size | undefined {
  if (b.rows) return undefined;
  if (b.size === 1) return a;
  if (a.size === undefined || b.size === undefined || b.size === 0) return a.rows ? undefined : size(undefined);
  const exact = a.size / b.size;
  if (a.rows) return Number.isInteger(exact) ? { rows: true, size: exact } : undefined;
  return size(Math.floor(exact));
}

/** Inputs of the same shape, or of shapes that are stretched to it. */
export const broadcast: Rule = (call) => {
  const { node, inputs } = call;
  const counted = inputs.some(({ counts }) => counts);
  const arithmetic = ARITHMETIC[node.op];
  if (inputs.every(({ axis }) => axis === undefined)) {
    const [a, b] = inputs;
    const values = arithmetic && a && b && inputs.length === 2 ? computed(a, b, arithmetic) : undefined;
    if (values !== undefined) return values;
    const shape = counted ? undefined : stretched(inputs);
    return { ...constant(Array.isArray(shape) ? shape : undefined), counts: counted };
  }
  if (counted) return mixing('it computes with the number of rows');
  return stretchedRows(inputs);
};

function computed(a: Known, b: Known, compute: (a: Size, b: Size) => Size | undefined): Known | undefined {
  if (a.values === undefined || b.values === undefined) return undefined;
  const count = Math.max(a.values.length, b.values.length);
  const fits = (one: Known) => one.values?.length === count || one.values?.length === 1;
  if (!fits(a) || !fits(b)) return undefined;
  const at = (one: Known, i: number) => one.values?.[one.values.length === 1 ? 0 : i] ?? size(undefined);
  const values = Array.from({ length: count }, (_, i) => compute(at(a, i), at(b, i)));
  if (values.some((value) => value === undefined)) return undefined;
  const shape =
    (a.shape?.length ?? 0) >= (b.shape?.length ?? 0) && a.values.length >= b.values.length ? a.shape : b.shape;
  return numbers(values as Size[], shape);
}

/** At least one of them has rows. */
export function stretchedRows(inputs: readonly Known[]): Value {
  // What has no dimensions changes no other's shape.
  const shaped = inputs.filter(({ axis, shape }) => axis !== undefined || shape?.length !== 0);
  const ranks = shaped.map(({ shape }) => shape?.length);
  if (ranks.includes(undefined)) {
    const [only] = shaped;
    if (shaped.length === 1 && only) return along(only.axis, only.shape);
    return unknown('of an input not even the rank is known: it may be stretched along the rows');
  }
  const rank = Math.max(...(ranks as number[]));
  let axis: number | undefined;
  for (const one of shaped) {
    if (one.axis === undefined) continue;
    const aligned = one.axis + rank - (one.shape?.length ?? 0);
    if (axis !== undefined && axis !== aligned) return mixing('it sets each row against all rows');
    axis = aligned;
  }
  const shape = stretched(shaped, axis);
  return Array.isArray(shape) ? along(axis, shape) : (shape as Value);
}

/** The common shape, or why there is none; undefined when it is not known. */
function stretched(inputs: readonly Known[], axis?: number): Size[] | Value | undefined {
  const shapes = inputs.map(({ shape }) => shape);
  if (shapes.includes(undefined)) return undefined;
  const [first] = shapes;
  // Most have one shape: nothing is stretched.
  if (first !== undefined && (axis === undefined || first[axis]?.rows) && shapes.every((one) => sameShape(one, first)))
    return [...first];
  const rank = Math.max(0, ...shapes.map((shape) => shape?.length ?? 0));
  const whole: Size[] = [];
  for (let place = 0; place < rank; place++) {
    const sizes = shapes.flatMap((shape) => shape?.[place - rank + shape.length] ?? []);
    if (place === axis) {
      const against = sizes.filter(({ rows }) => !rows);
      if (against.some(({ size: one }) => one === undefined))
        return unknown('an input may have several rows of its own');
      if (!against.every(isOne)) return mixing('it sets the rows against rows of its own');
      const [counted = size(undefined), ...others] = sizes.filter(({ rows }) => rows);
      if (others.some((one) => !sameSize(one, counted))) return unknown('its inputs have unlike numbers of rows');
      whole.push(counted);
    } else whole.push(common(sizes));
  }
  return whole;
}

const sameShape = (a: readonly Size[] | undefined, b: readonly Size[]): boolean =>
  a === b || (a?.length === b.length && a.every((one, i) => sameSize(one, b[i] ?? size(undefined))));

function common(sizes: readonly Size[]): Size {
  const long = sizes.filter((one) => !isOne(one));
  const [first] = long;
  if (first === undefined) return size(1);
  const sized = long.find((one) => one.size !== undefined);
  return sized ?? first;
}

/** Version 1 stretches a condition with one value for each row. */
export const select: Rule = (call) => {
  const [condition, yes] = [input(call, 0), input(call, 1)];
  const inner = yes.shape?.slice(1) ?? [];
  if (call.node.op !== 'Select' || condition.shape?.length !== 1 || inner.length === 0) return broadcast(call);
  if (call.inputs.some(({ counts }) => counts)) return mixing('it computes with the number of rows');
  const own = { ...condition, shape: [...condition.shape, ...inner.map(() => size(1))] };
  return broadcast({ ...call, inputs: [own, ...call.inputs.slice(1)] });
};

/** Adds one value for each channel. */
export const bias: Rule = (call) => {
  const [value, added] = [input(call, 0), input(call, 1)];
  if (!isFree(added)) return mixing('what is added depends on the request');
  if (value.counts) return mixing('it computes with the number of rows');
  if (value.axis === undefined || value.axis === 0) return along(value.axis, value.shape);
  const rank = value.shape?.length;
  const channel = attribute(call, 'data_format').text === 'NCHW' ? 1 : (rank ?? 0) - 1;
  if (rank === undefined) return unknown('the rank of its input is not known');
  return channel === value.axis ? mixing('it adds another value to each row') : along(value.axis, value.shape);
};

export const cast: Rule = (call) => {
  const value = input(call, 0);
  // Whole numbers stay what they are; of others only shapes are made.
  return value.axis === undefined ? value : along(value.axis, value.shape);
};

/** As `mapped`, for numbers that shapes are made of. */
export const zerosLike: Rule = (call): Outcome => {
  const { axis, shape, counts } = input(call, 0);
  return counts ? constant(shape) : along(axis, shape);
};

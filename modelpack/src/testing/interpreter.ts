/** Computes small graphs as TensorFlow would, in the plainest way. Test code only. */
import type { GraphNode } from '../graph.ts';

export interface Value {
  shape: readonly number[];
  data: readonly number[];
}

const count = (shape: readonly number[]): number => shape.reduce((product, one) => product * one, 1);
const fail = (why: string): never => {
  throw new Error(why);
};

/** Place of an element in each dimension. */
function placeOf(index: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  for (let i = shape.length - 1, rest = index; i >= 0; i--) {
    const size = shape[i] ?? 1;
    place[i] = rest % size;
    rest = Math.floor(rest / size);
  }
  return place;
}

const indexOf = (place: readonly number[], shape: readonly number[]): number =>
  place.reduce((index, one, i) => index * (shape[i] ?? 1) + one, 0);

const at = ({ data, shape }: Value, place: readonly number[]): number => data[indexOf(place, shape)] ?? fail('outside');

/** Each element of the result, from its place. */
const build = (shape: readonly number[], element: (place: number[]) => number): Value => ({
  shape,
  data: Array.from({ length: count(shape) }, (_, i) => element(placeOf(i, shape))),
});

function broadcast(a: Value, b: Value, compute: (a: number, b: number) => number): Value {
  const rank = Math.max(a.shape.length, b.shape.length);
  const sizes = Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a, b].map(({ shape }) => shape[i - rank + shape.length] ?? 1);
    if (x !== y && x !== 1 && y !== 1) fail('shapes do not fit');
    return x === 1 ? (y ?? 1) : (x ?? 1);
  });
  const of = (value: Value, place: number[]) =>
    at(
      value,
      value.shape.map((size, i) => (size === 1 ? 0 : (place[i + rank - value.shape.length] ?? 0))),
    );
  return build(sizes, (place) => compute(of(a, place), of(b, place)));
}

function axes(named: Value, rank: number): number[] {
  const found = named.data.map((axis) => (axis < 0 ? axis + rank : axis));
  return found.every((axis) => axis >= 0 && axis < rank) ? found : fail('no such axis');
}

function reduce(value: Value, named: Value, keep: boolean, compute: (values: number[]) => number): Value {
  const gone = axes(named, value.shape.length);
  const kept = value.shape.map((size, i) => (gone.includes(i) ? 1 : size));
  const whole = build(kept, (place) => {
    const inside = build(
      value.shape.map((size, i) => (gone.includes(i) ? size : 1)),
      (inner) =>
        at(
          value,
          place.map((one, i) => one + (inner[i] ?? 0)),
        ),
    );
    return compute([...inside.data]);
  });
  return keep ? whole : { ...whole, shape: value.shape.filter((_, i) => !gone.includes(i)) };
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
const other = (value: Value | undefined): Value => value ?? fail('an input is missing');

type Operation = (inputs: readonly Value[], node: GraphNode) => Value;

function matmul([a, b]: readonly Value[], node: GraphNode): Value {
  const turned = (value: Value, name: string): Value =>
    node.attributes.get(name)?.flag
      ? build([...value.shape].reverse(), (place) => at(value, [...place].reverse()))
      : value;
  const [left, right] = [turned(other(a), 'transpose_a'), turned(other(b), 'transpose_b')];
  if (left.shape.length !== 2 || right.shape.length !== 2 || left.shape[1] !== right.shape[0])
    fail('factors do not fit');
  return build([left.shape[0] ?? 0, right.shape[1] ?? 0], ([i = 0, j = 0]) =>
    sum(Array.from({ length: left.shape[1] ?? 0 }, (_, k) => at(left, [i, k]) * at(right, [k, j]))),
  );
}

function reshape([value, target]: readonly Value[]): Value {
  const { data, shape } = other(value);
  const wanted = other(target).data;
  const rest = count(wanted.filter((one) => one !== -1));
  const sizes = wanted.map((one) => (one === -1 ? count(shape) / rest : one));
  if (count(sizes) !== count(shape) || sizes.some((one) => !Number.isInteger(one))) fail('the shape does not fit');
  return { shape: sizes, data };
}

function concat(inputs: readonly Value[]): Value {
  const values = inputs.slice(0, -1);
  const first = other(values[0]);
  const [axis = 0] = axes(other(inputs.at(-1)), first.shape.length);
  const fits = values.every(
    ({ shape }) =>
      shape.length === first.shape.length && shape.every((size, i) => i === axis || size === first.shape[i]),
  );
  if (!fits) fail('shapes do not fit');
  const ends = values.reduce<number[]>((all, { shape }) => [...all, (all.at(-1) ?? 0) + (shape[axis] ?? 0)], []);
  return build(
    first.shape.map((size, i) => (i === axis ? (ends.at(-1) ?? 0) : size)),
    (place) => {
      const part = ends.findIndex((end) => (place[axis] ?? 0) < end);
      return at(
        other(values[part]),
        place.map((one, i) => (i === axis ? one - (ends[part - 1] ?? 0) : one)),
      );
    },
  );
}

function along(inputs: readonly Value[], compute: (value: Value, axis: number, place: number[]) => number): Value {
  const value = other(inputs[0]);
  const [axis = 0] = axes(other(inputs[1]), value.shape.length);
  return build(value.shape, (place) => compute(value, axis, place));
}

const moved = (place: readonly number[], axis: number, to: number): number[] =>
  place.map((one, i) => (i === axis ? to : one));

function gather([table, indices, named]: readonly Value[]): Value {
  const [value, picked] = [other(table), other(indices)];
  const [axis = 0] = axes(other(named), value.shape.length);
  const shape = [...value.shape.slice(0, axis), ...picked.shape, ...value.shape.slice(axis + 1)];
  return build(shape, (place) => {
    const index = at(picked, place.slice(axis, axis + picked.shape.length));
    if (index >= (value.shape[axis] ?? 0)) fail('outside');
    return at(value, [...place.slice(0, axis), index, ...place.slice(axis + picked.shape.length)]);
  });
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  Identity: ([x]) => other(x),
  Relu: ([x]) => build(other(x).shape, (place) => Math.max(0, at(other(x), place))),
  AddV2: ([a, b]) => broadcast(other(a), other(b), (x, y) => x + y),
  Sub: ([a, b]) => broadcast(other(a), other(b), (x, y) => x - y),
  Mul: ([a, b]) => broadcast(other(a), other(b), (x, y) => x * y),
  Mean: ([x, named], node) =>
    reduce(other(x), other(named), node.attributes.get('keep_dims')?.flag === true, (all) => sum(all) / all.length),
  Max: ([x, named], node) =>
    reduce(other(x), other(named), node.attributes.get('keep_dims')?.flag === true, (all) => Math.max(...all)),
  Softmax: ([x]) => {
    const value = other(x);
    if (value.shape.length === 0) fail('a scalar');
    const exps = build(value.shape, (place) => Math.exp(at(value, place)));
    const last: Value = { shape: [1], data: [value.shape.length - 1] };
    return broadcast(exps, reduce(exps, last, true, sum), (one, all) => one / all);
  },
  Cumsum: (inputs) =>
    along(inputs, (value, axis, place) =>
      sum(Array.from({ length: (place[axis] ?? 0) + 1 }, (_, to) => at(value, moved(place, axis, to)))),
    ),
  ReverseV2: (inputs) =>
    along(inputs, (value, axis, place) =>
      at(value, moved(place, axis, (value.shape[axis] ?? 1) - 1 - (place[axis] ?? 0))),
    ),
  Transpose: ([x, order]) => {
    const [value, places] = [other(x), other(order).data];
    if (places.length !== value.shape.length) fail('the order does not fit');
    return build(
      places.map((from) => value.shape[from] ?? 0),
      (place) =>
        at(
          value,
          value.shape.map((_, i) => place[places.indexOf(i)] ?? 0),
        ),
    );
  },
  Reshape: reshape,
  MatMul: matmul,
  ConcatV2: concat,
  Tile: ([x, times]) => {
    const value = other(x);
    if (other(times).data.length !== value.shape.length) fail('the rank does not fit');
    return build(
      value.shape.map((size, i) => size * (times?.data[i] ?? 1)),
      (place) =>
        at(
          value,
          place.map((one, i) => one % (value.shape[i] ?? 1)),
        ),
    );
  },
  GatherV2: gather,
  ExpandDims: ([x, named]) => {
    const { shape, data } = other(x);
    const [axis = 0] = axes(other(named), shape.length + 1);
    return { shape: [...shape.slice(0, axis), 1, ...shape.slice(axis)], data };
  },
  Shape: ([x]) => ({ shape: [other(x).shape.length], data: other(x).shape }),
  Pack: (inputs) => ({
    shape: [inputs.length],
    data: inputs.map((one) => (one.shape.length === 0 ? (one.data[0] ?? 0) : fail('no scalar'))),
  }),
  Fill: ([shape, x]) => build(other(shape).data, () => other(x).data[0] ?? 0),
};

/** Values of all nodes, in an order in which each follows its inputs. @throws Error where shapes do not fit */
export function interpret(nodes: readonly GraphNode[], given: ReadonlyMap<string, Value>): Map<string, Value> {
  const values = new Map(given);
  for (const node of nodes) {
    if (values.has(node.name)) continue;
    const operation = OPERATIONS[node.op] ?? fail(`no such operation: ${node.op}`);
    values.set(
      node.name,
      operation(
        node.inputs.map((name) => other(values.get(name))),
        node,
      ),
    );
  }
  return values;
}

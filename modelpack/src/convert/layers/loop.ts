/** Steps over time, as a loop of the graph: `while (i < steps) …`, with lists of what each step is given and gives. */
import { attribute } from '../../graph-writer.ts';
import type { Graph } from '../graph.ts';
import { add, binary, integer, integers, scalar, select, subtract } from '../ops.ts';
import type { Result, Scope } from '../scope.ts';
import { expandDims, filledRows, sizeAt, transpose } from '../shapes.ts';
import type { Tensor } from '../tensor.ts';
import type { Cell } from './cells.ts';

interface Loop {
  cell: Cell;
  /** Rows, steps, and what the cell has made of the input. */
  projected: Tensor;
  states: readonly Tensor[];
  mask: Tensor | undefined;
  backwards: boolean;
  /** Every step's answer is wanted, not the last alone. */
  sequence: boolean;
  /** A step that does not count answers zero, not what the step before it answered. */
  zeros: boolean;
}

/** A variable of the loop: its value before, and after a step. */
interface Variable {
  name: string;
  before: Tensor;
}

const VARIANT = { dtype: 'VARIANT', shape: [] } as const;

const listOf = (g: Scope, x: Tensor): Tensor => {
  const turned = transpose(
    g,
    x,
    x.shape.map((_, i) => (i === 0 ? 1 : i === 1 ? 0 : i)),
  );
  const attributes = { element_dtype: attribute.type(x.dtype), shape_type: attribute.type('INT32') };
  const shape = integers(g, turned.shape.slice(1));
  return g.emit('TensorListFromTensor', [turned, shape], attributes, VARIANT);
};

const emptyList = (g: Scope, steps: Tensor, { dtype, shape }: Result): Tensor => {
  const attributes = { element_dtype: attribute.type(dtype), shape_type: attribute.type('INT32') };
  return g.emit('TensorListReserve', [integers(g, shape), steps], attributes, VARIANT);
};

const element = (g: Scope, list: Tensor, place: Tensor, result: Result): Tensor =>
  g.emit(
    'TensorListGetItem',
    [list, place, integers(g, result.shape)],
    { element_dtype: attribute.type(result.dtype) },
    result,
  );

const withElement = (g: Scope, list: Tensor, place: Tensor, item: Tensor): Tensor =>
  g.emit('TensorListSetItem', [list, place, item], { element_dtype: attribute.type(item.dtype) }, VARIANT);

function stack(g: Scope, list: Tensor, steps: number, { dtype, shape }: Result): Tensor {
  const attributes = { element_dtype: attribute.type(dtype), num_elements: attribute.count(steps) };
  const whole = g.emit('TensorListStack', [list, integers(g, shape)], attributes, { dtype, shape: [steps, ...shape] });
  return transpose(g, whole, [1, 0, ...shape.slice(1).map((_, i) => i + 2)]);
}

/** The answer of every step, or of the last, and the states behind it. */
export function runLoop(graph: Graph, g: Scope, name: string, loop: Loop): { output: Tensor; states: Tensor[] } {
  const { cell, projected, states, mask, backwards, sequence, zeros } = loop;
  const rows = projected.shape[0] ?? -1;
  const step: Result = { dtype: projected.dtype, shape: [rows, ...projected.shape.slice(2)] };
  const answer: Result = { dtype: projected.dtype, shape: [rows, cell.states[0] ?? -1] };
  const steps = sizeAt(g, projected, 1);
  // With a mask the answer before is kept: it is that of the state, but for steps before the first that counts.
  const carried = mask !== undefined && !zeros;
  const variables: Variable[] = [
    { name: 'place', before: integer(g, 0) },
    { name: 'steps', before: steps },
    { name: 'given', before: listOf(g, projected) },
    ...(sequence ? [{ name: 'answers', before: emptyList(g, steps, answer) }] : []),
    ...(mask ? [{ name: 'counting', before: listOf(g, mask) }] : []),
    ...(carried || (mask && !sequence)
      ? [{ name: 'answer', before: filledRows(g, projected, answer.shape.slice(1), scalar(g, 0, answer.dtype)) }]
      : []),
    ...states.map((before, i) => ({ name: `state_${i}`, before })),
    ...cell.inner.map((before, i) => ({ name: `weight_${i}`, before })),
  ];
  const parameters = variables.map((one) => ({ name: one.name, dtype: one.before.dtype, shape: one.before.shape }));
  const named = (given: readonly Tensor[]) => new Map(given.map((tensor, i) => [variables[i]?.name ?? '', tensor]));
  const cond = graph.define(`${name}_cond`, parameters, (s, given) => {
    const of = named(given);
    return [binary(s, 'Less', of.get('place') as Tensor, of.get('steps') as Tensor)];
  });
  const body = graph.define(`${name}_body`, parameters, (s, given) => {
    const after = named(given);
    const of = (wanted: string) => after.get(wanted) as Tensor;
    const place = of('place');
    const from = backwards ? subtract(s, subtract(s, of('steps'), place), 1) : place;
    const before = states.map((_, i) => of(`state_${i}`));
    const inner = cell.inner.map((_, i) => of(`weight_${i}`));
    const made = cell.step(s, element(s, of('given'), from, step), before, inner);
    const counts = mask && expandDims(s, element(s, of('counting'), from, { dtype: 'BOOL', shape: [rows] }), -1);
    const old = after.get('answer') ?? scalar(s, 0, answer.dtype);
    const output = made[0] as Tensor;
    const given_ =
      counts === undefined ? output : select(s, counts, output, zeros && sequence ? scalar(s, 0, answer.dtype) : old);
    made.forEach((state, i) =>
      after.set(`state_${i}`, counts === undefined ? state : select(s, counts, state, before[i] as Tensor)),
    );
    if (sequence) after.set('answers', withElement(s, of('answers'), place, given_));
    if (after.has('answer')) after.set('answer', given_);
    after.set('place', add(s, place, 1));
    return variables.map((one) => of(one.name));
  });
  const results = g.emitAll(
    'StatelessWhile',
    variables.map(({ before }) => before),
    {
      T: attribute.types(parameters.map(({ dtype }) => dtype)),
      cond: attribute.called(cond),
      body: attribute.called(body),
      output_shapes: attribute.shapes([]),
      parallel_iterations: attribute.count(32),
      // As a loop of nodes it runs without calls of functions.
      _lower_using_switch_merge: attribute.flag(true),
    },
    parameters,
  );
  const of = named(results);
  const last = states.map((_, i) => of.get(`state_${i}`) as Tensor);
  const list = of.get('answers');
  if (list !== undefined) return { output: stack(g, list, projected.shape[1] ?? -1, answer), states: last };
  return { output: of.get('answer') ?? (last[0] as Tensor), states: last };
}

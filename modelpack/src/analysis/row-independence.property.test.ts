import { expect, it } from '@jest/globals';
import type { GraphNode } from '../graph.ts';
import fc from 'fast-check';
import { graphOf, integers, node } from '../testing/graph.ts';
import { interpret, type Value } from '../testing/interpreter.ts';
import { rowIndependence } from './row-independence.ts';

/** One step of a graph; numbers are taken modulo what there is to choose from. */
interface Step {
  op: string;
  from: number;
  with: number;
  axis: number;
  keep: boolean;
}
const step = fc.record({
  op: fc.constantFrom(
    ...[
      'Relu',
      'AddV2',
      'Sub',
      'Mul',
      'Mean',
      'Max',
      'Softmax',
      'Cumsum',
      'ReverseV2',
      'Transpose',
      'Reshape',
      'MatMul',
    ],
    ...['ConcatV2', 'Tile', 'GatherV2', 'ExpandDims', 'Zeros'],
  ),
  from: fc.nat(8),
  with: fc.nat(8),
  axis: fc.nat(5),
  keep: fc.boolean(),
});
const program = fc.record({
  row: fc.constantFrom([2], [4], [2, 3], [2, 2]),
  steps: fc.array(step, { minLength: 1, maxLength: 7 }),
});

const ROWS = 3;
const number = (i: number): number => ((i * 7919) % 23) / 7 - 1.5;
const rowsOf = (row: readonly number[], rows: readonly number[]): Value => {
  const size = row.reduce((product, one) => product * one, 1);
  return {
    shape: [rows.length, ...row],
    data: rows.flatMap((seed) => Array.from({ length: size }, (_, i) => number(seed * size + i))),
  };
};

/** Constants of the graph with their values, for both the graph and who computes it. */
class Builder {
  readonly nodes: GraphNode[] = [node('x', 'Placeholder')];
  readonly constants = new Map<string, Value>();
  readonly made = ['x'];

  constructor(private readonly row: readonly number[]) {}

  whole(values: number | readonly number[]): string {
    const name = `c${this.nodes.length}`;
    this.nodes.push(integers(name, values));
    this.constants.set(
      name,
      typeof values === 'number' ? { shape: [], data: [values] } : { shape: [values.length], data: values },
    );
    return name;
  }

  weights(...shape: number[]): string {
    const name = `w${this.nodes.length}`;
    this.nodes.push(node(name, 'Const', [], { value: { tensor: { type: 1, shape } } }));
    this.constants.set(
      name,
      rowsOf(
        shape.slice(1),
        Array.from({ length: shape[0] ?? 1 }, (_, i) => i + 50),
      ),
    );
    return name;
  }

  /** Values with so many rows. */
  values(rows: readonly number[]): Map<string, Value> {
    return interpret(this.nodes, new Map([...this.constants, ['x', rowsOf(this.row, rows)]]));
  }

  /** Adds a step when TensorFlow could run it, with one row and with several. */
  add(step: Step): void {
    const length = this.nodes.length;
    try {
      const name = this.#node(step);
      for (const rows of [[0], [0, 1, 2]]) this.values(rows);
      this.made.push(name);
    } catch {
      this.nodes.length = length;
    }
  }

  #node({ op, from, with: second, axis, keep }: Step): string {
    const [a = 'x', b = 'x'] = [
      this.made[this.made.length - 1 - (from % this.made.length)],
      this.made[second % this.made.length],
    ];
    const shape = this.values([0, 1]).get(a)?.shape ?? [];
    const rank = shape.length;
    const place = axis % Math.max(1, rank);
    const negative = keep ? place - rank : place;
    const name = `n${this.nodes.length}`;
    const push = (operation: string, inputs: string[], attributes = {}) => {
      this.nodes.push(node(name, operation, inputs, attributes));
      return name;
    };
    const inner = shape.slice(1);
    switch (op) {
      case 'AddV2':
      case 'Sub':
      case 'Mul':
        return push(op, [a, axis > 3 ? this.weights(...(axis === 4 ? inner : [axis % 2, ...inner])) : b]);
      case 'Mean':
      case 'Max':
        return push(op, [a, this.whole([negative])], { keep_dims: { flag: axis % 2 === 0 } });
      case 'Cumsum':
        return push(op, [a, this.whole(negative)]);
      case 'ReverseV2':
        return push(op, [a, this.whole([negative])]);
      case 'Transpose': {
        const order = shape.map((_, i) => i);
        [order[0], order[place]] = [order[place] ?? 0, order[0] ?? 0];
        return push(op, [a, this.whole(order)]);
      }
      case 'Reshape': {
        const size = inner.reduce((product, one) => product * one, 1);
        const targets = [[-1, size], [-1, 2 * size], [-1, 2], [1, -1, size], [2, -1], [-1, 1, size], [-1]];
        return push(op, [a, this.whole(targets[(axis + second) % targets.length] ?? [-1])]);
      }
      case 'MatMul':
        return push(op, [a, keep ? this.weights(shape[axis % 2 === 0 ? 1 : 0] ?? 1, 3) : b], {
          transpose_a: { flag: axis % 2 === 1 },
        });
      case 'ConcatV2':
        return push(op, [a, b, this.whole(negative)]);
      case 'Tile':
        return push(op, [a, this.whole(shape.map((_, i) => (i === place ? 2 : 1)))]);
      case 'GatherV2':
        return push(op, [a, this.whole([0]), this.whole(negative)]);
      case 'ExpandDims':
        return push(op, [a, this.whole(keep ? -1 : place)]);
      case 'Zeros': {
        const shapes = `s${this.nodes.length}`;
        this.nodes.push(node(shapes, 'Shape', [a]));
        return push('Fill', [shapes, this.whole(1)]);
      }
      default:
        return push(op, [a]);
    }
  }
}

function verdictOf(row: readonly number[], steps: readonly Step[]) {
  const builder = new Builder(row);
  for (const one of steps) builder.add(one);
  const output = builder.made.at(-1) ?? 'x';
  const signature = {
    inputs: [{ name: 'x', dtype: 'FP32' as const, shape: [-1, ...row] }],
    outputs: [{ name: output, dtype: 'FP32' as const, shape: [-1] }],
  };
  return { builder, output, told: rowIndependence(graphOf(builder.nodes), signature) };
}

it('what is told to be row-wise answers each row in company as it does alone', () => {
  fc.assert(
    fc.property(program, ({ row, steps }) => {
      const { builder, output, told } = verdictOf(row, steps);
      if (told.rows !== 'rowWise') return;
      const together = builder.values([0, 1, 2]).get(output);
      const alone = [0, 1, 2].map((seed) => builder.values([seed]).get(output));
      expect(together?.shape[0]).toBe(ROWS);
      const apart = alone.flatMap((value) => [...(value?.data ?? [])]);
      expect(together?.data.length).toBe(apart.length);
      together?.data.forEach((value, i) => expect(value).toBeCloseTo(apart[i] ?? NaN, 9));
    }),
    { numRuns: 2000 },
  );
});

it('of such graphs a good part is told to be row-wise, and another to mix', () => {
  const told = fc.sample(program, { numRuns: 500, seed: 7 }).map(({ row, steps }) => verdictOf(row, steps).told.rows);
  const share = (verdict: string) => told.filter((one) => one === verdict).length / told.length;
  expect(share('rowWise')).toBeGreaterThan(0.2);
  expect(share('mixing')).toBeGreaterThan(0.2);
});

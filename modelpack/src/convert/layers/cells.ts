/** One step of a recurrent layer. */
import type { Weight } from '../../keras/layers-model.ts';
import { type Config, Unreadable } from '../config.ts';
import { floats, type LayerCall } from '../layer.ts';
import { add, addBias, multiply, product, subtract } from '../ops.ts';
import type { Scope } from '../scope.ts';
import { split } from '../shapes.ts';
import type { Tensor } from '../tensor.ts';
import { activate } from './activations.ts';
import { dense } from './core.ts';

export interface Cell {
  /** Width of each state; the first is what the cell gives. */
  readonly states: readonly number[];
  /** What `project` needs, and what `step` needs. */
  readonly outer: readonly Tensor[];
  readonly inner: readonly Tensor[];
  /** What of the input alone is computed, for all steps at once where it can be. */
  project(g: Scope, x: Tensor, outer: readonly Tensor[]): Tensor;
  step(g: Scope, x: Tensor, states: readonly Tensor[], inner: readonly Tensor[]): Tensor[];
}

type Making = Pick<LayerCall, 'g' | 'weights' | 'keras'>;

const at = (list: readonly Tensor[], index: number): Tensor => {
  const found = list[index];
  if (found === undefined) throw new Error(`a cell lacks its tensor ${index}`);
  return found;
};

const SETTINGS = [
  'dropout',
  'recurrent_dropout',
  'implementation',
  'unit_forget_bias',
  'use_cudnn',
  'time_major',
  'input_dim',
  'input_length',
  'init',
  'inner_init',
  'forget_bias_init',
];

const projected = (g: Scope, x: Tensor, outer: readonly Tensor[]): Tensor => {
  const y = dense(g, x, at(outer, 0));
  return outer.length > 1 ? addBias(g, y, at(outer, 1)) : y;
};

function simpleRnn({ g, weights, keras }: Making, config: Config, width: number): Cell {
  const units = config.number('units');
  const kernel = weights.take(g, 'kernel', [width, units]);
  const recurrent = weights.take(g, 'recurrent_kernel', [units, units]);
  const bias = config.flag('use_bias', true) ? [weights.take(g, 'bias', [units])] : [];
  const activation = config.raw('activation');
  return {
    states: [units],
    outer: [kernel, ...bias],
    inner: [recurrent],
    project: projected,
    step: (s, x, [h = x], inner) => [activate(s, add(s, x, product(s, h, at(inner, 0))), activation, keras)],
  };
}

interface Gates {
  activation: unknown;
  recurrent: unknown;
}

function lstmOf(
  units: number,
  outer: readonly Tensor[],
  recurrent: Tensor,
  { activation, recurrent: gate }: Gates,
  keras: 2 | 3,
): Cell {
  return {
    states: [units, units],
    outer,
    inner: [recurrent],
    project: projected,
    step(s, x, [h = x, c = x], inner) {
      const all = split(s, add(s, x, product(s, h, at(inner, 0))), 4, -1);
      const [i, f, candidate, o] = [at(all, 0), at(all, 1), at(all, 2), at(all, 3)];
      const kept = multiply(s, activate(s, f, gate, keras), c);
      const state = add(s, kept, multiply(s, activate(s, i, gate, keras), activate(s, candidate, activation, keras)));
      return [multiply(s, activate(s, o, gate, keras), activate(s, state, activation, keras)), state];
    },
  };
}

const gatesOf = (config: Config): Gates => ({
  activation: config.raw('activation'),
  recurrent: config.raw('recurrent_activation'),
});

function lstm({ g, weights, keras }: Making, config: Config, width: number): Cell {
  const units = config.number('units');
  const kernel = weights.take(g, 'kernel', [width, 4 * units]);
  const recurrent = weights.take(g, 'recurrent_kernel', [units, 4 * units]);
  const bias = config.flag('use_bias', true) ? [weights.take(g, 'bias', [4 * units])] : [];
  return lstmOf(units, [kernel, ...bias], recurrent, gatesOf(config), keras);
}

/** `bias`: of the candidate's recurrent part and those of the gates', where the reset comes after the product. */
function gruOf(
  units: number,
  outer: readonly Tensor[],
  inner: readonly Tensor[],
  after: boolean,
  { activation, recurrent: gate }: Gates,
  keras: 2 | 3,
): Cell {
  const mixed = (s: Scope, z: Tensor, h: Tensor, candidate: Tensor) =>
    add(s, multiply(s, z, h), multiply(s, subtract(s, 1, z), candidate));
  return {
    states: [units],
    outer,
    inner,
    project: projected,
    step(s, x, [h = x], own) {
      const [xz, xr, xh] = [0, 1, 2].map((i) => at(split(s, x, 3, -1), i)) as [Tensor, Tensor, Tensor];
      if (after) {
        const all = product(s, h, at(own, 0));
        const parts = split(s, own.length > 1 ? addBias(s, all, at(own, 1)) : all, 3, -1);
        const z = activate(s, add(s, xz, at(parts, 0)), gate, keras);
        const r = activate(s, add(s, xr, at(parts, 1)), gate, keras);
        return [mixed(s, z, h, activate(s, add(s, xh, multiply(s, r, at(parts, 2))), activation, keras))];
      }
      const [both, last] = [at(own, 0), at(own, 1)];
      const [hz, hr] = split(s, product(s, h, both), 2, -1) as [Tensor, Tensor];
      const z = activate(s, add(s, xz, hz), gate, keras);
      const r = activate(s, add(s, xr, hr), gate, keras);
      return [mixed(s, z, h, activate(s, add(s, xh, product(s, multiply(s, r, h), last)), activation, keras))];
    },
  };
}

function gru({ g, weights, keras }: Making, config: Config, width: number): Cell {
  const units = config.number('units');
  // TensorFlow.js and Keras before 2.? have only the first of both.
  const after = config.flag('reset_after', false);
  const kernel = weights.take(g, 'kernel', [width, 3 * units]);
  const recurrent = weights.raw('recurrent_kernel', [units, 3 * units]);
  const biased = config.flag('use_bias', true);
  const bias = biased ? weights.raw('bias', after ? [2, 3 * units] : [3 * units]) : undefined;
  const row = (i: number) =>
    bias === undefined ? new Float32Array() : floats(bias).slice(i * 3 * units, (i + 1) * 3 * units);
  const outer = biased ? [kernel, weights.made(g, 'bias', [3 * units], () => row(0))] : [kernel];
  if (after) {
    const whole = weights.made(g, 'recurrent_kernel', [units, 3 * units], () => floats(recurrent));
    const inner = biased ? [whole, weights.made(g, 'recurrent_bias', [3 * units], () => row(1))] : [whole];
    return gruOf(units, outer, inner, true, gatesOf(config), keras);
  }
  const both = weights.made(g, 'recurrent_kernel_gates', [units, 2 * units], () => columns(recurrent, 0, 2 * units));
  const last = weights.made(g, 'recurrent_kernel_candidate', [units, units], () =>
    columns(recurrent, 2 * units, 3 * units),
  );
  return gruOf(units, outer, [both, last], false, gatesOf(config), keras);
}

function columns(weight: Weight, from: number, to: number): Float32Array {
  const values = floats(weight);
  const [rows = 0, width = 0] = weight.shape;
  const taken = new Float32Array(rows * (to - from));
  for (let row = 0; row < rows; row++)
    taken.set(values.subarray(row * width + from, row * width + to), row * (to - from));
  return taken;
}

/** NVIDIA's library keeps each gate's matrix by columns; `turn` says whether it is also read across. */
function fromCudnn(weight: Weight, gates: number, turn: 'input' | 'recurrent'): Float32Array {
  const [rows = 0, width = 0] = weight.shape;
  const units = width / gates;
  const values = floats(weight);
  const made = new Float32Array(values.length);
  for (let gate = 0; gate < gates; gate++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < units; j++) {
        // Of the gate's elements in rows, the one that comes at this place in columns.
        const place = turn === 'input' ? j * rows + i : j * units + i;
        const from = Math.floor(place / units) * width + gate * units + (place % units);
        made[i * width + gate * units + j] = values[from] ?? NaN;
      }
    }
  }
  return made;
}

const CUDNN: Gates = { activation: 'tanh', recurrent: 'sigmoid' };

function cudnn({ g, weights, keras }: Making, config: Config, width: number, gates: 3 | 4): Cell {
  const units = config.number('units');
  const wide = gates * units;
  const kernel = weights.raw('kernel', [width, wide]);
  const recurrent = weights.raw('recurrent_kernel', [units, wide]);
  const bias = weights.raw('bias', [2 * wide]);
  const half = (i: number) => floats(bias).slice(i * wide, (i + 1) * wide);
  const own = weights.made(g, 'kernel', [width, wide], () => fromCudnn(kernel, gates, 'input'));
  const back = weights.made(g, 'recurrent_kernel', [units, wide], () => fromCudnn(recurrent, gates, 'recurrent'));
  if (gates === 4) {
    const sum = weights.made(g, 'bias', [wide], () => half(0).map((value, i) => value + (half(1)[i] ?? 0)));
    return lstmOf(units, [own, sum], back, CUDNN, keras);
  }
  const [first, second] = [0, 1].map((i) => weights.made(g, `bias_${i}`, [wide], () => half(i))) as [Tensor, Tensor];
  return gruOf(units, [own, first], [back, second], true, CUDNN, keras);
}

/** Cells one above the other: all of them take a step before the next begins. */
function stacked(cells: readonly Cell[]): Cell {
  const [first, ...above] = cells;
  if (first === undefined) throw new Unreadable('has no cells');
  const last = cells.at(-1) ?? first;
  return {
    // What the last gives comes first, as of any cell.
    states: [...last.states, ...cells.slice(0, -1).flatMap(({ states }) => states)],
    outer: first.outer,
    inner: cells.flatMap((cell, i) => (i === 0 ? cell.inner : [...cell.outer, ...cell.inner])),
    project: (g, x, outer) => first.project(g, x, outer),
    step(s, x, states, inner) {
      const [lastStates, others] = [states.slice(0, last.states.length), states.slice(last.states.length)];
      let [used, taken] = [0, 0];
      const next: Tensor[][] = [];
      let given = x;
      [first, ...above].forEach((cell, i) => {
        const own = i === cells.length - 1 ? lastStates : others.slice(taken, (taken += cell.states.length));
        const outer = i === 0 ? [] : inner.slice(used, (used += cell.outer.length));
        const input = i === 0 ? given : cell.project(s, given, outer);
        const made = cell.step(s, input, own, inner.slice(used, (used += cell.inner.length)));
        next.push(made);
        given = at(made, 0);
      });
      return [...(next.at(-1) ?? []), ...next.slice(0, -1).flat()];
    },
  };
}

type Maker = (making: Making, config: Config, width: number) => Cell;

/** By the names of layers and of cells. */
const CELLS: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ['SimpleRNN', simpleRnn],
  ['LSTM', lstm],
  ['GRU', gru],
  ['CuDNNLSTM', (making, config, width) => cudnn(making, config, width, 4)],
  ['CuDNNGRU', (making, config, width) => cudnn(making, config, width, 3)],
]);

interface CellConfig {
  class_name: string;
  config: Record<string, unknown>;
}

/** @throws Unreadable when it is a cell of a program */
export function cellOf(
  making: Making,
  name: string,
  config: Config,
  width: number,
  read: (values: Record<string, unknown>) => Config,
): Cell {
  config.ignore(...SETTINGS);
  const plain = CELLS.get(name.replace(/Cell$/, ''));
  if (plain !== undefined) return plain(making, config, width);
  const listed = name === 'StackedRNNCells' ? config.raw('cells') : undefined;
  if (!Array.isArray(listed)) throw new Unreadable(`has a cell of the class ${name}, whose code is not in the file`);
  let given = width;
  const cells = (listed as CellConfig[]).map((one, i) => {
    const inner = { ...making, weights: making.weights.within(`cell_${i}`) };
    const cell = cellOf(inner, one.class_name, read(one.config), given, read);
    given = cell.states[0] ?? given;
    return cell;
  });
  return stacked(cells);
}

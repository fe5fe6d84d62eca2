/** Layers that go step by step, and wrappers around layers. */
import { Config, Unreadable } from '../config.ts';
import { floating, input, type LayerCall, type LayerRule } from '../layer.ts';
import { concat, filledRows, reshape, sizeAt } from '../shapes.ts';
import { attribute } from '../../graph-writer.ts';
import { add, integers, multiply, scalar, typed } from '../ops.ts';
import { isKnown, masked, type Tensor } from '../tensor.ts';
import { cellOf, type Cell } from './cells.ts';
import { runLoop } from './loop.ts';

/** A cell or layer within the configuration of another. */
interface Inner {
  class_name: string;
  config: Record<string, unknown>;
}

const isInner = (value: unknown): value is Inner =>
  typeof value === 'object' && value !== null && 'class_name' in value && 'config' in value;

/** What goes into a recurrent layer, and the states that it begins with. */
function givenTo(call: LayerCall): { x: Tensor; initial: readonly Tensor[] } {
  const [x, ...others] = call.inputs;
  if (x === undefined) throw new Unreadable('is given nothing');
  return { x, initial: call.named.tensors('initial_state') ?? others };
}

function recurrent(call: LayerCall, className: string): Tensor[] {
  const { g, graph, config, named, path } = call;
  const { x: given, initial } = givenTo(call);
  const x = given === call.inputs[0] ? floating(call) : given;
  const mask = named.tensor('mask') ?? given.mask;
  if (named.flag('training')) throw new Unreadable('is called with training = true: it answers by chance');
  if (config.flag('stateful', false))
    throw new Unreadable('is stateful: it would answer one client by what another sent');
  if (config.flag('time_major', false)) throw new Unreadable('has the steps before the rows (time_major)');
  config.ignore('unroll', 'num_constants', 'return_runtime');
  const [sequence, state] = [config.flag('return_sequences', false), config.flag('return_state', false)];
  const own = className === 'RNN' ? config.raw('cell') : undefined;
  const cell = cellIn(call, className, own, x.shape.at(-1) ?? -1);
  if (initial.length > 0 && initial.length !== cell.states.length)
    throw new Unreadable(`is given ${initial.length} states, where it has ${cell.states.length}`);
  if (initial.length > 0 && isInner(own))
    throw new Unreadable('is given the states of cells, which is not converted yet');
  const zero = scalar(g, 0, x.dtype);
  const states = cell.states.map((width, i) => initial[i] ?? filledRows(g, x, [width], zero));
  const { output, states: last } = runLoop(graph, g, path.join('_'), {
    ...{ cell, states, mask, sequence },
    projected: cell.project(g, x, cell.outer),
    backwards: config.flag('go_backwards', false),
    zeros: config.flag('zero_output_for_mask', false),
  });
  if (state && isInner(own) && own.class_name === 'StackedRNNCells')
    throw new Unreadable('gives the states of stacked cells, which is not converted yet');
  const kept = sequence ? masked(output, mask) : output;
  return state ? [kept, ...last] : [kept];
}

/** The cell that the layer is made of, or the one that its configuration holds. */
function cellIn(call: LayerCall, className: string, own: unknown, width: number): Cell {
  if (className !== 'RNN') return cellOf(call, className, call.config, width, (values) => new Config(values));
  if (!isInner(own)) throw new Unreadable('has no cell in its configuration');
  const read: Config[] = [];
  const config = (values: Record<string, unknown>) => {
    const made = new Config(values);
    read.push(made);
    return made;
  };
  const cell = cellOf(call, own.class_name, config(own.config), width, config);
  const [left] = read.flatMap((one) => one.unread());
  if (left === undefined) return cell;
  throw new Unreadable(`has a cell with ${left} in its configuration, which is not understood`);
}

const recurrentLayer = (className: string): LayerRule => ({
  convert: (call) => recurrent(call, className),
  mask: 'own',
});

/** Forwards, and backwards with the answers turned round again. */
function bidirectional(call: LayerCall): Tensor[] {
  const { g, config, inner } = call;
  const [forward, backward] = [config.raw('layer'), config.raw('backward_layer')];
  if (!isInner(forward)) throw new Unreadable('has no layer in its configuration');
  const { x, initial } = givenTo(call);
  const mask = call.named.tensor('mask') ?? x.mask;
  const half = initial.length / 2;
  const other = isInner(backward)
    ? backward
    : {
        ...forward,
        config: {
          ...forward.config,
          name: `backward_${String(forward.config['name'])}`,
          go_backwards: forward.config['go_backwards'] !== true,
        },
      };
  const one = (layer: Inner, states: readonly Tensor[]) => inner(layer, [masked(x, mask), ...states]);
  const [there, ...thereStates] = one(forward, initial.slice(0, half));
  const [back, ...backStates] = one(other, initial.slice(half));
  if (there === undefined || back === undefined) throw new Unreadable('has a layer that gives nothing');
  const sequence = forward.config['return_sequences'] === true;
  const turned = sequence ? reversed(call, back) : back;
  const states = [...thereStates, ...backStates];
  const mode = config.raw('merge_mode') ?? null;
  const kept = sequence ? mask : undefined;
  if (mode === null) return [masked(there, kept), masked(turned, kept), ...states];
  if (mode === 'concat') return [masked(concat(g, [there, turned], -1), kept), ...states];
  if (mode === 'sum') return [masked(add(g, there, turned), kept), ...states];
  if (mode === 'ave') return [masked(multiply(g, add(g, there, turned), 0.5), kept), ...states];
  if (mode === 'mul') return [masked(multiply(g, there, turned), kept), ...states];
  throw new Unreadable(`has the merge_mode ${JSON.stringify(mode)}, which is not understood`);
}

function reversed({ g }: LayerCall, x: Tensor): Tensor {
  return g.emit('ReverseV2', [x, integers(g, [1])], { ...typed(x), Tidx: attribute.type('INT32') }, x);
}

/** Every step is a row of its own for the layer within. */
function timeDistributed(call: LayerCall): Tensor[] {
  const { g, config, inner } = call;
  const layer = config.raw('layer');
  if (!isInner(layer)) throw new Unreadable('has no layer in its configuration');
  call.named.take('mask');
  const x = input(call);
  const [rows = -1, steps = -1, ...sizes] = x.shape;
  if (!isKnown(sizes)) throw new Unreadable('is given steps whose sizes only a request tells');
  const flat = reshape(g, x, [-1, ...sizes], [-1, ...sizes]);
  return inner(layer, [flat]).map((y) => {
    const own = y.shape.slice(1);
    if (!isKnown(own)) throw new Unreadable('has a layer whose answer is of a size that only a request tells');
    const back = steps >= 0 ? [-1, steps, ...own] : [sizeAt(g, x, 0), sizeAt(g, x, 1), ...own];
    return masked(reshape(g, y, back, [rows, steps, ...own]), x.mask);
  });
}

export const RECURRENT: Readonly<Record<string, LayerRule>> = {
  ...Object.fromEntries(
    ['SimpleRNN', 'LSTM', 'GRU', 'CuDNNLSTM', 'CuDNNGRU', 'RNN'].map((name) => [name, recurrentLayer(name)]),
  ),
  Bidirectional: { convert: bidirectional, mask: 'own' },
  TimeDistributed: { convert: timeDistributed, mask: 'own' },
};

/** Operations of `keras.ops` that Keras 3 itself writes into a Functional where it makes a mask of several, or calls a layer with one. */
import { Unreadable } from '../config.ts';
import { input, type LayerCall, type LayerRule } from '../layer.ts';
import { binary, cast, reduce } from '../ops.ts';
import { expandDims } from '../shapes.ts';
import type { Tensor } from '../tensor.ts';

function notEqual(call: LayerCall): Tensor {
  const value = call.named.take('argument 0');
  const plain = value !== undefined && 'value' in value ? value.value : undefined;
  if (typeof plain !== 'number') throw new Unreadable('compares with what is no number');
  return binary(call.g, 'NotEqual', input(call), plain);
}

const truth = (call: LayerCall, index = 0): Tensor => cast(call.g, input(call, index), 'BOOL');

const logical = (op: 'LogicalAnd' | 'LogicalOr'): LayerRule => ({
  convert: (call) => binary(call.g, op, truth(call), truth(call, 1)),
  mask: 'ends',
});

function any(call: LayerCall): Tensor {
  const { g, config } = call;
  const x = truth(call);
  const axis = config.raw('axis') ?? x.shape.map((_, i) => i);
  return reduce(
    g,
    'Any',
    x,
    Array.isArray(axis) ? (axis as number[]) : [axis as number],
    config.flag('keepdims', false),
  );
}

export const MASKS: Readonly<Record<string, LayerRule>> = {
  NotEqual: { convert: notEqual, mask: 'ends' },
  ConvertToTensor: { convert: (call) => input(call), mask: 'ends' },
  LogicalAnd: logical('LogicalAnd'),
  LogicalOr: logical('LogicalOr'),
  Any: { convert: any, mask: 'ends' },
  ExpandDims: { convert: (call) => expandDims(call.g, input(call), call.config.number('axis')), mask: 'ends' },
};

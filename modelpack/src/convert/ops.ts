/** Operations with the shapes of their results: arithmetic, products, casts and constants. */
import { attribute, type GraphType } from '../graph-writer.ts';
import type { Operation, Scope } from './scope.ts';
import { fromFront, stretched, type Tensor } from './tensor.ts';

export const typed = ({ dtype }: Tensor) => ({ T: attribute.type(dtype) });

export const integers = (g: Scope, values: readonly number[]): Tensor =>
  g.constant('INT32', [values.length], Int32Array.from(values));
export const integer = (g: Scope, value: number): Tensor => g.constant('INT32', [], Int32Array.of(value));

/** One number of this type. */
export function scalar(g: Scope, value: number, dtype: GraphType): Tensor {
  if (dtype === 'FP32') return g.constant(dtype, [], Float32Array.of(value));
  if (dtype === 'FP64') return g.constant(dtype, [], Float64Array.of(value));
  if (dtype === 'INT32') return integer(g, value);
  if (dtype === 'INT64') return g.constant(dtype, [], BigInt64Array.of(BigInt(value)));
  if (dtype === 'BOOL') return g.constant(dtype, [], Uint8Array.of(value));
  return cast(g, scalar(g, value, 'FP32'), dtype);
}

export function cast(g: Scope, x: Tensor, dtype: GraphType): Tensor {
  if (x.dtype === dtype) return x;
  const attributes = { SrcT: attribute.type(x.dtype), DstT: attribute.type(dtype) };
  return { ...g.emit('Cast', [x], attributes, { dtype, shape: x.shape }), mask: x.mask };
}

type Unary =
  | 'Abs'
  | 'Elu'
  | 'Erf'
  | 'Exp'
  | 'Floor'
  | 'Identity'
  | 'Log'
  | 'Log1p'
  | 'LogSoftmax'
  | 'Neg'
  | 'Relu'
  | 'Relu6'
  | 'Rsqrt';
type Others = 'Selu' | 'Sigmoid' | 'Sign' | 'Softmax' | 'Softplus' | 'Softsign' | 'Sqrt' | 'Square' | 'Tan' | 'Tanh';

/** Each element by itself; Softmax and LogSoftmax along the last dimension. */
export function unary(g: Scope, op: Unary | Others, x: Tensor): Tensor {
  const attributes = op === 'Softmax' || op === 'LogSoftmax' ? { T: attribute.type(x.dtype) } : typed(x);
  return g.emit(op, [x], attributes, x);
}

type Binary = 'AddV2' | 'Maximum' | 'Minimum' | 'Mul' | 'Pow' | 'RealDiv' | 'SquaredDifference' | 'Sub';
type Comparison = 'Equal' | 'Greater' | 'GreaterEqual' | 'Less' | 'NotEqual';
type Logical = 'LogicalAnd' | 'LogicalOr';

/** A number stands for a tensor of one. */
type Operand = Tensor | number;

function pair(g: Scope, a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a === 'number') return typeof b === 'number' ? pairOf(g, a, b) : [scalar(g, a, b.dtype), b];
  return [a, typeof b === 'number' ? scalar(g, b, a.dtype) : b];
}

const pairOf = (g: Scope, a: number, b: number): [Tensor, Tensor] => [scalar(g, a, 'FP32'), scalar(g, b, 'FP32')];

export function binary(g: Scope, op: Binary | Comparison | Logical, one: Operand, other: Operand): Tensor {
  const [a, b] = pair(g, one, other);
  const logical = op === 'LogicalAnd' || op === 'LogicalOr';
  const boolean = logical || ['Equal', 'Greater', 'GreaterEqual', 'Less', 'NotEqual'].includes(op);
  const dtype = boolean ? 'BOOL' : a.dtype;
  return g.emit(op, [a, b], logical ? {} : typed(a), { dtype, shape: stretched(a.shape, b.shape) });
}

export const add = (g: Scope, a: Operand, b: Operand): Tensor => binary(g, 'AddV2', a, b);
export const subtract = (g: Scope, a: Operand, b: Operand): Tensor => binary(g, 'Sub', a, b);
export const multiply = (g: Scope, a: Operand, b: Operand): Tensor => binary(g, 'Mul', a, b);
export const divide = (g: Scope, a: Operand, b: Operand): Tensor => binary(g, 'RealDiv', a, b);

export function select(g: Scope, choice: Tensor, yes: Operand, no: Operand): Tensor {
  const [a, b] = pair(g, yes, no);
  const shape = stretched(choice.shape, stretched(a.shape, b.shape));
  return g.emit('SelectV2', [choice, a, b], typed(a), { dtype: a.dtype, shape });
}

export const clip = (g: Scope, x: Tensor, low: number, high: number): Tensor =>
  binary(g, 'Minimum', binary(g, 'Maximum', x, low), high);

export function leakyRelu(g: Scope, x: Tensor, slope: number): Tensor {
  return g.emit('LeakyRelu', [x], { ...typed(x), alpha: attribute.fraction(slope) }, x);
}

type Reduction = 'Max' | 'Mean' | 'Min' | 'Prod' | 'Sum' | 'All' | 'Any';

/** Takes dimensions together. */
export function reduce(g: Scope, op: Reduction, x: Tensor, axes: readonly number[], keep = false): Tensor {
  const places = axes.map((axis) => fromFront(axis, x.shape.length));
  const shape = x.shape.flatMap((size, i) => (!places.includes(i) ? [size] : keep ? [1] : []));
  const attributes = {
    keep_dims: attribute.flag(keep),
    Tidx: attribute.type('INT32'),
    ...(op === 'All' || op === 'Any' ? {} : typed(x)),
  };
  return g.emit(op, [x, integers(g, places)], attributes, { dtype: x.dtype, shape });
}

/** The innermost dimension of `x` times a matrix. */
export function product(g: Scope, x: Tensor, matrix: Tensor): Tensor {
  const [units = -1] = matrix.shape.slice(-1);
  const result = { dtype: x.dtype, shape: [...x.shape.slice(0, -1), units] };
  if (x.shape.length !== 2) return batchProduct(g, x, matrix);
  const attributes = { ...typed(x), transpose_a: attribute.flag(false), transpose_b: attribute.flag(false) };
  return g.emit('MatMul', [x, matrix], attributes, result);
}

/** Products of the last two dimensions. */
export function batchProduct(g: Scope, a: Tensor, b: Tensor, transposed = false): Tensor {
  const outer = stretched(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...outer, a.shape.at(-2) ?? -1, b.shape.at(transposed ? -2 : -1) ?? -1];
  const attributes = { ...typed(a), adj_x: attribute.flag(false), adj_y: attribute.flag(transposed) };
  return g.emit('BatchMatMulV2', [a, b], attributes, { dtype: a.dtype, shape });
}

/** Sums of products by the letters of their dimensions. */
export function einsum(g: Scope, equation: string, a: Tensor, b: Tensor): Tensor {
  const [from = '', to = ''] = equation.split('->');
  const [one = '', other = ''] = from.split(',');
  const sizeOf = (letter: string) => a.shape[one.indexOf(letter)] ?? b.shape[other.indexOf(letter)] ?? -1;
  const attributes = { ...typed(a), N: attribute.count(2), equation: attribute.name(equation) };
  return g.emit('Einsum', [a, b], attributes, { dtype: a.dtype, shape: [...to].map(sizeOf) });
}

/** Adds one number per channel, the innermost dimension. */
export const addBias = (g: Scope, x: Tensor, bias: Tensor): Tensor =>
  g.emit('BiasAdd', [x, bias], { ...typed(x), data_format: attribute.name('NHWC') }, x);

export type { Operation };

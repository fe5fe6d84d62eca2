import { describe, expect, it } from '@jest/globals';
import type { GraphFunction, GraphNode } from '../graph.ts';
import type { Signature } from '../signature.ts';
import { graphFunction, graphOf, integers, node, weights } from '../testing/graph.ts';
import { rowIndependence } from './row-independence.ts';

const X = node('x', 'Placeholder');

/** What is told of a graph from `x`, rows of this shape, to `y`. */
function verdict(nodes: readonly GraphNode[], row: readonly number[] = [3], functions: readonly GraphFunction[] = []) {
  const spec = (name: string, shape: number[]) => ({ name, dtype: 'FP32' as const, shape, node: `${name}:0` });
  const signature: Signature = { inputs: [spec('x', [-1, ...row])], outputs: [spec('y', [-1])] };
  return rowIndependence(graphOf([X, ...nodes], functions), signature);
}

const one = (op: string, inputs: string[], ...others: GraphNode[]) => verdict([...others, node('y', op, inputs)]);

describe('row-wise is', () => {
  it.each([
    ['an activation', one('Relu', ['x'])],
    ['a dense layer', one('MatMul', ['x', 'w'], weights('w', 3, 2))],
    ['a bias', one('AddV2', ['x', 'b'], weights('b', 3))],
    ['a softmax of each row', one('Softmax', ['x'])],
    ['a mean of each row', one('Mean', ['x', 'axes'], integers('axes', [-1]))],
    [
      'two transpositions',
      verdict([integers('p', [1, 0]), node('t', 'Transpose', ['x', 'p']), node('y', 'Transpose', ['t', 'p'])]),
    ],
    ['flattening', verdict([integers('to', [-1, 6]), node('y', 'Reshape', ['x', 'to'])], [2, 3])],
    [
      'zeros for each row beside it',
      verdict([
        node('shape', 'Shape', ['x']),
        ...[integers('0', [0]), integers('1', [1]), integers('two', 2), integers('axis', 1), weights('zero')],
        node('rows', 'StridedSlice', ['shape', '0', '1', '1'], { shrink_axis_mask: { number: 1 } }),
        node('to', 'Pack', ['rows', 'two']),
        node('zeros', 'Fill', ['to', 'zero']),
        node('y', 'ConcatV2', ['x', 'zeros', 'axis']),
      ]),
    ],
    [
      'a normalisation by stored statistics',
      verdict(
        [
          ...['scale', 'offset', 'mean', 'variance'].map((name) => weights(name, 3)),
          node('y', 'FusedBatchNormV3', ['x', 'scale', 'offset', 'mean', 'variance'], { is_training: { flag: false } }),
        ],
        [4, 4, 3],
      ),
    ],
    [
      'what a function does',
      verdict(
        [node('y', 'PartitionedCall', ['x'], { f: { functions: ['f'] } })],
        [3],
        [graphFunction('f', ['a'], [node('r', 'Relu', ['a'])], { out: 'r:activations:0' })],
      ),
    ],
  ])('%s', (_, told) => expect(told).toEqual({ rows: 'rowWise' }));
});

describe('mixing is', () => {
  const zero = integers('zero', [0]);
  it.each([
    [
      'the distance to the mean of all rows',
      verdict([zero, node('m', 'Mean', ['x', 'zero'], { keep_dims: { flag: true } }), node('y', 'Sub', ['x', 'm'])]),
      'm',
    ],
    ['a running sum over the rows', one('Cumsum', ['x', '0'], integers('0', 0)), 'y'],
    ['rows turned round', one('ReverseV2', ['x', 'zero'], zero), 'y'],
    [
      'the number of rows',
      verdict([node('s', 'Shape', ['x']), node('c', 'Cast', ['s']), node('y', 'Mul', ['x', 'c'])]),
      'y',
    ],
    [
      'a row of the request for all',
      verdict([zero, integers('axis', 0), node('g', 'GatherV2', ['x', 'zero', 'axis']), node('y', 'Sub', ['x', 'g'])]),
      'g',
    ],
    [
      'a sum over the rows',
      verdict([node('g', 'MatMul', ['x', 'x'], { transpose_a: { flag: true } }), node('y', 'MatMul', ['x', 'g'])]),
      'g',
    ],
    ['each row against each', one('MatMul', ['x', 'x2'], node('x2', 'Identity', ['x'])), 'y'],
    [
      'a normalisation by the rows themselves',
      verdict(
        [
          ...['scale', 'offset', 'mean', 'variance'].map((name) => weights(name, 3)),
          node('y', 'FusedBatchNormV3', ['x', 'scale', 'offset', 'mean', 'variance']),
        ],
        [4, 4, 3],
      ),
      'y',
    ],
    [
      'chance',
      verdict([node('s', 'Shape', ['x']), node('r', 'RandomUniform', ['s']), node('y', 'Mul', ['x', 'r'])]),
      'r',
    ],
    [
      'two rows in one',
      verdict([
        integers('to', [-1, 6]),
        integers('back', [-1, 3]),
        node('r', 'Reshape', ['x', 'to']),
        node('s', 'Softmax', ['r']),
        node('y', 'Reshape', ['s', 'back']),
      ]),
      'r',
    ],
    ['a constant as long as there should be rows', one('AddV2', ['x', 'w'], weights('w', 4, 3)), 'y'],
    ['an answer without rows', one('Identity', ['w'], weights('w', 4, 3)), 'y'],
  ])('%s', (_, told, decides) =>
    expect(told).toMatchObject({ rows: 'mixing', node: decides, why: expect.any(String) }),
  );
});

describe('not known is', () => {
  it.each([
    ['an operation without a rule', one('EditDistance', ['x'])],
    ['an operation that nobody has heard of', one('MadeUp', ['x'])],
    ['a circle', verdict([node('a', 'Add', ['x', 'b']), node('b', 'Relu', ['a']), node('y', 'Identity', ['b'])])],
    ['a node that is not there', one('Add', ['x', 'gone'])],
    ['one of two nodes of the same name', verdict([node('y', 'Relu', ['x']), node('y', 'Softmax', ['x'])])],
    ['an input that is missing', one('MatMul', ['x'])],
    [
      'a function that calls itself',
      verdict(
        [node('y', 'PartitionedCall', ['x'], { f: { functions: ['f'] } })],
        [3],
        [
          graphFunction('f', ['a'], [node('r', 'PartitionedCall', ['a'], { f: { functions: ['f'] } })], {
            out: 'r:output:0',
          }),
        ],
      ),
    ],
  ])('%s', (_, told) => expect(told).toMatchObject({ rows: 'unknown', why: expect.any(String) }));
});

it('a chain of a hundred thousand nodes is followed', () => {
  const chain = Array.from({ length: 100_000 }, (_, i) =>
    node(i === 99_999 ? 'y' : `n${i}`, 'Relu', [i === 0 ? 'x' : `n${i - 1}`]),
  );
  expect(verdict(chain)).toEqual({ rows: 'rowWise' });
});

import { describe, expect, it } from '@jest/globals';
import type { DataType, Tensor, TensorData } from '../model/types.ts';
import { join, split } from './join.ts';
import { choose, rowsOf, type Waiting } from './policy.ts';

const waiting = (signature: string, ...shapes: number[][]): Waiting => {
  const inputs = shapes.map((shape): Tensor => ({ name: 'x', dtype: 'FP32', shape, data: new Float32Array(0) }));
  return { signature, inputs, rows: rowsOf(inputs), deadline: undefined, gone: () => false };
};

describe('the choice of a batch', () => {
  it('takes the oldest request, and of the others those that are like it', () => {
    const queue = [
      waiting('a', [1, 2]),
      waiting('b', [1, 2]),
      waiting('a', [1, 3]),
      waiting('a', [2, 2]),
      waiting('a', [1, 2, 1]),
      { ...waiting('a', [1, 2]), rows: undefined },
    ];
    const { batch, rest } = choose(queue, 32, 0);
    expect(batch).toEqual([queue[0], queue[3]]);
    expect(rest).toEqual([queue[1], queue[2], queue[4], queue[5]]);
  });

  it('compares all inputs', () => {
    const queue = [waiting('a', [1, 2], [1, 5]), waiting('a', [1, 2], [1, 6]), waiting('a', [1, 2], [1, 5])];
    expect(choose(queue, 32, 0).batch).toEqual([queue[0], queue[2]]);
  });

  it('keeps a request alone whose inputs differ in their rows', () => {
    const queue = [waiting('a', [1, 2], [2, 2]), waiting('a', [1, 2], [2, 2])];
    expect(choose(queue, 32, 0).batch).toEqual([queue[0]]);
  });
});

describe('tensors of several requests', () => {
  it.each([
    ['FP32', Float32Array.from([1, 2]), Float32Array.from([3, 4, 5, 6])],
    ['INT64', BigInt64Array.from([1n, 2n]), BigInt64Array.from([3n, 4n, 5n, 6n])],
    ['BOOL', Uint8Array.from([1, 0]), Uint8Array.from([1, 1, 0, 0])],
    ['BYTES', ['a', 'b'].map((text) => Buffer.from(text)), ['c', 'd', 'e', 'f'].map((text) => Buffer.from(text))],
  ] as [DataType, TensorData, TensorData][])(
    'of %s are joined and taken apart without loss',
    (dtype, first, second) => {
      const a: Tensor = { name: 'x', dtype, shape: [1, 2], data: first };
      const b: Tensor = { name: 'x', dtype, shape: [2, 2], data: second };
      const whole = join([[a], [b]]);
      expect(whole[0]?.shape).toEqual([3, 2]);
      expect(split(whole, [1, 2])).toEqual([[a], [b]]);
    },
  );

  it('are not taken apart where rows are missing', () => {
    expect(split([{ name: 'y', dtype: 'FP32', shape: [], data: new Float32Array(1) }], [1, 1])).toBeUndefined();
  });
});

import { describe, expect, it } from '@jest/globals';
import type { Tensor } from '../model/types.ts';
import { uninitialized } from '../model/array-slab.ts';
import { join } from './join.ts';

const rowsOf = (data: Float32Array): Tensor[] => [{ name: 'x', dtype: 'FP32', shape: [data.length / 4, 4], data }];

/** As the decoders read it. */
function read(values: readonly number[]): Float32Array {
  const data = uninitialized(Float32Array, values.length);
  data.set(values);
  return data;
}

const ONE = [1, 2, 3, 4];
const TWO = [5, 6, 7, 8, 9, 10, 11, 12];

describe('join', () => {
  it('takes rows that were read one after the other as they lie', () => {
    const [first, second] = [read(ONE), read(TWO)];
    const [batch] = join([rowsOf(first), rowsOf(second)]);
    expect(batch).toEqual({ name: 'x', dtype: 'FP32', shape: [3, 4], data: Float32Array.of(...ONE, ...TWO) });
    expect((batch?.data as Float32Array).buffer).toBe(first.buffer);
  });

  it.each([
    ['in another order', () => [read(TWO), read(ONE)].reverse()],
    ['with a gap', () => [read(ONE), read([0, 0]), read(TWO)].filter(({ length }) => length > 2)],
    ['in memory of their own', () => [Float32Array.from(ONE), Float32Array.from(TWO)]],
    ['beginning in the middle', () => [read([0, 0, ...ONE]).subarray(2), Float32Array.from(TWO)]],
  ])('puts rows together that lie elsewhere: %s', (_, made) => {
    const [batch] = join(made().map(rowsOf));
    expect(batch?.data).toEqual(Float32Array.of(...ONE, ...TWO));
    expect(batch?.shape).toEqual([3, 4]);
  });

  it('comes to the same for rows of any size, in one piece of memory or several', () => {
    for (let length = 4; length <= 40_000; length = Math.ceil((length * 1.3) / 4) * 4) {
      const requests = Array.from({ length: 9 }, (_, i) => Array.from({ length }, (__, j) => i * length + j));
      const [batch] = join(requests.map((values) => rowsOf(read(values))));
      expect(batch?.data).toEqual(Float32Array.from(requests.flat()));
    }
  });
});

import { describe, expect, it } from '@jest/globals';
import { uninitialized } from './array-slab.ts';

describe('unfilled', () => {
  it.each([1, 3, 100, 5_000, 100_000])(
    'gives %d elements that are nobody else’s, after whatever else was taken',
    (length) => {
      const arrays = [1, 7, 64, 1001].flatMap((odd) => {
        uninitialized(Uint8Array, odd);
        return [
          uninitialized(Float32Array, length),
          uninitialized(Float64Array, length),
          uninitialized(Uint8Array, length),
        ];
      });
      arrays.forEach((array, i) => array.fill(i));
      arrays.forEach((array, i) => {
        expect(array).toHaveLength(length);
        expect(array.every((value) => value === i)).toBe(true);
      });
    },
  );
});

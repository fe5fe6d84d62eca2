import { describe, expect, it } from '@jest/globals';
import type { Tensor } from './types.ts';
import { compare, zeros } from './warmup.ts';

const answer = (...values: number[]): Tensor[] => [
  { name: 'y', dtype: 'FP32', shape: [values.length], data: Float32Array.from(values) },
];

describe('a warm-up of zeros', () => {
  it('has one row, and every type has its zero', () => {
    const [a, b, c] = zeros({
      inputs: [
        { name: 'a', dtype: 'FP32', shape: [-1, 2] },
        { name: 'b', dtype: 'INT64', shape: [] },
        { name: 'c', dtype: 'BYTES', shape: [-1] },
      ],
      outputs: [],
    });
    expect(a).toEqual({ name: 'a', dtype: 'FP32', shape: [1, 2], data: new Float32Array(2) });
    expect(b?.data).toEqual(BigInt64Array.from([0n]));
    expect(c?.data).toEqual([new Uint8Array(0)]);
  });
});

describe('a golden answer', () => {
  it.each([
    ['equal', answer(1, 2), [1, 2]],
    ['nested', answer(1, 2), [[1], [2]]],
    ['within rounding near zero', answer(0), [9e-6]],
    ['within rounding of large values', answer(100000), [100000.9]],
    ['not a number on both sides', answer(NaN), ['NaN']],
  ])('may be %s', (_, got, data) => {
    expect(compare(got, [{ name: 'y', data }])).toBeUndefined();
  });

  it.each([
    ['different', answer(1), [1.001], 'value 0 is 1, expected 1.001'],
    ['of another length', answer(1), [1, 2], 'has 1 values, expected 2'],
    ['not a number', answer(NaN), [1], 'is NaN, expected 1'],
  ])('that is %s is a failure', (_, got, data, words) => {
    expect(compare(got, [{ name: 'y', data }])).toContain(words);
  });

  it('without expected outputs proves nothing and is refused', () => {
    expect(compare(answer(1), [])).toContain('no "outputs"');
    expect(compare(answer(1), [{ name: 'z', data: [1] }])).toContain('no output "z"');
  });
});

import { describe, expect, it } from '@jest/globals';
import { compare, DEFAULT_TOLERANCE, readTolerance } from './golden.ts';
import type { Tensor } from './types.ts';

const answer = (...values: number[]): Tensor[] => [
  { name: 'y', dtype: 'FP32', shape: [values.length], data: Float32Array.from(values) },
];

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

  it('is compared with the tolerance that is asked for', () => {
    const near = [{ name: 'y', data: [100.5] }];
    expect(compare(answer(100), near, { absolute: 0.4, relative: 0 })).toContain('expected 100.5');
    expect(compare(answer(100), near, { absolute: 0.6, relative: 0 })).toBeUndefined();
    expect(compare(answer(100), near, { absolute: 0, relative: 0.01 })).toBeUndefined();
    expect(compare(answer(100), near, { absolute: 0, relative: 0.001 })).toContain('expected 100.5');
    expect(compare(answer(1), [{ name: 'y', data: [1] }], { absolute: 0, relative: 0 })).toBeUndefined();
  });
});

describe('a tolerance', () => {
  it.each([
    [undefined, DEFAULT_TOLERANCE],
    [0.01, { absolute: 0.01, relative: 0.01 }],
    [{ relative: 0.1 }, { absolute: 1e-5, relative: 0.1 }],
    [
      { absolute: 0, relative: 0 },
      { absolute: 0, relative: 0 },
    ],
  ])('%j is understood', (value, tolerance) => {
    expect(readTolerance(value)).toEqual(tolerance);
  });

  it.each([['1e-3'], [-1], [null], [[1]], [{ absolut: 1 }], [{ relative: '1' }]])('%j is refused', (value) => {
    expect(() => readTolerance(value)).toThrow('expected a number or');
  });
});

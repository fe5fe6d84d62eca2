import { describe, expect, it } from '@jest/globals';
import { difference } from './compare.ts';

const within = (absolute: number, relative = absolute) => ({ absolute, relative });

const y = (...values: unknown[]) => [{ name: 'y', values }];

describe('two answers', () => {
  it.each([
    ['with the same values', y(1, 'a', true, 2n), y(1, 'a', true, 2n), 0],
    ['with NaN and infinities at the same places', y(NaN, Infinity, -Infinity), y(NaN, Infinity, -Infinity), 0],
    ['that differ by the tolerance', y(0), y(0.5), 0.5],
    ['that differ by the tolerance of the stable number', y(1000), y(1001), 0.001],
    ['with zeros of either sign', y(0), y(-0), 0],
    ['of which one has an output more', y(1), [...y(1), { name: 'z', values: [2] }], 0],
    ['with outputs in another order', [...y(1), { name: 'z', values: [2] }], [{ name: 'z', values: [2] }, ...y(1)], 0],
    ['with large integers within the tolerance', y(2n ** 60n), y(2n ** 60n + 5n), 5],
  ])('%s are equal', (_, stable, target, tolerance) => {
    expect(difference(stable, target, within(tolerance))).toBeUndefined();
  });

  it.each([
    ['at the element that differs most', y(1, 2, 3), y(1.1, 2.5, 3.1), { element: 1, stable: 2, target: 2.5 }],
    ['where one is NaN', y(1, 2), y(9, NaN), { element: 1, stable: 2, target: 'NaN' }],
    ['where one is infinite', y(Infinity), y(5), { element: 0, stable: 'Infinity', target: 5 }],
    ['where the infinities have two signs', y(Infinity), y(-Infinity), { stable: 'Infinity', target: '-Infinity' }],
    ['where a text is another', y('a'), y('b'), { stable: 'a', target: 'b' }],
    ['where a number is a text', y(1), y('1'), { stable: 1, target: '1' }],
    ['where one is longer', y(1), y(1, 2), { element: 0, stable: '1 elements', target: '2 elements' }],
    ['where an output is absent', y(1), [], { element: 0, stable: '1 elements', target: 'absent' }],
  ])('differ %s', (_, stable, target, expected) => {
    expect(difference(stable, target, within(0.01))).toMatchObject({ output: 'y', ...expected });
  });

  it('of large integers differ by one where nothing is tolerated', () => {
    expect(difference(y(2n ** 60n), y(2n ** 60n + 1n), within(0))).toMatchObject({ stable: '1152921504606846976' });
  });

  it('are shown by the output that differs most', () => {
    const two = (a: number, b: number) => [
      { name: 'a', values: [a] },
      { name: 'b', values: [b] },
    ];
    expect(difference(two(1, 1), two(2, 3), within(0))).toEqual({ output: 'b', element: 0, stable: 1, target: 3 });
  });

  it('are shown with short texts', () => {
    expect(difference(y('a'.repeat(1000)), y('b'), within(0))?.stable).toHaveLength(80);
  });
});

import { describe, expect, it } from '@jest/globals';
import { deadlineMs, p99 } from './deadline.ts';
import { count, emptyCounts } from './counts.ts';

describe('the time that a revision on trial is given', () => {
  it.each([
    ['is five seconds while nothing is known', undefined, 5_000],
    ['is at least a second', 2, 1_000],
    ['is four times what the stable one needs', 1_000, 4_000],
    ['is at most half a minute', 20_000, 30_000],
    ['is at most half a minute however slow the stable one is', Infinity, 30_000],
  ])('%s', (_, own, expected) => {
    expect(deadlineMs(own)).toBe(expected);
  });

  it('follows from fifty answers, not from fewer', () => {
    const { own } = emptyCounts();
    for (let i = 0; i < 49; i++) count(own, { ms: 400 });
    expect(p99(own)).toBeUndefined();
    count(own, { ms: 400 });
    expect(p99(own)).toBeCloseTo(446.7, 1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { ageOf, spanOf } from './age.ts';

describe('a span of time', () => {
  it.each([
    [0, '0s'],
    [59.9, '59s'],
    [60, '1m'],
    [95, '1m35s'],
    [620, '10m'],
    [3_700, '1h1m'],
    [86_400 * 3 + 3_600 * 2, '3d2h'],
    [86_400 * 30, '30d'],
    [-5, '0s'],
    [NaN, ''],
  ])('of %d seconds is written as %s', (seconds, text) => {
    expect(spanOf(seconds)).toBe(text);
  });

  it('is counted from the time of an object, and is nothing without one', () => {
    expect(ageOf('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:05:00Z'))).toBe('5m');
    expect(ageOf(undefined, 0)).toBe('');
  });
});

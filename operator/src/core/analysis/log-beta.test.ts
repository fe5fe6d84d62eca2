import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { logBeta, logGamma } from './log-beta.ts';

describe('logGamma', () => {
  it('of a whole number is the logarithm of a factorial', () => {
    for (let n = 1, log = 0; n <= 2000; log += Math.log(n++)) {
      expect(Math.abs(logGamma(n) - log)).toBeLessThanOrEqual(1e-13 * Math.max(1, log));
    }
  });

  it.each([
    [0.5, Math.log(Math.PI) / 2],
    [1.5, Math.log(Math.PI) / 2 - Math.log(2)],
    // NIST DLMF 5.4.4, 5.4: Γ(1/3), Γ(1/4)
    [1 / 3, Math.log(2.678938534707748)],
    [0.25, Math.log(3.625609908221908)],
  ])('of %d has the known value', (x, expected) => {
    expect(logGamma(x)).toBeCloseTo(expected, 13);
  });

  it('obeys the duplication formula', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (z) => {
        const doubled = logGamma(z) + logGamma(z + 0.5) - (1 - 2 * z) * Math.LN2 - Math.log(Math.PI) / 2;
        expect(Math.abs(logGamma(2 * z) - doubled)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(doubled)));
      }),
    );
  });
});

describe('logBeta', () => {
  it('is the logarithm of one over a binomial coefficient', () => {
    expect(logBeta(3, 8)).toBeCloseTo(-Math.log(10 * 36), 12);
    expect(logBeta(0.5, 0.5)).toBeCloseTo(Math.log(Math.PI), 13);
  });
});

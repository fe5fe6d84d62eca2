import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Count, evidenceAbove, evidenceWorse } from './evidence.ts';
import { logGamma } from './log-beta.ts';

/** Logarithm of the chance of a count. */
const logChance = ({ hits, total }: Count, rate: number): number => {
  const ways = logGamma(total + 1) - logGamma(hits + 1) - logGamma(total - hits + 1);
  return ways + hits * Math.log(rate) + (total - hits) * Math.log1p(-rate);
};

const outcomes = (total: number): Count[] => Array.from({ length: total + 1 }, (_, hits) => ({ hits, total }));

describe('evidence that a rate is above a limit', () => {
  it('is at most 1 on average while the rate is within it', () => {
    for (const limit of [0.01, 0.05, 0.5]) {
      for (const rate of [limit, limit / 2]) {
        for (const total of [1, 10, 100, 400]) {
          const mean = outcomes(total).reduce(
            (sum, c) => sum + Math.exp(logChance(c, rate) + evidenceAbove(c, limit)),
            0,
          );
          expect(mean).toBeLessThanOrEqual(1);
        }
      }
    }
  });

  it('reaches 100 at any of 300 looks with a chance of at most 1 %', () => {
    for (const limit of [0.01, 0.1, 0.5]) {
      // Exact: the chance of each number of hits among the runs that have not been stopped yet.
      let going = [1];
      let stopped = 0;
      for (let total = 1; total <= 300; total++) {
        going = Array.from({ length: total + 1 }, (_, hits) => {
          const mass = (going[hits] ?? 0) * (1 - limit) + (going[hits - 1] ?? 0) * limit;
          if (evidenceAbove({ hits, total }, limit) < Math.log(100)) return mass;
          stopped += mass;
          return 0;
        });
      }
      expect(stopped).toBeGreaterThan(0);
      expect(stopped).toBeLessThanOrEqual(0.01);
    }
  });

  it('is certain when the rate must be 0', () => {
    expect(evidenceAbove({ hits: 1, total: 1000 }, 0)).toBe(Infinity);
    expect(evidenceAbove({ hits: 0, total: 1000 }, 0)).toBe(-Infinity);
  });
});

describe('evidence that a revision is worse', () => {
  it('is at most 1 on average while it is not, but for the presumption', () => {
    for (const [rate, margin] of [
      [0.001, 0.01],
      [0.05, 0.01],
      [0.3, 0],
    ] as const) {
      for (const [ofTarget, ofControl] of [
        [10, 90],
        [60, 60],
        [50, 3],
      ] as const) {
        let mean = 0;
        for (const target of outcomes(ofTarget)) {
          for (const control of outcomes(ofControl)) {
            const weight = logChance(target, rate + margin) + logChance(control, rate);
            mean += Math.exp(weight + evidenceWorse(target, control, margin));
          }
        }
        expect(mean).toBeLessThanOrEqual((1 - rate) ** -3);
      }
    }
  });

  const count = (most: number) =>
    fc
      .integer({ min: 0, max: most })
      .chain((total) => fc.record({ hits: fc.integer({ min: 0, max: total }), total: fc.constant(total) }));

  it('grows with its errors, shrinks with those of the other and with the margin', () => {
    fc.assert(
      fc.property(
        count(1000),
        count(100_000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (target, control, margin) => {
          const evidence = evidenceWorse(target, control, margin);
          expect(evidence).not.toBeNaN();
          const tolerance = 1e-6 * (1 + Math.abs(evidence));
          if (evidence === -Infinity) return;
          expect(evidenceWorse(target, control, margin / 2)).toBeGreaterThanOrEqual(evidence - tolerance);
          if (target.hits === target.total) return;
          const worse = { ...target, hits: target.hits + 1 };
          expect(evidenceWorse(worse, control, margin)).toBeGreaterThanOrEqual(evidence - tolerance);
        },
      ),
    );
  });

  it.each([
    [
      '3 of 100 against 50 of 10,000 at a margin of 1 %',
      { hits: 3, total: 100 },
      { hits: 50, total: 10_000 },
      0.01,
      false,
    ],
    ['20 of 100 against 0 of 100 at a margin of 1 %', { hits: 20, total: 100 }, { hits: 0, total: 100 }, 0.01, true],
    ['5 % against 0.1 % at a margin of 1 %', { hits: 30, total: 600 }, { hits: 6, total: 5400 }, 0.01, true],
    ['the same rates', { hits: 500, total: 1000 }, { hits: 4500, total: 9000 }, 0, false],
    ['nothing but errors without a comparison', { hits: 20, total: 20 }, { hits: 0, total: 0 }, 0.01, true],
    ['nothing but errors on both sides', { hits: 100, total: 100 }, { hits: 100, total: 100 }, 0.01, false],
    ['nothing', { hits: 0, total: 0 }, { hits: 0, total: 0 }, 0, false],
  ])('from %s is what it should be', (_, target, control, margin, certain) => {
    expect(evidenceWorse(target, control, margin) >= Math.log(400)).toBe(certain);
  });

  it('stays finite for a hundred million requests', () => {
    const control = { hits: 1e5, total: 1e9 };
    expect(evidenceWorse({ hits: 1e4, total: 1e8 }, control, 0)).toBe(-Infinity);
    expect(evidenceWorse({ hits: 2e4, total: 1e8 }, control, 0)).toBeGreaterThan(1000);
  });
});

import { describe, expect, it } from '@jest/globals';
import { EXAMPLES, LATENCY_BOUNDS_MS } from '@modeldeployment/modelpack/traffic';
import fc from 'fast-check';
import { bucketOf, count, emptyCounts, merge, quantile } from './counts.ts';

describe('a latency', () => {
  it('falls into the first bucket whose bound is not below it', () => {
    const near = fc
      .constantFrom(...LATENCY_BOUNDS_MS)
      .chain((bound) => fc.constantFrom(bound, bound * (1 + 1e-12), bound * (1 - 1e-12)));
    fc.assert(
      fc.property(fc.oneof(near, fc.double({ min: 0, max: 1e6, noNaN: true })), (ms) => {
        const expected = LATENCY_BOUNDS_MS.findIndex((bound) => ms <= bound);
        expect(bucketOf(ms)).toBe(expected < 0 ? LATENCY_BOUNDS_MS.length : expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('of no time and of endless time has a bucket too', () => {
    expect([bucketOf(0), bucketOf(Infinity)]).toEqual([0, LATENCY_BOUNDS_MS.length]);
  });
});

describe('a quantile', () => {
  it('is at most 12.3 % above the true one and never below it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.1, max: 60_000, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (times, q) => {
          const { own } = emptyCounts();
          for (const ms of times) count(own, { ms });
          const exact = times.sort((a, b) => a - b)[Math.ceil(q * times.length) - 1] ?? NaN;
          expect(quantile(own, q)).toBeGreaterThanOrEqual(exact);
          expect(quantile(own, q)).toBeLessThanOrEqual(exact * 1.123);
        },
      ),
    );
  });

  it('of nothing is unknown', () => {
    expect(quantile(emptyCounts().own, 0.99)).toBeUndefined();
  });
});

describe('the counts of several workers', () => {
  const example = { time: '', output: 'y', element: 0, stable: 1, target: 2 };
  const worker = (trial: string) => {
    const counts = emptyCounts(trial);
    count(counts.own, { ms: 1 });
    count(counts.target, { ms: 100, error: true });
    count(counts.target, { ms: 0.1, nonFinite: true, shared: true });
    counts.uncounted = 4;
    counts.fallbacks.timeout = 1;
    counts.skipped = 2;
    counts.replayed = 3;
    counts.golden = { asked: 2, mismatches: 1 };
    counts.mirror = {
      compared: 6,
      differing: 6,
      failed: 1,
      nonFinite: 1,
      dropped: 1,
      examples: Array.from({ length: 6 }, () => example),
    };
    return counts;
  };

  it('add up, without those of another trial', () => {
    const sum = merge([worker('a'), worker('b'), worker('a')], 'a');
    expect(sum).toMatchObject({
      trial: 'a',
      own: { requests: 2, errors: 0 },
      target: { requests: 4, errors: 2, nonFinite: 2, shared: { errors: 0, nonFinite: 2 } },
      uncounted: 8,
      fallbacks: { timeout: 2 },
      skipped: 4,
      replayed: 6,
      golden: { asked: 4, mismatches: 2 },
      mirror: { compared: 12, differing: 12, failed: 2, dropped: 2 },
    });
    expect(sum.mirror.examples).toHaveLength(EXAMPLES);
    expect(sum.target.latency[0]).toBe(2);
    expect(sum.target.latency[bucketOf(100)]).toBe(2);
    expect(sum.target.latency.reduce((a, b) => a + b)).toBe(4);
  });

  it('of none are nothing', () => {
    expect(merge([worker('a')], undefined)).toEqual(emptyCounts());
  });

  it('survive JSON', () => {
    expect(JSON.parse(JSON.stringify(worker('a')))).toEqual(worker('a'));
  });
});

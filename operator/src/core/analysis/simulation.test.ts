import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Comparison } from './comparisons.ts';
import { noTally } from './counts.ts';
import { type Finding, judgeLatency, judgeRate, type Test, testsOf } from './criteria.ts';

/** The tables of docs/analysis.md, computed anew: they hold what these trials, drawn by seed, come to. */
const page = readFileSync(new URL('../../../../docs/analysis.md', import.meta.url), 'utf8');

// Looked up once: in a test each use of a global is slow.
const { floor, imul, log, log1p } = Math;

/** Pseudo-random numbers from 0 to 1 (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Side = 'control' | 'felt';

const tallyOf = (comparison: Comparison, side: Side) => (side === 'felt' ? comparison.felt : comparison.control.felt);

interface Scene {
  /** Percent of the requests that go to the revision on trial. */
  weight: number;
  /** Counts `n` more requests on that side. */
  answer: (comparison: Comparison, side: Side, n: number, random: () => number) => void;
  judge: (test: Test) => Finding;
}

/**
 * Requests of the revision on trial until it fails; Infinity when it does not within `most`. It is looked at after every
 * request up to 100, then every 3 %.
 */
function untilFail({ weight, answer, judge }: Scene, most: number, random: () => number): number {
  const control = noTally();
  const views = { control: { felt: control, own: control }, felt: noTally(), own: noTally() };
  const comparison: Comparison = { weight, ...views, causes: {} };
  const [test] = testsOf([comparison], 100);
  for (let n = 0; n < most;) {
    const more = Math.max(1, Math.floor(n * 0.03));
    answer(comparison, 'felt', more, random);
    answer(comparison, 'control', more * (100 / weight - 1), random);
    n += more;
    if (judge(test!).is === 'bad') return n;
  }
  return Infinity;
}

const trials = (scene: Scene, runs: number, most: number): number[] => {
  const random = seeded(1);
  return Array.from({ length: runs }, () => untilFail(scene, most, random)).sort((a, b) => a - b);
};

/** How many of n requests fail: those before the next failure are skipped at once. */
function draw(n: number, rate: number, random: () => number): number {
  if (rate >= 1) return n;
  let hits = 0;
  if (rate > 0) for (let at = 0; (at += 1 + floor(log(1 - random()) / log1p(-rate))) <= n;) hits++;
  return hits;
}

/** Errors at these rates, both higher by what `extra` says of the n-th request. */
function errors(weight: number, stable: number, target: number, points: number, extra = (_n: number) => 0): Scene {
  return {
    weight,
    answer: (comparison, side, n, random) => {
      const tally = tallyOf(comparison, side);
      tally.requests += n;
      tally.errors += draw(n, (side === 'felt' ? target : stable) + extra(comparison.felt.requests), random);
    },
    judge: (test) => judgeRate(test, 'errors', points / 100),
  };
}

/** Log-normal latencies, on trial `slower` times longer. */
function latency(q: number, slower: number): Scene {
  return {
    weight: 20,
    answer: (comparison, side, n, random) => {
      const tally = tallyOf(comparison, side);
      tally.requests += n;
      for (let i = 0; i < n; i++) {
        const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
        const ms = 10 * Math.exp(normal / 2) * (side === 'felt' ? slower : 1);
        // Bounds are 10^(1/20) apart, the first is 0.1.
        const bucket = Math.max(0, Math.ceil(20 * Math.log10(ms * 10)));
        while (tally.latency.length <= bucket) tally.latency.push(0);
        tally.latency[bucket] = (tally.latency[bucket] ?? 0) + 1;
      }
    },
    judge: (test) => judgeLatency(test, q, 3),
  };
}

const requests = (n: number | undefined): string => (n === undefined || n === Infinity ? '–' : String(n));

describe('a trial that is looked at all the time', () => {
  const burst = (n: number): number => (n % 400 < 100 ? 0.2 : 0);
  it.each<[string, Scene]>([
    ['errors 0.1 % and 1.1 %, weight 10 %, 1 point allowed', errors(10, 0.001, 0.011, 1)],
    ['errors 0 % and 1 %, weight 50 %, 1 point allowed', errors(50, 0, 0.01, 1)],
    ['errors 5 % and 6 %, weight 50 %, 1 point allowed', errors(50, 0.05, 0.06, 1)],
    ['errors 10 % and 10 %, weight 50 %, none allowed', errors(50, 0.1, 0.1, 0)],
    ['errors 50 % and 50 %, weight 50 %, none allowed', errors(50, 0.5, 0.5, 0)],
    ['as the first, with 20 points more for both in every fourth hundred', errors(10, 0.001, 0.011, 1, burst)],
  ])('fails in less than 1 %% of the cases when all is well: %s', (name, scene) => {
    const alarms = trials(scene, 500, 1000).filter((n) => n < Infinity).length;
    expect(alarms).toBeLessThanOrEqual(5);
    expect(page).toContain(`| ${name} | ${alarms} of 500 |`);
  });

  it.each<[string, Scene]>([
    ['p50 three times as long, weight 20 %, 300 % allowed', latency(0.5, 3)],
    ['p99 three times as long, weight 20 %, 300 % allowed', latency(0.99, 3)],
  ])('fails in less than 1 %% of the cases when all is well: %s', (name, scene) => {
    const alarms = trials(scene, 100, 1000).filter((n) => n < Infinity).length;
    expect(alarms).toBeLessThanOrEqual(1);
    expect(page).toContain(`| ${name} | ${alarms} of 100 |`);
  });

  it.each([0.02, 0.05, 0.1, 0.2, 0.5, 1])('fails after so many requests when %d of them fail', (rate) => {
    const cells = [10, 50].flatMap((weight) => {
      const runs = trials(errors(weight, 0.001, rate, 1), 100, rate < 0.05 ? 10_000 : 2000);
      return [requests(runs[49]), requests(runs[89])];
    });
    const passes = [100, 300, 1000].map((n) => {
      const random = seeded(2);
      const runs = Array.from({ length: 1000 }, () => Array.from({ length: n }, random).filter((x) => x < rate).length);
      return `${Number(((runs.filter((hits) => hits - 1 <= n * 0.011).length / 1000) * 100).toPrecision(2))} %`;
    });
    expect(page).toContain(`| ${rate * 100} % | ${cells.join(' | ')} | ${passes.join(' | ')} |`);
  });

  it.each([
    ['p50', 0.5, 4],
    ['p50', 0.5, 6],
    ['p99', 0.99, 4],
    ['p99', 0.99, 6],
  ] as const)('fails after so many requests when %s (quantile %d) is %d times as long', (name, q, slower) => {
    const runs = trials(latency(q, slower), 50, 4000);
    expect(page).toContain(`| ${name}, ${slower} times as long | ${requests(runs[24])} | ${requests(runs[44])} |`);
  });
});

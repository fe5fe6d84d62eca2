import { type Difference, LATENCY_BOUNDS_MS } from '@modeldeployment/modelpack/traffic';
import { type Comparison, VIEWS } from './comparisons.ts';
import type { Tally } from './counts.ts';
import { type Count, evidenceAbove, evidenceWorse, rateOf } from './evidence.ts';
import { duration, exampleOf, percent, share, shareAndRate, whole } from './words.ts';

/**
 * What one criterion says of the revision on trial. `bad`: the evidence is beyond doubt. `doubtful`: what was seen is over
 * the limit, but may be chance. Words only when it is not `fine`.
 */
export type Finding = { is: 'fine' } | { is: 'doubtful' | 'bad'; words: string };

const FINE: Finding = { is: 'fine' };

/** Chance of a false alarm, for each criterion and trial, however often one looks. */
const ALPHA = 0.01;

/** With fewer requests nothing is beyond doubt: one pause of a pod may spoil a few in a row. */
const FEWEST = 10;

/** What is compared, and the part of ALPHA that may be spent on it. */
export interface Test {
  comparison: Comparison;
  /** Fewer answers of the serving revision than this tell nothing of its rates. */
  minRequests: number;
  alpha: number;
}

/** ALPHA is shared out among the comparisons of a trial, however many there will be: 1/2 + 1/6 + 1/12 + … = 1. */
export function testsOf(comparisons: readonly Comparison[], minRequests: number): Test[] {
  return comparisons.map((comparison, index) => ({
    comparison,
    minRequests,
    alpha: ALPHA / ((index + 1) * (index + 2)),
  }));
}

const beyondDoubt = (logEvidence: number, alpha: number): boolean => logEvidence >= -Math.log(alpha);

/** A rate over `allowed` but for one request; a single one decides nothing. */
const tooMany = ({ hits, total }: Count, allowed: number): boolean => hits - 1 > allowed * total;

/** Rate of errors, or of answers with NaN or an infinity, against that of the serving revision plus `margin` (0 to 1). */
export function judgeRate({ comparison, minRequests, alpha }: Test, property: Rated, margin: number): Finding {
  const views = VIEWS.map((view) => ({
    target: countOf(comparison[view], property),
    control: countOf(comparison.control[view], property),
  }));
  const bad = views.find(
    ({ target, control }) =>
      target.total >= FEWEST && beyondDoubt(evidenceWorse(target, control, margin), alpha / views.length),
  );
  // Of a revision that has hardly been asked, no errors of its own are assumed.
  const allowed = (control: Count): number => margin + (control.total < minRequests ? 0 : rateOf(control));
  const found = bad ?? views.find(({ target, control }) => tooMany(target, allowed(control)));
  if (found === undefined) return FINE;
  const { target, control } = found;
  const causes = property === 'errors' ? causesOf(comparison) : '';
  const said = `${share(target)} ${RATED[property]} (${percent(rateOf(target))}${causes}), the stable revision: ${shareAndRate(control)}`;
  return { is: bad === undefined ? 'doubtful' : 'bad', words: `${said}; allowed: ${pointsMore(margin)}` };
}

/** The three most frequent. */
function causesOf({ causes }: Comparison): string {
  const found = Object.entries(causes)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3);
  return found.length === 0 ? '' : `: ${found.map(([cause, count]) => `${whole(count)} ${cause}`).join(', ')}`;
}

const pointsMore = (margin: number): string =>
  margin === 0 ? 'no more' : margin === 0.01 ? '1 point more' : `${Math.round(margin * 100)} points more`;

export const RATED = { errors: 'requests failed', nonFinite: 'answers contained NaN or an infinity' } as const;
type Rated = keyof typeof RATED;

export const countOf = (tally: Tally, property: Rated): Count => ({ hits: tally[property], total: tally.requests });

/**
 * Whether the quantile `q` of the latency is more than `ratio` times that of the serving revision, whatever the shape of
 * either distribution. Half of alpha goes into a bound above the serving revision's quantile: the lowest bucket below whose
 * bound more than q of its answers lie, beyond doubt (a confidence sequence, Howard and Ramdas 2022). If all is well, at
 * most 1 - q of the requests are slower than `ratio` times that bound: the other half goes into that. Both roundings to
 * buckets (12 % each) are in favour of the revision on trial.
 */
export function judgeLatency({ comparison, alpha }: Test, q: number, ratio: number): Finding {
  const control = comparison.control.own.latency;
  // As its own servers count it: the way through a stable pod is not the revision's fault.
  const target = (comparison.own.requests > 0 ? comparison.own : comparison.felt).latency;
  const slowerThan = (limit: number): Count => ({ hits: sum(target.slice(limit + 1)), total: sum(target) });
  const describe = (is: 'bad' | 'doubtful', limit: number): Finding => {
    const seen = `p${Math.round(q * 100)} latency ${duration(quantile(target, q))}, the stable revision: ${duration(quantile(control, q))}`;
    const slow = `${share(slowerThan(limit))} requests took longer than ${duration(LATENCY_BOUNDS_MS[limit])}`;
    return { is, words: `${seen}; allowed: ${percent(ratio)} of that, but ${slow}` };
  };
  const sure = times(boundAbove(control, q, alpha / 2), ratio);
  if (sure !== undefined && sum(target) >= FEWEST) {
    if (beyondDoubt(evidenceAbove(slowerThan(sure), 1 - q), alpha / 2)) return describe('bad', sure);
  }
  const seen = times(quantile(control, q), ratio);
  return seen !== undefined && tooMany(slowerThan(seen), 1 - q) ? describe('doubtful', seen) : FINE;
}

/** Index of the first bucket whose bound in ms is not below `ratio` times `bound`; undefined beyond the last one. */
function times(bound: number | undefined, ratio: number): number | undefined {
  // The bounds are rounded to four digits.
  const index = bound === undefined ? -1 : LATENCY_BOUNDS_MS.findIndex((one) => one >= bound * ratio * 0.999);
  return index < 0 ? undefined : index;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Lowest bound in ms that is above the true quantile `q` beyond doubt; undefined when there is none. */
function boundAbove(latency: readonly number[], q: number, alpha: number): number | undefined {
  const below = { hits: 0, total: sum(latency) };
  const bucket = latency.findIndex((count) => {
    below.hits += count;
    return beyondDoubt(evidenceAbove(below, q), alpha);
  });
  return LATENCY_BOUNDS_MS[bucket];
}

/** Upper bound in ms of the bucket that holds the quantile `q`; undefined without requests and beyond the last bound. */
export function quantile(latency: readonly number[], q: number): number | undefined {
  let left = Math.ceil(q * sum(latency));
  return left === 0 ? undefined : LATENCY_BOUNDS_MS[latency.findIndex((bucket) => (left -= bucket) <= 0)];
}

/** Differing answers of a shadow against the largest allowed share. */
export function judgeDifferences({ hits, total }: Count, limit: number, examples: readonly Difference[]): Finding {
  const words = `${shareAndRate({ hits, total })} answers differ from those of the stable revision${exampleOf(examples)}; allowed: ${percent(limit)}`;
  const evidence = evidenceAbove({ hits, total }, limit);
  if ((total >= FEWEST || limit === 0) && beyondDoubt(evidence, ALPHA)) return { is: 'bad', words };
  return tooMany({ hits, total }, limit) ? { is: 'doubtful', words } : FINE;
}

/** Counting answers, and reading the counts. Pure. */
import { EXAMPLES, LATENCY_BOUNDS_MS, type TrialCounts, type TrialReport } from '@modeldeployment/modelpack/traffic';

/** What one worker knows of a trial; the report of a server is that of its workers together. */
export type Counts = Omit<
  TrialReport,
  'revision' | 'started' | 'weight' | 'own' | 'target' | 'uncounted' | 'mirror'
> & {
  own: Required<TrialCounts>;
  target: Required<TrialCounts>;
  uncounted: number;
  mirror: Required<TrialReport['mirror']>;
};

export interface Outcome {
  ms: number;
  error?: boolean;
  nonFinite?: boolean;
  /** The error, or the NaN, speaks against neither revision. */
  shared?: boolean;
}

const noCounts = (): Required<TrialCounts> => ({
  requests: 0,
  errors: 0,
  nonFinite: 0,
  shared: { errors: 0, nonFinite: 0 },
  latency: [],
});

export const emptyCounts = (trial?: string): Counts => ({
  ...(trial === undefined ? {} : { trial }),
  own: noCounts(),
  target: noCounts(),
  fallbacks: {},
  skipped: 0,
  replayed: 0,
  uncounted: 0,
  mirror: { compared: 0, differing: 0, failed: 0, nonFinite: 0, dropped: 0, examples: [] },
  golden: { asked: 0, mismatches: 0 },
});

/** @param usual whether how long it took says something of other requests */
export function count(counts: Required<TrialCounts>, { ms, error, nonFinite, shared }: Outcome, usual = true): void {
  counts.requests++;
  if (error) counts.errors++;
  if (nonFinite) counts.nonFinite++;
  if (shared && error) counts.shared.errors++;
  if (shared && nonFinite) counts.shared.nonFinite++;
  if (!usual) return;
  const bucket = bucketOf(ms);
  // No holes: they would become null in JSON.
  while (counts.latency.length <= bucket) counts.latency.push(0);
  counts.latency[bucket] = (counts.latency[bucket] ?? 0) + 1;
}

/** Index of the first bound that is not below `ms`, or one past the last. The logarithm may be off by one at a bound. */
export function bucketOf(ms: number): number {
  const guess = Math.ceil(20 * Math.log10(ms * 10));
  const index = Math.max(0, Math.min(LATENCY_BOUNDS_MS.length, guess));
  if (index > 0 && ms <= (LATENCY_BOUNDS_MS[index - 1] ?? Infinity)) return index - 1;
  return ms > (LATENCY_BOUNDS_MS[index] ?? Infinity) ? index + 1 : index;
}

/** Requests that were timed. */
export const timed = ({ latency }: TrialCounts): number => latency.reduce((sum, bucket) => sum + bucket, 0);

/** Requests of which something can be said: without those that speak against neither revision. */
export const telling = ({ requests, shared }: Required<TrialCounts>): number =>
  requests - shared.errors - shared.nonFinite;

/** Upper bound in ms of the bucket that holds the quantile `q`; undefined without any request. */
export function quantile(counts: TrialCounts, q: number): number | undefined {
  const { latency } = counts;
  let left = Math.ceil(q * timed(counts));
  if (left === 0) return undefined;
  for (const [index, bucket] of latency.entries()) {
    left -= bucket;
    if (left <= 0) return LATENCY_BOUNDS_MS[index] ?? Infinity;
  }
  return Infinity;
}

/** The counts of `trial` from several workers as one; those of another trial are left out. */
export function merge(all: readonly Counts[], trial: string | undefined): Counts {
  const sum = emptyCounts(trial);
  for (const counts of all.filter((one) => one.trial === trial)) {
    addCounts(sum.own, counts.own);
    addCounts(sum.target, counts.target);
    add(sum.fallbacks, counts.fallbacks);
    sum.skipped += counts.skipped;
    sum.replayed += counts.replayed;
    sum.uncounted += counts.uncounted;
    add(sum.mirror, counts.mirror);
    sum.mirror.examples = [...sum.mirror.examples, ...counts.mirror.examples].slice(0, EXAMPLES);
    add(sum.golden, counts.golden);
  }
  return sum;
}

function addCounts(sum: Required<TrialCounts>, counts: Required<TrialCounts>): void {
  add(sum, counts);
  add(sum.shared, counts.shared);
  const buckets = Math.max(sum.latency.length, counts.latency.length);
  sum.latency = Array.from({ length: buckets }, (_, i) => (sum.latency[i] ?? 0) + (counts.latency[i] ?? 0));
}

/** Adds the numbers among the fields. */
function add(sum: object, counts: object): void {
  const numbers = sum as Record<string, number>;
  for (const [key, value] of Object.entries(counts)) {
    if (typeof value === 'number') numbers[key] = (numbers[key] ?? 0) + value;
  }
}

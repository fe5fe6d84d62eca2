import { logBeta } from './log-beta.ts';

/**
 * Tests that may be looked at as often as one likes. Each answers the logarithm of an e-value E: under the hypothesis that
 * all is well, the probability that E *ever* reaches 1/α, at any look, is at most α (Ville 1939). So there is no schedule
 * of looks, nothing to remember between them, and the verdict may come as soon as it is clear.
 *
 *   E = average likelihood of the counts over all rates, by a prior / their largest likelihood if all is well
 *
 * The numerator over the likelihood of the true rates is a non-negative martingale with mean 1 (Robbins 1970), and the
 * denominator is at least that likelihood whenever all is well (universal inference: Wasserman, Ramdas, Balakrishnan,
 * PNAS 2020). It is exact for any number of requests, one included. docs/analysis.md has the formulas, how many requests
 * they need, and simulated false alarms.
 */

/** So many of so many requests had a property, an error for instance. */
export interface Count {
  hits: number;
  total: number;
}

/** Parameters of a Beta distribution of the rate. */
type Prior = readonly [number, number];

/** Of a rate about which nothing is known (Jeffreys; Krichevsky and Trofimov 1981). */
const UNKNOWN: Prior = [0.5, 0.5];
/** Of the errors of a revision that serves: they are likely to be few, which saves a quarter of the requests when they are. */
const SERVING: Prior = [0.5, 50];

/**
 * Good answers that are added to those of the revision that serves: it is presumed to work, so that a revision that does
 * nothing but fail is found out even without a comparison. A serving revision with the error rate p raises α to at most
 * α / (1 - p)³ by that.
 */
const PRESUMED = 3;

/** Steps of bisection: rates are found to 1e-18. */
const HALVINGS = 60;

/** log E against "the rate is at most `rate`". -Infinity unless more than that was seen; Infinity if it cannot be. */
export function evidenceAbove(count: Count, rate: number): number {
  if (count.hits <= rate * count.total) return -Infinity;
  return logAverage(count, UNKNOWN) - logLikelihood(count, rate);
}

/**
 * log E against "the rate of `target` exceeds that of `control` by at most `margin`" (0 to 1). The control's true rate is
 * unknown: the one that explains both counts best is taken, so it never makes the target look worse.
 */
export function evidenceWorse(target: Count, control: Count, margin: number): number {
  const presumed = { hits: control.hits, total: control.total + PRESUMED };
  if (target.hits <= (rateOf(control) + margin) * target.total) return -Infinity;
  const rate = likeliestRate(target, presumed, margin);
  const worst = logLikelihood(presumed, rate) + logLikelihood(target, rate + margin);
  return logAverage(target, UNKNOWN) + logAverage(presumed, SERVING) - worst;
}

/** Seen rate; 0 of nothing. */
export const rateOf = ({ hits, total }: Count): number => (total === 0 ? 0 : hits / total);

/**
 * The control's rate r that makes r and r + margin likeliest (Farrington and Manning 1990 solve it as a cubic). The
 * likelihood is concave in r: its slope changes sign once.
 */
function likeliestRate(target: Count, control: Count, margin: number): number {
  let [low, high] = [0, 1 - margin];
  for (let i = 0; i < HALVINGS; i++) {
    const rate = (low + high) / 2;
    if (slope(control, rate) + slope(target, rate + margin) > 0) low = rate;
    else high = rate;
  }
  return low;
}

const slope = ({ hits, total }: Count, rate: number): number => hits / rate - (total - hits) / (1 - rate);

/** log ∫ rate^hits (1 - rate)^(total - hits) d prior(rate) */
function logAverage({ hits, total }: Count, [a, b]: Prior): number {
  return logBeta(hits + a, total - hits + b) - logBeta(a, b);
}

function logLikelihood({ hits, total }: Count, rate: number): number {
  return times(hits, Math.log(rate)) + times(total - hits, Math.log1p(-rate));
}

/** 0 · log 0 is 0: what did not happen needs no chance. */
const times = (count: number, log: number): number => (count === 0 ? 0 : count * log);

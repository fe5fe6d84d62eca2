import { add, addTally, type Counts, noCounts, noTally, type PodReport, sumOf, type Tally, telling } from './counts.ts';

/**
 * The counts of both revisions while the shares of the requests stayed the same. Only then do both see the same mix of
 * clients, hours and load; with the shares changed in between, a bad hour would weigh more for one of them (Simpson's
 * paradox).
 */
export interface Comparison {
  /** Percent of the requests that the revision on trial got. */
  weight: number;
  /**
   * Answers of the revision that serves, as its servers count them, for each view of the other one. Beside `felt` those that
   * speak against neither revision are left out on both sides; who came to one directly was compared with nobody.
   */
  control: Readonly<Record<View, Tally>>;
  /**
   * Requests sent to the revision on trial, as the servers count that forwarded or copied them: broken connections too.
   * Forwarded ones or copies, whichever are more, because a request that is replayed for a Shadow counts as both.
   */
  felt: Tally;
  /** Answers of the revision on trial as its own servers count them; of what was forwarded to them others count the failures. */
  own: Tally;
  /** Errors of `felt` by cause. */
  causes: Counts['fallbacks'];
}

/** Both views of the revision on trial. They count the same requests, so they are never added up. */
export const VIEWS = ['felt', 'own'] as const;
export type View = (typeof VIEWS)[number];

/** One comparison for each share, in the order in which they came, and what does not depend on it. */
export interface Evidence {
  comparisons: Comparison[];
  total: Comparison;
  mirror: Counts['mirror'];
  golden: Counts['golden'];
  examples: Counts['examples'];
  replayed: number;
}

/** `fewest`: a comparison with fewer answers of the serving revision than this uses those of all the trial. */
export function compare(reports: readonly PodReport[], revision: number, fewest: number): Evidence {
  const weights = [...new Set(reports.map(({ weight }) => weight))];
  const all = reports.reduce((sum, { counts }) => sumOf(sum, counts), noCounts());
  const total = comparisonOf(reports, revision, weights.at(-1) ?? 0);
  const comparisons = weights.map((weight) => {
    const comparison = comparisonOf(
      reports.filter((report) => report.weight === weight),
      revision,
      weight,
    );
    return comparison.control.felt.requests < fewest ? { ...comparison, control: total.control } : comparison;
  });
  const { mirror, golden, examples, replayed } = all;
  return { comparisons, total, mirror, golden, examples, replayed };
}

function comparisonOf(reports: readonly PodReport[], revision: number, weight: number): Comparison {
  const total = (counts: (report: PodReport) => Tally, onTrial: boolean): Tally =>
    reports
      .filter((report) => (report.revision === revision) === onTrial)
      .reduce((sum, report) => addTally(sum, counts(report)), noTally());
  const forwarded = telling(total(({ counts }) => counts.target, false));
  const control = total(({ counts }) => counts.own, false);
  const copied = total(({ counts }) => copies(counts.mirror), false);
  return {
    weight,
    control: { felt: telling(control), own: control },
    felt: forwarded.requests >= copied.requests ? forwarded : copied,
    own: telling(total(({ counts }) => counts.own, true)),
    causes: reports.reduce((sum, { counts }) => add(sum, counts.fallbacks), {}),
  };
}

const copies = ({ compared, failed, nonFinite }: Counts['mirror']): Tally => ({
  ...noTally(),
  requests: compared + failed,
  errors: failed,
  nonFinite,
});

/** The view with more requests. */
export const widerView = ({ felt, own }: Comparison): Tally => (felt.requests >= own.requests ? felt : own);

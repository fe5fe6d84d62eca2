import type { FullSpec } from '../../api/defaults.ts';
import type { Verdict } from '../../api/modeldeployment.gen.ts';
import { type Comparison, compare, type Evidence, widerView } from './comparisons.ts';
import type { PodReport } from './counts.ts';
import {
  countOf,
  type Finding,
  judgeDifferences,
  judgeLatency,
  judgeRate,
  quantile,
  type Test,
  testsOf,
} from './criteria.ts';
import { judgeQuery, type Measurement } from './queries.ts';
import { duration, exampleOf, share, shareAndRate, whole } from './words.ts';

/** What a trial is judged by. */
export interface TrialEvidence {
  /** Revision on trial. */
  revision: number;
  reports: readonly PodReport[];
  measurements: readonly Measurement[];
}

/** Of spec.rollout, with its defaults; `shadow` when answers are compared. */
export interface TrialLimits extends Pick<FullSpec['rollout'], 'analysis'> {
  shadow?: Pick<FullSpec['rollout']['shadow'], 'maxDifferingPercent'>;
}

export type TrialVerdict = Required<Pick<Verdict, 'result' | 'message' | 'requests' | 'errors'>>;

/**
 * Whether a revision on trial is good enough. Fail: one criterion is broken beyond doubt, or one with a definite answer
 * (queries) is. Pass: minRequests were answered and all that was seen is within the limits. Otherwise
 * Inconclusive: wait. Pure; may be called as often as one likes (see evidence.ts), and tells numbers, not statistics.
 */
export function judgeTrial(trial: TrialEvidence, limits: TrialLimits): TrialVerdict {
  const { minRequests, prometheus = [] } = limits.analysis;
  const evidence = compare(trial.reports, trial.revision, minRequests);
  const { requests, errors } = widerView(evidence.total);
  const say = (result: TrialVerdict['result'], message: string) => ({ result, message, requests, errors });
  if (minRequests === 0) return say('Pass', 'the analysis is switched off (minRequests is 0)');

  const { bad, doubtful } = judgeCounts(evidence, limits);
  if (bad.length > 0) return say('Fail', bad.join('; '));
  if (requests < minRequests) return say('Inconclusive', tooFew(trial.reports, requests, minRequests));

  const queries = prometheus.map((query) => judgeQuery(query, trial.measurements));
  const broken = wordsOf(queries, 'bad');
  if (broken.length > 0) return say('Fail', broken.join('; '));
  if (doubtful.length > 0)
    return say('Inconclusive', `this may be chance, more requests are needed: ${doubtful.join('; ')}`);
  const unknown = wordsOf(queries, 'unknown');
  if (unknown.length > 0) return say('Inconclusive', `a query has no answer: ${unknown.join('; ')}`);
  return say('Pass', summary(evidence));
}

function judgeCounts(evidence: Evidence, limits: TrialLimits): Record<'bad' | 'doubtful', string[]> {
  const { comparisons, mirror, examples } = evidence;
  const { maxDifferingPercent } = limits.shadow ?? {};
  const tests = testsOf(comparisons, limits.analysis.minRequests);
  const found = tests.map((test) => judgeComparison(test, limits));
  const several = comparisons.length > 1;
  const bad = found.flatMap((findings, i) =>
    wordsOf(findings, 'bad').map((words) => (several ? `at weight ${comparisons[i]?.weight} %: ${words}` : words)),
  );
  const definite =
    maxDifferingPercent === undefined
      ? []
      : [judgeDifferences({ hits: mirror.differing, total: mirror.compared }, maxDifferingPercent / 100, examples)];
  return {
    bad: [...wordsOf(definite, 'bad'), ...bad],
    // What was doubtful at an earlier share was not when that share was left.
    doubtful: [...wordsOf(definite, 'doubtful'), ...wordsOf(found.at(-1) ?? [], 'doubtful')],
  };
}

function judgeComparison(test: Test, { analysis }: TrialLimits): Finding[] {
  const ratio = analysis.maxLatencyPercent / 100;
  return [
    judgeRate(test, 'errors', analysis.maxErrorPercent / 100),
    judgeRate(test, 'nonFinite', analysis.maxNonFinitePercent / 100),
    ...(ratio === 0 ? [] : [judgeLatency(test, 0.5, ratio), judgeLatency(test, 0.99, ratio)]),
  ];
}

const wordsOf = <Is extends string>(
  findings: readonly ({ is: 'fine' } | { is: Is; words: string })[],
  is: Is,
): string[] => findings.flatMap((finding) => (finding.is === is && 'words' in finding ? [finding.words] : []));

function tooFew(reports: readonly PodReport[], requests: number, minRequests: number): string {
  const trouble = reports.find((report) => report.trouble !== undefined);
  const silent = trouble === undefined ? '' : `; pod ${trouble.pod} does not report: ${trouble.trouble}`;
  return `${whole(requests)} of at least ${whole(minRequests)} requests so far${silent}`;
}

function summary({ total, mirror, golden, examples, replayed }: Evidence): string {
  const view = widerView(total);
  const slow = (q: number, of: Comparison['own']): string => duration(quantile(of.latency, q));
  const timed = total.own.requests > 0 ? total.own : total.felt;
  return [
    `${shareAndRate(countOf(view, 'errors'))} requests failed${replayed === 0 ? '' : ` (${whole(replayed)} were replayed)`}, the stable revision: ${shareAndRate(countOf(total.control.felt, 'errors'))}`,
    ...(timed.latency.length === 0 || total.control.own.latency.length === 0
      ? []
      : [
          `p50 ${slow(0.5, timed)}, p99 ${slow(0.99, timed)}, the stable revision: ${slow(0.5, total.control.own)}, ${slow(0.99, total.control.own)}`,
        ]),
    ...(mirror.compared === 0
      ? []
      : [`${shareAndRate({ hits: mirror.differing, total: mirror.compared })} answers differ${exampleOf(examples)}`]),
    // Told, not judged: another version may well answer otherwise, and its own golden answers were checked when it loaded.
    ...(golden.mismatches === 0
      ? []
      : [
          `${share({ hits: golden.mismatches, total: golden.asked })} golden requests of the stable revision get other answers`,
        ]),
  ].join('; ');
}

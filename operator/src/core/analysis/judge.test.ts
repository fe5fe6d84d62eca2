import { LATENCY_BOUNDS_MS } from '@modeldeployment/modelpack/traffic';
import { describe, expect, it } from '@jest/globals';
import { type Counts, noCounts, type PodReport, type Tally } from './counts.ts';
import { judgeTrial, type TrialLimits } from './judge.ts';
import type { Measurement } from './queries.ts';

const LIMITS: TrialLimits['analysis'] = {
  minRequests: 100,
  maxErrorPercent: 1,
  maxNonFinitePercent: 0,
  maxLatencyPercent: 300,
};
const STABLE = 1;
const TARGET = 2;

/** `requests` answers of which `slow` took ten times as long as the others. */
function tally(requests: number, rest: Partial<Tally> & { ms?: number; slow?: number } = {}): Tally {
  const { ms = 10, slow = 0, errors = 0, nonFinite = 0, shared = { errors: 0, nonFinite: 0 } } = rest;
  const latency = LATENCY_BOUNDS_MS.map(() => 0);
  const put = (time: number, count: number) => (latency[LATENCY_BOUNDS_MS.findIndex((bound) => bound >= time)] = count);
  put(ms, requests - slow);
  if (slow > 0) put(ms * 10, slow);
  return { requests, errors, nonFinite, shared, latency };
}

const report = (revision: number, counts: Partial<Counts>, weight = 10): PodReport => ({
  pod: `digits-${revision}`,
  revision,
  weight,
  time: 0,
  counts: { ...noCounts(), ...counts },
});

const stable = (own: Tally, target: Tally, weight?: number) => report(STABLE, { own, target }, weight);
const onTrial = (own: Tally, weight?: number) => report(TARGET, { own }, weight);

const judge = (
  reports: PodReport[],
  limits: Partial<TrialLimits['analysis']> & { maxDifferingPercent?: number } = {},
  measurements: Measurement[] = [],
) => {
  const { maxDifferingPercent, ...analysis } = limits;
  const shadow = maxDifferingPercent === undefined ? {} : { maxDifferingPercent };
  return judgeTrial({ revision: TARGET, reports, measurements }, { analysis: { ...LIMITS, ...analysis }, shadow });
};

describe('the verdict', () => {
  it('passes a revision that answers as the stable one does, with the numbers', () => {
    expect(judge([stable(tally(9120, { errors: 1 }), tally(480)), onTrial(tally(480))])).toEqual({
      result: 'Pass',
      message:
        '0 of 480 (0 %) requests failed, the stable revision: 1 of 9,120 (0.011 %); p50 10 ms, p99 10 ms, the stable revision: 10 ms, 10 ms',
      requests: 480,
      errors: 0,
    });
  });

  it('waits for minRequests', () => {
    expect(judge([stable(tally(1000), tally(37))])).toMatchObject({
      result: 'Inconclusive',
      message: '37 of at least 100 requests so far',
    });
  });

  it('names the reason when a pod does not report', () => {
    const silent = { ...report(TARGET, {}), trouble: 'no answer within 1.5 s' };
    expect(judge([silent]).message).toBe(
      '0 of at least 100 requests so far; pod digits-2 does not report: no answer within 1.5 s',
    );
  });

  it('is Pass with minRequests 0, whatever was seen', () => {
    const bad = [
      stable(tally(1000), tally(500, { errors: 500 })),
      report(TARGET, { golden: { asked: 1, mismatches: 1 } }),
    ];
    expect(judge(bad, { minRequests: 0 }).result).toBe('Pass');
  });

  it('adds up the pods', () => {
    const pods = Array.from({ length: 4 }, () => stable(tally(100), tally(25)));
    expect(judge(pods)).toMatchObject({ result: 'Pass', requests: 100 });
  });
});

describe('errors', () => {
  it('beyond doubt fail the trial in plain words', () => {
    expect(judge([stable(tally(9120, { errors: 1 }), tally(480, { errors: 32 }))])).toMatchObject({
      result: 'Fail',
      message: '32 of 480 requests failed (6.7 %), the stable revision: 1 of 9,120 (0.011 %); allowed: 1 point more',
      errors: 32,
    });
  });

  it('are told with their causes', () => {
    const fallbacks = { timeout: 3, '5xx': 20, refused: 2, reset: 7, other: 0 };
    const { message } = judge([report(STABLE, { own: tally(1000), target: tally(100, { errors: 32 }), fallbacks })]);
    expect(message).toMatch(/^32 of 100 requests failed \(32 %: 20 5xx, 7 reset, 3 timeout\), the stable/);
  });

  it('that may be chance are waited out', () => {
    const { result, message } = judge([stable(tally(10_000), tally(100, { errors: 4 }))]);
    expect(result).toBe('Inconclusive');
    expect(message).toMatch(/^this may be chance, more requests are needed: 4 of 100 requests failed \(4 %\)/);
  });

  it('fail the trial before minRequests when there is no doubt', () => {
    expect(judge([stable(tally(1000), tally(20, { errors: 20 }))]).result).toBe('Fail');
  });

  it('of three requests decide nothing', () => {
    expect(judge([stable(tally(1e6), tally(3, { errors: 3 }))]).result).toBe('Inconclusive');
  });

  it('that the stable revision makes as well are no reason to fail', () => {
    const both = [stable(tally(9000, { errors: 4500 }), tally(1000, { errors: 500 }))];
    expect(judge(both).result).toBe('Pass');
  });

  it('count though its own servers never saw the requests', () => {
    expect(judge([stable(tally(1000), tally(50, { errors: 50 })), onTrial(tally(0))]).result).toBe('Fail');
  });

  it('of requests that came past the stable pods count', () => {
    expect(judge([stable(tally(1000), tally(0)), onTrial(tally(200, { errors: 100 }))]).result).toBe('Fail');
  });

  it('that both revisions make of the same request speak against neither, and hide nothing', () => {
    const both = { errors: 300, shared: { errors: 300, nonFinite: 0 } };
    const good = [stable(tally(1000, both), tally(1000, both)), onTrial(tally(1000, both))];
    expect(judge(good)).toMatchObject({ result: 'Pass', requests: 700, errors: 0 });
    const bad = [stable(tally(1000, both), tally(1000, { ...both, errors: 370 })), onTrial(tally(1000, both))];
    expect(judge(bad)).toMatchObject({ result: 'Fail', message: expect.stringMatching(/^70 of 700 requests failed/) });
  });

  it('that its clients make without being compared are weighed against those of the stable revision', () => {
    const made = { errors: 300, shared: { errors: 300, nonFinite: 0 } };
    expect(judge([stable(tally(1000, made), tally(0)), onTrial(tally(1000, { errors: 300 }))]).result).toBe('Pass');
  });

  it('of copies count', () => {
    const mirror = { compared: 20, differing: 0, failed: 80, nonFinite: 0 };
    expect(judge([report(STABLE, { own: tally(100), mirror }, 0)])).toMatchObject({ result: 'Fail', errors: 80 });
  });

  it('of requests that are replayed for a shadow count once, though they are forwarded and compared', () => {
    const mirror = { compared: 60, differing: 0, failed: 0, nonFinite: 0 };
    const shadow = report(STABLE, { own: tally(60), target: tally(60), mirror, replayed: 60 }, 0);
    expect(judge([shadow, onTrial(tally(60), 0)])).toMatchObject({ result: 'Inconclusive', requests: 60 });
  });

  it('without anything to compare with do not pass, and fail when there is nothing else', () => {
    expect(judge([onTrial(tally(200, { errors: 60 }))]).result).toBe('Inconclusive');
    expect(judge([onTrial(tally(25, { errors: 25 }))]).result).toBe('Fail');
    expect(judge([onTrial(tally(200, { errors: 1 }))]).result).toBe('Pass');
  });

  it('of a bad hour do not count double when the weight has changed before it', () => {
    // Nobody fails at 10 %; everybody at 50 %, one request in ten. All together it looks like 3.6 % against 8.3 %.
    const reports = [
      stable(tally(9000), tally(1000), 10),
      stable(tally(5000, { errors: 500 }), tally(5000, { errors: 500 }), 50),
    ];
    expect(judge(reports).result).toBe('Pass');
    expect(judge(reports.map((one) => ({ ...one, weight: 50 }))).result).toBe('Fail');
  });

  it('at a later weight are found whatever the earlier ones were, and the weight is named', () => {
    const reports = [stable(tally(90_000), tally(10_000), 10), stable(tally(500), tally(500, { errors: 50 }), 50)];
    expect(judge(reports)).toMatchObject({ result: 'Fail' });
    expect(judge(reports).message).toMatch(/^at weight 50 %: 50 of 500 requests failed/);
  });

  it('after a switch are compared with what the stable revision did before it', () => {
    const reports = [stable(tally(5000), tally(0), 0), onTrial(tally(300, { errors: 60 }), 100)];
    expect(judge(reports).result).toBe('Fail');
  });
});

describe('answers that are not finite', () => {
  it('fail the trial when there are several and the stable revision has none', () => {
    const { result, message } = judge([stable(tally(9000), tally(1000, { nonFinite: 8 }))]);
    expect(result).toBe('Fail');
    expect(message).toBe(
      '8 of 1,000 answers contained NaN or an infinity (0.8 %), the stable revision: 0 of 9,000 (0 %); allowed: no more',
    );
  });

  it('decide nothing when there is one', () => {
    expect(judge([stable(tally(9000), tally(1000, { nonFinite: 1 }))]).result).toBe('Pass');
  });
});

describe('latency', () => {
  it('beyond the limit at the median fails the trial', () => {
    const { result, message } = judge([stable(tally(1000), tally(0)), onTrial(tally(200, { ms: 50 }))]);
    expect(result).toBe('Fail');
    expect(message).toContain(
      'p50 latency 50 ms, the stable revision: 10 ms; allowed: 300 % of that, but 200 of 200 requests took longer than 32 ms',
    );
  });

  it('beyond the limit at the 99th percentile alone fails the trial', () => {
    const { result, message } = judge([stable(tally(10_000), tally(0)), onTrial(tally(1000, { slow: 60 }))]);
    expect(result).toBe('Fail');
    expect(message).toMatch(/^p99 latency 100 ms/);
  });

  it('within the limit passes, and so does any latency when it is not judged', () => {
    expect(judge([stable(tally(1000), tally(0)), onTrial(tally(200, { ms: 29 }))]).result).toBe('Pass');
    const slow = [stable(tally(1000), tally(0)), onTrial(tally(200, { ms: 5000 }))];
    expect(judge(slow, { maxLatencyPercent: 0 }).result).toBe('Pass');
  });

  it('is never found too long by less than the width of a bucket', () => {
    for (const ms of [1, 1.3, 1.7, 2.4, 3.6, 9.9, 40, 123]) {
      // The true ratio is 1.5 or less; both values lie anywhere in their buckets.
      const reports = [stable(tally(1e6, { ms }), tally(0)), onTrial(tally(1e6, { ms: ms * 1.5 }))];
      expect(judge(reports, { maxLatencyPercent: 150 }).result).toBe('Pass');
    }
  });

  it('is that of its own servers, not of the way to them', () => {
    const reports = [stable(tally(1000), tally(200, { ms: 200 })), onTrial(tally(200))];
    expect(judge(reports).result).toBe('Pass');
  });

  it('without a comparison is not judged', () => {
    expect(judge([onTrial(tally(500, { ms: 5000 }))]).result).toBe('Pass');
  });
});

describe('golden requests of the stable revision', () => {
  it('that get other answers are told, not judged: a version that learned more answers otherwise', () => {
    const golden = { asked: 3, mismatches: 1 };
    const { result, message } = judge([report(STABLE, { own: tally(1000), target: tally(200), golden })]);
    expect(result).toBe('Pass');
    expect(message).toContain('1 of 3 golden requests of the stable revision get other answers');
  });
});

describe('a shadow', () => {
  const shadow = (differing: number) => [
    report(STABLE, { own: tally(1000), mirror: { compared: 1000, differing, failed: 0, nonFinite: 0 } }, 0),
  ];

  it('that differs is reported, not judged, without a limit', () => {
    const { result, message } = judge(shadow(900));
    expect(result).toBe('Pass');
    expect(message).toContain('900 of 1,000 (90 %) answers differ');
  });

  it('is told with an example, and with how many were replayed', () => {
    const examples = [{ time: '', output: 'scores', element: 3, stable: 0.12, target: 'NaN' }];
    const mirror = { compared: 200, differing: 1, failed: 0, nonFinite: 0 };
    const { message } = judge([report(STABLE, { own: tally(200), mirror, examples, replayed: 30 }, 0)]);
    expect(message).toContain('requests failed (30 were replayed), the stable');
    expect(message).toContain('1 of 200 (0.5 %) answers differ, for example scores[3]: NaN instead of 0.12');
  });

  it('that differs more often than allowed fails', () => {
    expect(judge(shadow(100), { maxDifferingPercent: 5 })).toMatchObject({
      result: 'Fail',
      message: '100 of 1,000 (10 %) answers differ from those of the stable revision; allowed: 5 %',
    });
    expect(judge(shadow(60), { maxDifferingPercent: 5 }).result).toBe('Inconclusive');
    expect(judge(shadow(40), { maxDifferingPercent: 5 }).result).toBe('Pass');
  });

  it('that must not differ at all fails at the first difference', () => {
    expect(judge(shadow(1), { maxDifferingPercent: 0 }).result).toBe('Fail');
    expect(judge(shadow(0), { maxDifferingPercent: 0 }).result).toBe('Pass');
  });
});

describe('a query', () => {
  const fine = [stable(tally(1000), tally(200))];
  const prometheus = [{ name: 'queue', query: 'q', max: 5, min: 0 }];
  const measured = (rest: Partial<Measurement>): Measurement[] => [{ name: 'queue', query: 'q', time: 0, ...rest }];

  it.each([
    ['within its bounds passes', measured({ value: 5 }), 'Pass', /0 of 200/],
    ['above its maximum fails', measured({ value: 5.5 }), 'Fail', /^queue is 5.5; allowed: at most 5$/],
    ['below its minimum fails', measured({ value: -1 }), 'Fail', /^queue is -1; allowed: at least 0$/],
    ['without an answer waits', measured({ trouble: 'HTTP 503' }), 'Inconclusive', /queue: HTTP 503$/],
    ['that was not asked yet waits', [], 'Inconclusive', /queue: not asked yet$/],
    [
      'that has changed since it was asked waits',
      measured({ value: 1, query: 'old' }),
      'Inconclusive',
      /not asked yet$/,
    ],
  ])('%s', (_, measurements, result, message) => {
    const verdict = judge(fine, { prometheus }, measurements);
    expect(verdict.result).toBe(result);
    expect(verdict.message).toMatch(message);
  });

  it('decides nothing on three requests', () => {
    const verdict = judge([stable(tally(1000), tally(3))], { prometheus }, measured({ value: 100 }));
    expect(verdict).toMatchObject({ result: 'Inconclusive', message: '3 of at least 100 requests so far' });
  });
});

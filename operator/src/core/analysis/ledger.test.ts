import { describe, expect, it } from '@jest/globals';
import { type Counts, noCounts, noTally, parseReport, type PodReport, type ServerReport, sumOf } from './counts.ts';
import { Ledger } from './ledger.ts';

const POD = { uid: 'a', name: 'digits-a', revision: 2 };

const server = (started: string, requests: number, errors = 0): ServerReport => ({
  ...noCounts(),
  own: { ...noTally(), requests, errors, latency: [0, requests] },
  started,
  trial: undefined,
});

const total = (reports: readonly PodReport[]): Counts => reports.reduce((sum, r) => sumOf(sum, r.counts), noCounts());

describe('the ledger', () => {
  it('holds the latest counts of a pod', () => {
    const ledger = new Ledger();
    ledger.take(POD, server('t1', 10), 5, 1000);
    ledger.take(POD, server('t1', 30, 1), 5, 2000);
    expect(ledger.reports()).toMatchObject([
      { pod: 'digits-a', revision: 2, weight: 5, time: 2000, counts: { own: { requests: 30, errors: 1 } } },
    ]);
  });

  it('adds what a server had counted before it started again', () => {
    const ledger = new Ledger();
    ledger.take(POD, server('t1', 30, 2), 5, 1000);
    ledger.take(POD, server('t2', 4), 5, 2000);
    ledger.take(POD, server('t3', 1), 5, 3000);
    expect(total(ledger.reports()).own).toMatchObject({ requests: 35, errors: 2, latency: [0, 35] });
  });

  it('takes counts that fall for a new start, though the server says the same time', () => {
    const ledger = new Ledger();
    ledger.take(POD, server('t1', 30), 5, 1000);
    ledger.take(POD, server('t1', 4), 5, 2000);
    expect(total(ledger.reports()).own.requests).toBe(34);
  });

  it('begins a new page when the weight changes', () => {
    const ledger = new Ledger();
    ledger.take(POD, server('t1', 30, 3), 10, 1000);
    ledger.take(POD, server('t1', 100, 3), 50, 2000);
    ledger.take(POD, server('t1', 120, 4), 50, 3000);
    const pages = ledger.reports().map(({ weight, counts }) => [weight, counts.own.requests, counts.own.errors]);
    expect(pages).toEqual([
      [10, 30, 3],
      [50, 90, 1],
    ]);
  });

  it('keeps what a pod has counted when it is gone, and is no longer than its pods and weights', () => {
    const ledger = new Ledger();
    for (let i = 0; i < 100; i++) {
      ledger.take({ ...POD, uid: `${i}` }, server(`t${i}`, 10), 5, i);
      ledger.keepOnly(new Set([`${i}`]));
    }
    expect(total(ledger.reports()).own.requests).toBe(1000);
    expect(ledger.reports()).toHaveLength(2);
  });

  it('says why a pod is silent, until it speaks again', () => {
    const ledger = new Ledger();
    ledger.take(POD, server('t1', 10), 5, 1000);
    ledger.miss(POD, 5, 'no answer', 2000);
    expect(ledger.reports()).toMatchObject([{ trouble: 'no answer', time: 1000, counts: { own: { requests: 10 } } }]);
    ledger.take(POD, server('t1', 11), 5, 3000);
    expect(ledger.reports()[0]).not.toHaveProperty('trouble');
    ledger.miss({ ...POD, uid: 'b', name: 'digits-b' }, 5, 'refused', 4000);
    expect(ledger.reports()).toMatchObject([{}, { pod: 'digits-b', trouble: 'refused' }]);
  });
});

describe('a report', () => {
  const text = (rest: object): string => JSON.stringify({ revision: 2, started: 't', ...rest });

  it('is read with what it lacks as nothing', () => {
    expect(parseReport(text({ own: { requests: 3, errors: 1, nonFinite: 0, latency: [1, 2] } }))).toEqual({
      ...noCounts(),
      started: 't',
      trial: undefined,
      own: { ...noTally(), requests: 3, errors: 1, latency: [1, 2] },
    });
  });

  it.each([
    ['no JSON', '<html>'],
    ['null', 'null'],
    ['without a start', '{}'],
    ['with a negative count', text({ replayed: -1 })],
    ['with a count that is no whole number', text({ golden: { asked: 0.5 } })],
    ['with a count that is text', text({ own: { requests: '3' } })],
    ['with more shared errors than errors', text({ own: { requests: 2, errors: 1, shared: { errors: 2 } } })],
    ['with more errors than requests', text({ target: { requests: 1, errors: 2 } })],
    ['with an endless count', text({ mirror: { compared: 1 } }).replace('1}', '1e999}')],
    ['with a hole in the histogram', text({ own: { requests: 1, latency: [null, 1] } })],
  ])('%s is none', (_, body) => {
    expect(parseReport(body)).toBeUndefined();
  });

  it('is cut to its size, whatever a server says', () => {
    const examples = Array.from({ length: 1000 }, () => ({
      time: 't',
      output: 'y'.repeat(1e4),
      element: 0,
      stable: 1,
    }));
    const report = parseReport(
      text({
        own: { requests: 1, latency: Array.from({ length: 1000 }, () => 1) },
        fallbacks: { timeout: 1, ['x'.repeat(100)]: 1 },
        mirror: { examples },
      }),
    );
    expect(report?.own.latency).toHaveLength(118);
    expect(report?.fallbacks).toEqual({ timeout: 1 });
    expect(report?.examples).toHaveLength(10);
    expect(report?.examples[0]).toEqual({ time: 't', output: 'y'.repeat(64), element: 0, stable: 1, target: '' });
  });
});

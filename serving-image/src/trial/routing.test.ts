import { describe, expect, it } from '@jest/globals';
import { FORWARDED_HEADER, type Traffic } from '@modeldeployment/modelpack/traffic';
import fc from 'fast-check';
import { choose, Share, trafficFor, type RequestTarget } from './routing.ts';

const TRAFFIC: Traffic = { trial: 't', stable: 1, target: 2, targetVersion: '4', to: 'digits-canary', weight: 0 };
const ALL = { ...TRAFFIC, weight: 100 };

const facts = (headers: Record<string, string> = {}, version?: string): RequestTarget => ({
  protocol: 'v2',
  peer: '',
  version,
  returned: false,
  header: (name) => headers[name],
});

describe('a request during a trial', () => {
  const MATCH: Traffic = {
    ...TRAFFIC,
    match: [
      { header: 'X-Canary', value: 'always' },
      { cookie: 'group', value: 'b' },
    ],
  };
  it.each<[string, Traffic, RequestTarget, ReturnType<typeof choose>]>([
    ['is answered here at weight 0', TRAFFIC, facts(), 'own'],
    ['goes to the trial at weight 100', ALL, facts(), 'forward'],
    ['that has come back is answered here', ALL, { ...facts(), returned: true }, 'final'],
    [
      'that has come back and matches is answered here',
      MATCH,
      { ...facts({ 'x-canary': 'always' }), returned: true },
      'final',
    ],
    ['that says it was forwarded goes by weight', ALL, facts({ [FORWARDED_HEADER]: '1' }), 'forward'],
    ['that names our version is answered here', ALL, facts({}, '3'), 'final'],
    [
      'that names our version is answered here though its header matches',
      MATCH,
      facts({ 'x-canary': 'always' }, '3'),
      'final',
    ],
    ['that names the version on trial goes there', TRAFFIC, facts({}, '4'), 'named'],
    ['that names the version of both goes by weight', { ...ALL, targetVersion: '3' }, facts({}, '3'), 'forward'],
    [
      'that names the version of both is no exception at weight 0',
      { ...TRAFFIC, targetVersion: '3' },
      facts({}, '3'),
      'own',
    ],
    ['with the header goes to the trial', MATCH, facts({ 'x-canary': 'always' }), 'matched'],
    ['with another value of the header goes by weight', MATCH, facts({ 'x-canary': 'never' }), 'own'],
    ['with the cookie goes to the trial', MATCH, facts({ cookie: 'a=1; group=b; c=2' }), 'matched'],
    ['with a cookie that begins alike goes by weight', MATCH, facts({ cookie: 'group=bc; xgroup=b' }), 'own'],
  ])('%s', (_, traffic, asked, expected) => {
    expect(choose(asked, traffic, '3', new Share(Math.random))).toBe(expected);
  });

  it('that matches does not count against the weight', () => {
    const share = new Share(Math.random);
    const half = { ...MATCH, weight: 50 };
    for (let i = 0; i < 100; i++) choose(facts({ 'x-canary': 'always' }), half, '3', share);
    const plain = Array.from({ length: 100 }, () => choose(facts(), half, '3', share));
    expect(plain.filter((choice) => choice === 'forward')).toHaveLength(50);
  });
});

describe('a share', () => {
  const percent = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.double({ min: 0, max: 100, noNaN: true }));

  it('differs by less than one request since the start, by less than two in any window', () => {
    fc.assert(
      fc.property(
        percent,
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        (w, chance) => {
          const share = new Share(() => chance.next().value as number);
          let taken = 0;
          let [lowest, highest] = [0, 0];
          for (let n = 1; n <= 500; n++) {
            if (share.take(w, 'v2')) taken++;
            const ahead = taken - (n * w) / 100;
            lowest = Math.min(lowest, ahead);
            highest = Math.max(highest, ahead);
          }
          expect(highest).toBeLessThan(1 + 1e-9);
          expect(lowest).toBeGreaterThan(-1 - 1e-9);
          expect(highest - lowest).toBeLessThan(2);
        },
      ),
    );
  });

  it.each([1, 5, 50, 99])('of %d percent of 10,000 requests is exact', (w) => {
    const share = new Share(Math.random);
    let taken = 0;
    for (let i = 0; i < 10_000; i++) if (share.take(w, 'v2')) taken++;
    expect(Math.abs(taken - 100 * w)).toBeLessThanOrEqual(1);
  });

  it('is exact for each protocol when requests of two take turns', () => {
    const share = new Share(Math.random);
    const taken = { v1: 0, v2: 0 };
    for (let i = 0; i < 10_000; i++) for (const kind of ['v1', 'v2'] as const) if (share.take(50, kind)) taken[kind]++;
    for (const count of Object.values(taken)) expect(Math.abs(count - 5_000)).toBeLessThanOrEqual(1);
  });

  it('does not fall in with a client that alternates between two kinds of requests', () => {
    const share = new Share(Math.random);
    const taken = [0, 0];
    for (let i = 0; i < 10_000; i++) if (share.take(50, 'v2')) taken[i % 2]!++;
    expect(Math.min(...taken)).toBeGreaterThan(2000);
  });
});

describe('the annotation', () => {
  const text = JSON.stringify(TRAFFIC);

  it('is for the servers of the stable revision alone', () => {
    expect(trafficFor(1, text)).toEqual(TRAFFIC);
    expect(trafficFor(2, text)).toBeUndefined();
  });

  it.each([
    ['is absent', undefined],
    ['is empty', ' \n'],
    ['is cut short', text.slice(0, -1)],
    ['is no object', 'null'],
    ['has a weight above 100', JSON.stringify({ ...TRAFFIC, weight: 101 })],
    ['has a weight that is no number', JSON.stringify({ ...TRAFFIC, weight: '5' })],
    ['leads to a path', JSON.stringify({ ...TRAFFIC, to: 'host/path' })],
    ['leads to somebody else by a name in front', JSON.stringify({ ...TRAFFIC, to: 'a@host' })],
    ['matches nothing that can be', JSON.stringify({ ...TRAFFIC, match: [null] })],
    ['matches without a value', JSON.stringify({ ...TRAFFIC, match: [{ header: 'x' }] })],
    ['mirrors without a tolerance', JSON.stringify({ ...TRAFFIC, mirror: { percent: 5 } })],
    ['has too long a name of the trial', JSON.stringify({ ...TRAFFIC, trial: 'x'.repeat(65) })],
  ])('that %s forwards nothing', (_, annotation) => {
    expect(trafficFor(1, annotation)).toBeUndefined();
  });
});

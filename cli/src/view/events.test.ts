import { describe, expect, it } from '@jest/globals';
import { drawEvent, isOfChild, isOwn, isRestart, type LiveEvent, timeOf } from './events.ts';
import { makeStyle } from './style.ts';

const model = {
  metadata: { name: 'digits', uid: 'u1', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
};
const NOW = Date.parse('2026-01-01T01:00:00Z');
const event = (regarding: NonNullable<LiveEvent['regarding']>, more: Partial<LiveEvent> = {}): LiveEvent => ({
  metadata: { name: 'e', uid: 'e', resourceVersion: '1' },
  regarding,
  eventTime: '2026-01-01T00:59:00.000000Z',
  ...more,
});
const canvas = (width: number) => ({ width, style: makeStyle({ colour: false, unicode: true }), now: NOW });

describe('an event', () => {
  it('is own when it is of this very ModelDeployment, not of an earlier one of that name', () => {
    expect(isOwn(event({ kind: 'ModelDeployment', name: 'digits', uid: 'u1' }), model)).toBe(true);
    expect(isOwn(event({ kind: 'ModelDeployment', name: 'digits', uid: 'u0' }), model)).toBe(false);
  });

  it.each([
    ['Pod', 'digits-568bcbbf6-2xt9l', true],
    ['Pod', 'digits-canary-5d967698b9-bgqjb', true],
    ['Pod', 'digits-resolve-ba6a005f3b-1', true],
    ['ReplicaSet', 'digits-568bcbbf6', true],
    ['Deployment', 'digits', true],
    ['Deployment', 'digits-canary', true],
    ['Deployment', 'digits-other', false],
    ['Pod', 'digits-other-568bcbbf6-2xt9l', false],
    ['Pod', 'digits-client', false],
    ['Pod', 'other', false],
  ])('of the %s %s is that of a child: %s', (kind, name, expected) => {
    expect(isOfChild(event({ kind, name }), model)).toBe(expected);
  });

  it.each([
    ['Killing', 'Container server failed liveness probe, will be restarted', {}, true],
    ['Killing', 'Stopping container server', {}, false],
    ['Started', 'Started container server', { deprecatedCount: 3 }, true],
    ['Started', 'Started container server', { series: { count: 2 } }, true],
    ['Started', 'Started container server', {}, false],
  ])('%s, "%s" %j, tells of a restart: %s', (reason, note, more, expected) => {
    expect(isRestart(event({ kind: 'Pod' }, { reason, note, ...more }))).toBe(expected);
  });

  it('from before the ModelDeployment was made is not of its child', () => {
    const old = event({ kind: 'Deployment', name: 'digits' }, { eventTime: '2025-12-31T23:59:00.000000Z' });
    expect(isOfChild(old, model)).toBe(false);
  });

  it('has the time at which it was seen last', () => {
    expect(timeOf(event({}, { series: { count: 2, lastObservedTime: '2026-01-01T00:59:59Z' } }))).toBe(
      '2026-01-01T00:59:59Z',
    );
    expect(timeOf(event({}, { eventTime: null, deprecatedLastTimestamp: '2026-01-01T00:30:00Z' }))).toBe(
      '2026-01-01T00:30:00Z',
    );
  });

  const long = event(
    { kind: 'Pod', name: 'digits-568bcbbf6-2xt9l' },
    {
      reason: 'FailedScheduling',
      note: `no node takes the pod of sha256:${'a'.repeat(64)} `.repeat(3),
      series: { count: 3, lastObservedTime: '2026-01-01T00:59:00Z' },
    },
  );

  it.each([60, 80])('fits into %d columns, with its object, its count and short digests', (width) => {
    const lines = drawEvent(long, canvas(width));
    expect(lines.filter((line) => line.length > width)).toEqual([]);
    const text = lines.map((line) => line.trim()).join(' ');
    expect(text).toContain('pod/digits-568bcbbf6-2xt9l: no node');
    expect(text).toContain('(3 times)');
    expect(text).not.toContain('a'.repeat(13));
  });

  it('is one line when it is piped', () => {
    expect(drawEvent(long, canvas(Infinity))).toHaveLength(1);
  });
});

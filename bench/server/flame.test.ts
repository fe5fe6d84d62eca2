import { describe, expect, it } from '@jest/globals';
import { flame, framesOf, type Profile } from './flame.ts';

const call = (id: number, functionName: string, children: number[] = [], url = '') => ({
  id,
  callFrame: { functionName, url },
  children,
});

const profile: Profile = {
  nodes: [
    call(1, '(root)', [2, 3, 4]),
    call(2, '(idle)'),
    call(3, 'read', [5], 'node:net'),
    call(4, 'read', [6], 'node:net'),
    call(5, 'parse', [], 'file:///x/server.mjs'),
    call(6, 'parse', [], 'file:///x/server.mjs'),
  ],
  samples: [2, 3, 5, 6, 6],
  timeDeltas: [1000, 10, 20, 30, 40],
};

describe('a flame graph', () => {
  it('is as wide as the busy time, and has each function once under its caller', () => {
    const parse = { name: 'parse server.mjs', time: 90, calls: [] };
    expect(framesOf(profile)).toEqual({
      name: '(root)',
      time: 100,
      calls: [{ name: 'read net', time: 100, calls: [parse] }],
    });
  });

  it('tells the share of each, and leaves out what is too narrow to see', () => {
    const calls = ['a<b', 'thin'].map((name, i) => ({ name, time: [9999, 1][i] ?? 0, calls: [] }));
    const picture = flame('t', { name: '(root)', time: 10_000, calls });
    expect(picture).toContain('a&lt;b: 100.0 %');
    expect(picture).not.toContain('thin');
  });
});

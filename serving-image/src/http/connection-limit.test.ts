import { beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionLimit, connectionsFor } from './connection-limit.ts';

let limit: ConnectionLimit;
let closed: string[];
beforeEach(() => {
  limit = new ConnectionLimit(3);
  closed = [];
});

/** @returns whether it was let in */
const enter = (name: string, idleSince: () => number | undefined = () => 0) =>
  limit.enter({ idleSince, close: () => closed.push(name) });

describe('when there are as many connections as there may be, a new one', () => {
  it('takes the place of the oldest that was never answered', () => {
    const turn = limit.turn();
    enter('answered', () => turn);
    for (const name of ['first', 'second', 'third', 'fourth']) expect(enter(name)).toBe(true);
    expect([closed, limit.size]).toEqual([['first', 'second'], 3]);
  });

  it('takes the place of the one that is idle the longest, where all were answered', () => {
    const turns = new Map(['a', 'b', 'c'].map((name) => [name, limit.turn()]));
    for (const name of turns.keys()) enter(name, () => turns.get(name));
    turns.set('a', limit.turn());
    expect(enter('new')).toBe(true);
    expect(closed).toEqual(['b']);
  });

  it('is refused where all have a request in hand', () => {
    for (const name of ['a', 'b', 'c']) enter(name, () => undefined);
    expect(enter('new')).toBe(false);
    expect([closed, limit.size]).toEqual([[], 3]);
  });

  it('never costs one that goes on being answered its place, however many come that say nothing', () => {
    let answered = limit.turn();
    enter('good', () => answered);
    for (let i = 0; i < 1000; i++) {
      enter(`silent ${i}`);
      if (i % 10 === 0) answered = limit.turn();
    }
    expect(closed).not.toContain('good');
    expect(closed).toHaveLength(998);
  });
});

describe('by default a worker holds', () => {
  it('what files and memory allow, in bounds', () => {
    expect(connectionsFor(1_048_576, undefined, 2)).toBe(10_000);
    expect(connectionsFor(1024, undefined, 2)).toBe(256);
    expect(connectionsFor(1_048_576, 512 * 2 ** 20, 2)).toBe(1024);
    expect(connectionsFor(64, 2 ** 20, 2)).toBe(100);
  });
});

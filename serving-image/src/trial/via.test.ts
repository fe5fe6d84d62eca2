import { describe, expect, it } from '@jest/globals';
import { newMark, through, wasHere } from './via.ts';

describe('marks of who has sent a request on', () => {
  const [ours, other] = [newMark(), newMark()];

  it('tell a process its own', () => {
    expect(wasHere(through(through(undefined, ours), other), ours)).toBe(true);
    expect(wasHere(through(undefined, other), ours)).toBe(false);
    expect(wasHere(undefined, ours)).toBe(false);
  });

  it('are found however many a client has made up', () => {
    const many = Array.from({ length: 50 }, newMark).join(', ');
    const via = through(through(many, ours), other);
    expect(wasHere(via, ours)).toBe(true);
    expect(via.length).toBeLessThan(200);
  });

  it('are nothing else that a client says', () => {
    expect(through('1, *, \r\nHost: x', ours)).toBe(ours);
  });
});

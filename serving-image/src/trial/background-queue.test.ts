import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { BackgroundQueue } from './background-queue.ts';

function jobs(limits: ConstructorParameters<typeof BackgroundQueue>[0]) {
  const backlog = new BackgroundQueue(limits);
  const begun: number[] = [];
  const ends = new Map<number, () => void>();
  const offer = (id: number, bytes = 1) =>
    backlog.offer({
      bytes,
      run: () => {
        begun.push(id);
        return new Promise((resolve) => ends.set(id, resolve));
      },
    });
  const end = async (id: number) => {
    ends.get(id)?.();
    await turn();
  };
  return { begun, offer, end };
}

describe('work beside the users’ requests', () => {
  it('begins in a later turn, two at a time, in order', async () => {
    const { begun, offer, end } = jobs({ running: 2, waiting: 9, bytes: 9 });
    for (const id of [1, 2, 3]) offer(id);
    expect(begun).toEqual([]);
    await turn();
    expect(begun).toEqual([1, 2]);
    await end(2);
    expect(begun).toEqual([1, 2, 3]);
  });

  it('is refused when too much waits, and taken again later', async () => {
    const { offer, end } = jobs({ running: 1, waiting: 2, bytes: 9 });
    expect([offer(1), offer(2), offer(3)]).toEqual([true, true, false]);
    await turn();
    expect([offer(4), offer(5)]).toEqual([true, false]);
    await end(1);
    expect(offer(6)).toBe(true);
  });

  it('is refused when what waits and what runs holds too much memory', async () => {
    const { offer, end } = jobs({ running: 1, waiting: 9, bytes: 9 });
    expect([offer(1, 5), offer(2, 4), offer(3, 1)]).toEqual([true, true, false]);
    await turn();
    expect(offer(4, 1)).toBe(false);
    await end(1);
    expect(offer(5, 5)).toBe(true);
  });
});

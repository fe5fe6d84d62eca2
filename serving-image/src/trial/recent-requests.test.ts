import { describe, expect, it } from '@jest/globals';
import { RecentRequests } from './recent-requests.ts';

interface Item {
  id: number;
  bytes: number;
  peer: string;
  copy(): Item;
}
const item = (id: number, bytes: number, peer = ''): Item => ({ id, bytes, peer, copy: () => item(id, bytes, peer) });

function recent() {
  const kept = new RecentRequests<Item>({ count: 3, ofPeer: 3, bytes: 100 });
  return (id: number, bytes = 1, now = 0) => {
    kept.offer(item(id, bytes), now);
    return kept.all.map((item) => item.id);
  };
}

describe('requests that are kept', () => {
  it('are the last ones, one a second once there are enough', () => {
    const offer = recent();
    expect([offer(1), offer(2), offer(3)].at(-1)).toEqual([1, 2, 3]);
    expect(offer(4, 1, 999)).toEqual([1, 2, 3]);
    expect(offer(5, 1, 1000)).toEqual([2, 3, 5]);
    expect(offer(6, 1, 1001)).toEqual([2, 3, 5]);
  });

  it('hold no more than the bytes allowed', () => {
    const offer = recent();
    offer(1, 25);
    offer(2, 25);
    offer(3, 25);
    expect(offer(4, 25, 1000)).toEqual([2, 3, 4]);
    const large = recent();
    expect([large(1, 25), large(2, 26)].at(-1)).toEqual([1]);
  });

  it('give way by bytes before the count is reached', () => {
    const kept = new RecentRequests<Item>({ count: 100, ofPeer: 100, bytes: 100 });
    for (let i = 0; i < 10; i++) kept.offer(item(i, 20), 0);
    expect(kept.all).toHaveLength(5);
  });

  it('are at most so many of one peer, whose last ones they are', () => {
    const kept = new RecentRequests<Item>({ count: 6, ofPeer: 2, bytes: 100 });
    const loud = [1, 2, 3, 4, 5];
    for (const id of loud) kept.offer(item(id, 1, 'loud'), 1000 * id);
    kept.offer(item(6, 1, 'quiet'), 6000);
    for (const id of loud) kept.offer(item(10 * id, 1, 'loud'), 10_000 * id);
    expect(kept.all.map(({ id }) => id)).toEqual([6, 40, 50]);
  });
});

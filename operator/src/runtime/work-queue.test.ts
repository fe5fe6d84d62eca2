import { describe, expect, it } from '@jest/globals';
import { noMetrics } from './metrics.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { WorkQueue } from './work-queue.ts';

function makeQueue() {
  const clock = new FakeClock();
  const seen: string[] = [];
  const metrics = {
    ...noMetrics,
    queueDepth: (_: string, depth: number) => seen.push(`depth ${depth}`),
    queueLatency: (_: string, seconds: number) => seen.push(`latency ${seconds}`),
  };
  const queue = new WorkQueue({ name: 'q', clock, random: () => 1, backoff: { baseMs: 1000, capMs: 8000 }, metrics });
  return { clock, queue, seen };
}

describe('a work queue', () => {
  it('hands out keys in order, each once however often it was added', async () => {
    const { queue } = makeQueue();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    expect(queue.depth).toBe(2);
    expect([await queue.take(), await queue.take()]).toEqual(['a', 'b']);
    expect(queue.depth).toBe(0);
  });

  it('gives a key to one worker at a time, and again if it was added meanwhile', async () => {
    const { queue } = makeQueue();
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(queue.depth).toBe(1);
    await queue.take();
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  it('wakes a waiting worker', async () => {
    const { queue } = makeQueue();
    const taken = queue.take();
    queue.add('a');
    expect(await taken).toBe('a');
  });

  it('keeps the earliest of several delays, and adds the key once', async () => {
    const { queue, clock } = makeQueue();
    queue.addAfter('a', 500);
    queue.addAfter('a', 100);
    queue.addAfter('a', 900);
    await clock.advance(99);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await queue.take()).toBe('a');
    queue.done('a');
    await clock.advance(10_000);
    expect(queue.depth).toBe(0);
  });

  it('backs off per key, up to the cap, until forgotten', () => {
    const { queue } = makeQueue();
    expect([1, 2, 3, 4, 5].map(() => queue.addRateLimited('a'))).toEqual([1000, 2000, 4000, 8000, 8000]);
    expect(queue.addRateLimited('b')).toBe(1000);
    queue.forget('a');
    expect(queue.retries('a')).toBe(0);
    expect(queue.addRateLimited('a')).toBe(1000);
  });

  it('waits at least as long as a server asked for', () => {
    const { queue } = makeQueue();
    expect(queue.addRateLimited('a', 30_000)).toBe(30_000);
  });

  it('shuts down when the last taken key is done, and hands out nothing until it is opened', async () => {
    const { queue, clock } = makeQueue();
    for (const key of ['a', 'b']) queue.add(key);
    queue.addAfter('c', 10);
    await queue.take();
    let drained = false;
    const shutDown = queue.shutDown().then(() => (drained = true));
    await clock.advance(100);
    expect(drained).toBe(false);
    queue.add('d');
    queue.done('a');
    await shutDown;
    expect(await queue.take()).toBeUndefined();
    expect(clock.pending).toEqual([]);
    queue.open();
    expect([await queue.take(), await queue.take(), queue.depth]).toEqual(['b', 'd', 0]);
  });

  it('lets waiting workers go at shutdown', async () => {
    const { queue } = makeQueue();
    const taken = queue.take();
    await queue.shutDown();
    expect(await taken).toBeUndefined();
  });

  it('measures its depth and how long keys waited', async () => {
    const { queue, clock, seen } = makeQueue();
    queue.add('a');
    await clock.advance(2500);
    await queue.take();
    expect(seen).toEqual(['depth 1', 'depth 0', 'latency 2.5']);
  });
});

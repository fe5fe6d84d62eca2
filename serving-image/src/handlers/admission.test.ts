import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestError } from '../errors.ts';
import { Admission, memoryFor, type Ticket } from './admission.ts';

const MiB = 1024 * 1024;
const LIMITS = {
  bodyBytes: 64 * MiB,
  requests: 3,
  answerBytes: 64 * MiB,
  memoryBytes: 100 * MiB,
  bytesPerSecond: 1000,
};

let time: number;
let admission: Admission;
let dropped: string[];
beforeEach(() => {
  time = 0;
  dropped = [];
  admission = new Admission(LIMITS, () => time);
});

/** A body of which so many bytes are here, `moved` of them since it is waited for. */
function arriving(name: string, bytes: number, moved = bytes): Ticket {
  const ticket = admission.enter();
  ticket.wait(
    ({ status }: RequestError) => dropped.push(`${name} ${status}`),
    () => moved,
  );
  expect(ticket.take(bytes)).toBeUndefined();
  return ticket;
}

/** Pieces of so many bytes of one body until one is refused. */
function piecesOf(bytes: number, most: number): { count: number; refusal: RequestError | undefined } {
  const ticket = admission.enter();
  for (let count = 0; count < most; count++) {
    const refusal = ticket.piece(bytes);
    if (refusal) return { count, refusal };
  }
  return { count: most, refusal: undefined };
}

/** A request that is here as a whole. */
function whole(bytes: number): Ticket {
  const ticket = admission.enter();
  expect([ticket.take(bytes), ticket.place()]).toEqual([undefined, undefined]);
  return ticket;
}

const statusOf = (problem: RequestError | undefined) => problem?.status;

describe('a place', () => {
  it('is taken by a request that is here as a whole, and by no other', () => {
    for (const name of ['a', 'b', 'c']) arriving(name, 1);
    expect([admission.requests, admission.waiting]).toEqual([0, 3]);
    for (let i = 0; i < 3; i++) whole(1);
    expect(statusOf(admission.refusal())).toBe(429);
    expect(statusOf(admission.enter().place())).toBe(429);
  });

  it('is free again when its request leaves, once', () => {
    const ticket = whole(10);
    ticket.leave();
    ticket.leave();
    expect([admission.requests, admission.bytes]).toEqual([0, 0]);
  });
});

describe('what waits for its client', () => {
  it('is as many as there are places: the one that is furthest behind makes room', () => {
    arriving('slow', 10);
    time = 1000;
    arriving('b', 10);
    arriving('c', 10);
    arriving('d', 10);
    expect([dropped, admission.waiting]).toEqual([['slow 503'], 3]);
  });

  it('is dropped when it is five seconds behind the least rate', () => {
    arriving('nothing', 0);
    arriving('steady', 3000);
    time = 5000;
    admission.look();
    expect(dropped).toEqual([]);
    time = 5001;
    admission.look();
    expect(dropped).toEqual(['nothing 408']);
  });

  it('counts no more once it was dropped', () => {
    const ticket = arriving('nothing', 100);
    time = 6000;
    admission.look();
    expect([statusOf(ticket.take(5)), statusOf(ticket.place())]).toEqual([503, 503]);
    expect([admission.bytes, admission.requests, admission.waiting]).toEqual([0, 0, 0]);
  });
});

describe('memory', () => {
  it('that is needed is taken from the large request that is furthest behind', () => {
    arriving('slow', 40 * MiB, 10);
    arriving('quick', 30 * MiB);
    arriving('tiny', 10, 0);
    time = 2000;
    whole(40 * MiB);
    expect(dropped).toEqual(['slow 503']);
  });

  it('is not there for large requests while others that are here as a whole hold it', () => {
    whole(60 * MiB);
    expect(statusOf(admission.enter().take(20 * MiB))).toBe(503);
  });

  it('has a quarter that is for small requests only', () => {
    whole(75 * MiB);
    expect(statusOf(admission.enter().take(MiB))).toBe(503);
    whole(30_000);
  });

  it('does not exceed its limit, whatever comes and goes', () => {
    // Numbers that look random, and are the same each time.
    let seed = 1;
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    const tickets: Ticket[] = [];
    for (let step = 0; step < 20_000; step++) {
      time += random(50);
      const ticket = tickets[random(50)] ?? admission.enter();
      if (!tickets.includes(ticket)) tickets.push(ticket);
      const action = random(4);
      if (action === 0) {
        ticket.wait(
          () => undefined,
          () => random(1000),
        );
      } else if (action === 3) {
        ticket.leave();
        tickets.splice(tickets.indexOf(ticket), 1);
      } else if (ticket.take(random(10 * MiB)) ?? (action === 2 && ticket.place())) {
        ticket.leave();
        tickets.splice(tickets.indexOf(ticket), 1);
      }
      expect(admission.bytes).toBe(tickets.reduce((sum, { bytes }) => sum + bytes, 0));
      expect(admission.bytes).toBeLessThanOrEqual(LIMITS.memoryBytes);
      expect(admission.requests).toBeLessThanOrEqual(LIMITS.requests);
      expect(admission.waiting).toBeLessThanOrEqual(LIMITS.requests);
    }
    for (const ticket of tickets) ticket.leave();
    expect([admission.bytes, admission.requests, admission.waiting]).toEqual([0, 0, 0]);
  });

  it.each([
    ['three of the largest bodies', undefined, 1, 192],
    ['a third of the share of a worker', 1024, 2, 170],
    ['two of the largest bodies at least', 256, 1, 128],
  ])('is %s when nobody has said it', (_, container, workers, expected) => {
    const bytes = memoryFor(64 * MiB, container && container * MiB, workers);
    expect(Math.floor(bytes / MiB)).toBe(expected);
  });
});

describe('pieces of bodies', () => {
  it('of a usual size may be as many as there are', () => {
    expect(piecesOf(64, 1_000_000)).toEqual({ count: 1_000_000, refusal: undefined });
  });

  it('of one byte may be thousands, but not as many as there are bytes', () => {
    const { count, refusal } = piecesOf(1, 1_000_000);
    expect([refusal?.status, count > 5_000, count < 20_000]).toEqual([413, true, true]);
  });

  it('that are small are few in all, in however many bodies they come', () => {
    let read = 0;
    for (let body = 0; body < 100; body++) read += piecesOf(1, 5_000).count;
    // Each may have some for nothing, as the last piece of most bodies is small.
    expect(read).toBeLessThan(20_000);
    expect(piecesOf(1, 5_000).refusal?.status).toBe(503);
    expect(piecesOf(1, 10)).toEqual({ count: 10, refusal: undefined });
    expect(piecesOf(64, 10_000).refusal).toBeUndefined();
  });

  it('that are small may come again after a while', () => {
    while (!piecesOf(1, 5_000).refusal);
    time += 1_000;
    expect(piecesOf(1, 5_000).refusal).toBeUndefined();
  });
});

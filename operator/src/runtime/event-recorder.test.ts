import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KubeClient } from './client.ts';
import { EVENTS, EventRecorder, type EventInput } from './event-recorder.ts';
import { noMetrics } from './metrics.ts';
import type { KubeObject } from './objects.ts';
import { eventually } from './testing/eventually.ts';
import { FakeApiServer } from './testing/fake-api-server.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { thing } from './testing/things.ts';

interface Event extends KubeObject {
  note: string;
  series?: { count: number; lastObservedTime: string };
}

let server: FakeApiServer;
let clock: FakeClock;
let recorder: EventRecorder;
let dropped: number;
let stop: AbortController;
let running: Promise<void> | undefined;

beforeEach(async () => {
  server = await FakeApiServer.start([EVENTS]);
  clock = new FakeClock();
  dropped = 0;
  stop = new AbortController();
  running = undefined;
  const client = new KubeClient({ connection: server.connection, userAgent: 't', fieldManager: 't', clock });
  const metrics = { ...noMetrics, eventDropped: () => void (dropped += 1) };
  recorder = new EventRecorder({
    client,
    reportingController: 'example.dev/c',
    reportingInstance: 'pod',
    clock,
    metrics,
  });
});
afterEach(async () => {
  stop.abort();
  await running;
  await server.close();
});

/** The client has its answer: no deadline is pending that a step of the clock could pass. */
const idle = () => clock.pending.length === 0;
const start = (): void => {
  running = recorder.run(stop.signal);
};
const input = (note: string, rest: Partial<EventInput> = {}): EventInput => ({
  type: 'Normal',
  action: 'RollOut',
  reason: 'RolledOut',
  note,
  ...rest,
});
const events = () => server.storage.list<Event>(EVENTS);
const owner = thing('a', 7);

describe('an event recorder', () => {
  it('writes an event with all that the API asks for', async () => {
    start();
    recorder.record(owner, input('version 2 serves'));
    await eventually(() => events().length === 1);
    expect(events()[0]).toMatchObject({
      metadata: { namespace: 'default', name: expect.stringMatching(/^a\./) },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'example.dev/c',
      reportingInstance: 'pod',
      type: 'Normal',
      action: 'RollOut',
      reason: 'RolledOut',
      note: 'version 2 serves',
      regarding: {
        apiVersion: 'example.dev/v1',
        kind: 'Thing',
        namespace: 'default',
        name: 'a',
        uid: 'uid-of-a',
        resourceVersion: '7',
      },
    });
  });

  it('counts up a series for the same event again, and makes a new one for another note', async () => {
    start();
    recorder.record(owner, input('x'));
    await eventually(() => events().length === 1 && idle());
    await clock.advance(60_000);
    recorder.record(owner, input('x'));
    await eventually(() => events()[0]?.series !== undefined);
    expect(events()[0]?.series).toEqual({ count: 2, lastObservedTime: '2026-01-01T00:01:00.000000Z' });
    recorder.record(owner, input('y'));
    await eventually(() => events().length === 2);
  });

  it('begins anew when the last one is long ago', async () => {
    start();
    recorder.record(owner, input('x'));
    await eventually(() => events().length === 1 && idle());
    await clock.advance(6 * 60_000 + 1);
    recorder.record(owner, input('x'));
    await eventually(() => events().length === 2);
  });

  it('sends what piled up as one', async () => {
    for (let time = 0; time < 5; time += 1) recorder.record(owner, input('x'));
    start();
    await eventually(() => events().length === 1);
    expect(events()[0]?.series?.count).toBe(5);
    expect(server.requests).toHaveLength(1);
  });

  it('makes the event again when the server has forgotten it', async () => {
    start();
    recorder.record(owner, input('x'));
    await eventually(() => events().length === 1 && idle());
    const [first] = events();
    if (first) server.storage.delete(EVENTS, first.metadata);
    recorder.record(owner, input('x'));
    await eventually(() => events().length === 1);
    expect(events()[0]?.series?.count).toBe(2);
  });

  it('drops what it cannot write, and goes on', async () => {
    start();
    server.script({ verb: 'create' }, { status: 403, reason: 'Forbidden' });
    recorder.record(owner, input('x'));
    recorder.record(owner, input('y'));
    await eventually(() => events().length === 1);
    expect([events()[0]?.note, dropped]).toEqual(['y', 1]);
  });

  it('bounds what one object may say, and all together', () => {
    for (let note = 0; note < 30; note += 1) recorder.record(owner, input(String(note)));
    expect(dropped).toBe(5);
    for (let name = 0; name < 300; name += 1) recorder.record(thing(`t${name}`, 1), input('x'));
    expect(dropped).toBe(5 + 300 - (256 - 25));
  });

  it('cuts a note at the limit of the API, between characters', async () => {
    start();
    recorder.record(owner, input('ä'.repeat(1000)));
    await eventually(() => events().length === 1);
    const note = events()[0]?.note ?? '';
    expect([Buffer.byteLength(note) <= 1024, note.endsWith('ä…')]).toEqual([true, true]);
  });

  it('says its last words at shutdown', async () => {
    start();
    stop.abort();
    recorder.record(owner, input('x'));
    await running;
    expect(events()).toHaveLength(1);
  });

  it('does not hold up a shutdown for a server that does not answer', async () => {
    server.script({}, { delay: new Promise(() => {}) });
    recorder.record(owner, input('x'));
    start();
    await eventually(() => server.requests.length === 1);
    stop.abort();
    let ended = false;
    void running?.then(() => (ended = true));
    await clock.advanceUntil(() => ended, 5_000);
  });
});

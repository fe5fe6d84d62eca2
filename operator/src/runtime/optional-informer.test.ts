import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KubeClient } from './client.ts';
import { OptionalInformer } from './optional-informer.ts';
import { eventually } from './testing/eventually.ts';
import { FakeApiServer } from './testing/fake-api-server.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { manifest, THINGS, type Thing } from './testing/things.ts';

let server: FakeApiServer;
let clock: FakeClock;
let stop: AbortController;
let running: Promise<void>;
let informer: OptionalInformer<Thing>;

beforeEach(async () => {
  server = await FakeApiServer.start([THINGS]);
  clock = new FakeClock();
  stop = new AbortController();
  const client = new KubeClient({ connection: server.connection, userAgent: 'test', fieldManager: 'test', clock });
  informer = new OptionalInformer<Thing>({ client, type: THINGS, clock });
});
afterEach(async () => {
  stop.abort();
  await running;
  await server.close();
});
const start = (): void => {
  running = informer.run(stop.signal);
};
const notServed = (times: number) => server.script({ verb: 'list' }, { status: 404, reason: 'NotFound' }, times);

describe('an informer of a type that may be missing', () => {
  it('is synced without it, and lists and watches once it is there', async () => {
    server.storage.put(THINGS, manifest('a'));
    notServed(1);
    start();
    await informer.waitForSync();
    expect([informer.isServed(), informer.store.list()]).toEqual([false, []]);
    expect(server.watches.size).toBe(0);
    await clock.advanceUntil(() => server.watches.size === 1);
    expect([informer.isServed(), informer.store.list().length]).toEqual([true, 1]);
  });

  it('is not synced before it knows, nor before it has the list', async () => {
    server.script({ verb: 'list' }, { status: 403 }, 1);
    start();
    await eventually(() => server.seen({ verb: 'list' })[0]?.status === 403);
    expect([informer.hasSynced(), informer.isServed()]).toEqual([false, false]);
    await clock.advanceUntil(() => informer.hasSynced());
    expect(informer.isServed()).toBe(true);
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KubeClient } from './client.ts';
import { Informer, type InformerOptions } from './informer.ts';
import { noMetrics } from './metrics.ts';
import { eventually } from './testing/eventually.ts';
import { FakeApiServer } from './testing/fake-api-server.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { manifest, thing, THINGS, type Thing } from './testing/things.ts';

let server: FakeApiServer;
let clock: FakeClock;
let stop: AbortController;
let restarts: string[];
let changes: string[];
let running: Promise<void>[];

beforeEach(async () => {
  server = await FakeApiServer.start([THINGS]);
  clock = new FakeClock();
  stop = new AbortController();
  [restarts, changes, running] = [[], [], []];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  await server.close();
});

function start(options: Partial<InformerOptions<Thing>> = {}): Informer<Thing> {
  const client = new KubeClient({ connection: server.connection, userAgent: 'test', fieldManager: 'test', clock });
  const metrics = { ...noMetrics, watchRestarted: (_: string, why: string) => void restarts.push(why) };
  const informer = new Informer<Thing>({ client, type: THINGS, clock, metrics, random: () => 0, ...options });
  informer.store.onChange(({ type, object }) => changes.push(`${type} ${object.metadata.name}`));
  running.push(informer.run(stop.signal));
  return informer;
}
/** Started, synced, and watching. */
async function watching(options: Partial<InformerOptions<Thing>> = {}): Promise<Informer<Thing>> {
  const informer = start(options);
  await informer.waitForSync();
  await eventually(() => server.watches.size === (options.namespaces?.length ?? 1));
  return informer;
}
const has = (informer: Informer<Thing>, name: string) =>
  informer.store.get({ namespace: 'default', name }) !== undefined;
const watchCount = () => server.seen({ verb: 'watch' }).length;
const listCount = () => server.seen({ verb: 'list' }).length;

describe('an informer', () => {
  it('lists in pages, then watches from there with bookmarks and a timeout', async () => {
    server.storage.put(THINGS, manifest('a'));
    const informer = start();
    expect(informer.hasSynced()).toBe(false);
    await informer.waitForSync();
    expect([informer.hasSynced(), has(informer, 'a')]).toEqual([true, true]);
    await eventually(() => server.watches.size === 1);
    expect(server.seen({ verb: 'list' })[0]?.query).toEqual({ limit: '500' });
    expect(server.seen({ verb: 'watch' })[0]?.query).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: String(server.storage.resourceVersion),
      timeoutSeconds: '30',
    });
  });

  it('follows additions, changes and deletions', async () => {
    const informer = await watching();
    server.storage.put(THINGS, manifest('a', 1));
    server.storage.put(THINGS, manifest('a', 2));
    server.storage.delete(THINGS, { namespace: 'default', name: 'a' });
    await eventually(() => changes.length === 3);
    expect([changes, informer.store.size]).toEqual([['added a', 'updated a', 'deleted a'], 0]);
  });

  it('keeps to its selectors and namespaces', async () => {
    const labelled = (namespace: string, name: string, app: string) => ({
      metadata: { namespace, name, labels: { app } },
    });
    server.storage.put(THINGS, labelled('n1', 'a', 'x'));
    server.storage.put(THINGS, labelled('n3', 'b', 'x'));
    const informer = await watching({ namespaces: ['n1', 'n2'], labelSelector: 'app=x' });
    server.storage.put(THINGS, labelled('n2', 'c', 'x'));
    server.storage.put(THINGS, labelled('n2', 'd', 'y'));
    await eventually(() => informer.store.size === 2);
    server.storage.put(THINGS, labelled('n1', 'a', 'y'));
    await eventually(() => informer.store.size === 1);
    expect(informer.store.list().map(({ metadata }) => metadata.name)).toEqual(['c']);
  });

  it('goes on from the last bookmark, at once, when the server closes a watch in good time', async () => {
    await watching();
    server.watches.forEach((watch) => watch.bookmark(5000));
    await clock.advance(29_000);
    server.watches.forEach((watch) => watch.end());
    await eventually(() => watchCount() === 2 && server.watches.size === 1);
    expect(server.seen({ verb: 'watch' })[1]?.query['resourceVersion']).toBe('5000');
    expect([restarts, listCount()]).toEqual([[], 1]);
  });

  it('does not run hot when the server closes every watch at once', async () => {
    await watching();
    for (const delay of [500, 1000, 2000]) {
      const before = watchCount();
      server.watches.forEach((watch) => watch.end());
      await eventually(() => clock.pending.includes(delay));
      await clock.advance(delay - 1);
      expect(watchCount()).toBe(before);
      await clock.advance(1);
      await eventually(() => server.watches.size === 1);
    }
    expect(restarts).toEqual(['closed', 'closed', 'closed']);
  });

  it('starts with the shortest delay again after an event', async () => {
    const informer = await watching();
    server.watches.forEach((watch) => watch.end());
    await clock.advanceUntil(() => watchCount() === 2);
    server.storage.put(THINGS, manifest('a'));
    await eventually(() => has(informer, 'a'));
    server.watches.forEach((watch) => watch.end());
    await eventually(() => clock.pending.includes(500));
    expect(restarts).toHaveLength(2);
  });

  it('notices a watch that is silent although its connection lives, within 45 s, and misses nothing', async () => {
    server.script({ verb: 'watch' }, { silent: true });
    const informer = start();
    await eventually(() => watchCount() === 1);
    server.storage.put(THINGS, manifest('a'));
    await clock.advance(35_000);
    await clock.advanceUntil(() => has(informer, 'a'), 10_000);
    expect([restarts, listCount()]).toEqual([['silent'], 1]);
  });

  it('survives a connection that is reset in mid-stream, and misses no deletion', async () => {
    server.storage.put(THINGS, manifest('a'));
    const informer = await watching();
    server.watches.forEach((watch) => watch.reset());
    server.storage.delete(THINGS, { namespace: 'default', name: 'a' });
    await clock.advanceUntil(() => !has(informer, 'a'));
    expect([restarts, listCount()]).toEqual([['reset'], 1]);
  });

  it.each([
    ['as an answer', { status: 410, reason: 'Expired' }],
    ['as an event', { watchError: 410 }],
  ])('lists anew when its version is too old, told %s, and infers deletions', async (_, fault) => {
    server.storage.put(THINGS, manifest('a'));
    server.storage.put(THINGS, manifest('b'));
    const informer = await watching();
    server.script({ verb: 'watch' }, fault);
    server.watches.forEach((watch) => watch.reset());
    server.storage.delete(THINGS, { namespace: 'default', name: 'a' });
    server.storage.compact();
    await clock.advanceUntil(() => !has(informer, 'a'));
    expect(changes).toEqual(['added a', 'added b', 'deleted a']);
    expect([restarts, listCount()]).toEqual([['reset', 'gone'], 2]);
  });

  it('begins the list anew when a continue token expires', async () => {
    server.storage.put(THINGS, manifest('a'));
    server.script({ verb: 'list' }, { status: 410, reason: 'Expired' });
    const informer = start();
    await clock.advanceUntil(() => informer.hasSynced());
    expect([has(informer, 'a'), restarts]).toEqual([true, ['gone']]);
  });

  it('goes on after a line that was cut off, from the last whole one', async () => {
    const informer = await watching();
    server.storage.put(THINGS, manifest('a'));
    await eventually(() => has(informer, 'a'));
    const from = String(server.storage.resourceVersion);
    server.watches.forEach((watch) => {
      watch.write('{"type":"MODIFIED","obj');
      watch.end();
    });
    server.storage.put(THINGS, manifest('b'));
    await clock.advanceUntil(() => has(informer, 'b'));
    expect(restarts).toEqual(['malformed']);
    expect(server.seen({ verb: 'watch' })[1]?.query['resourceVersion']).toBe(from);
  });

  it('gets past a line that stays unreadable by a list', async () => {
    const informer = await watching();
    server.watches.forEach((watch) => watch.write('nonsense\n'));
    server.script({ verb: 'watch' }, { answer: '{"type":"ADDED","object":{}}\n' });
    server.storage.put(THINGS, manifest('a'));
    await clock.advanceUntil(() => listCount() === 2 && has(informer, 'a'));
    expect(restarts).toEqual(['malformed', 'malformed']);
  });

  it('comes back after a burst of server errors, ever more slowly', async () => {
    const informer = await watching();
    server.script({ verb: 'watch' }, { status: 500 }, 4);
    server.watches.forEach((watch) => watch.reset());
    server.storage.put(THINGS, manifest('a'));
    const from = clock.now();
    await clock.advanceUntil(() => has(informer, 'a'));
    expect(restarts).toEqual(['reset', 'refused', 'refused', 'refused', 'refused']);
    expect(clock.now() - from).toBeGreaterThanOrEqual(500 + 1000 + 2000 + 4000 + 8000);
  });

  it('waits as long as the server asks', async () => {
    server.script({ verb: 'list' }, { status: 429, retryAfterSeconds: 20 });
    const informer = start();
    await eventually(() => clock.pending.includes(20_000));
    await clock.advance(19_999);
    expect(listCount()).toBe(1);
    await clock.advanceUntil(() => informer.hasSynced());
  });

  it('takes an object that was deleted and made anew for two objects', async () => {
    await watching();
    server.storage.put(THINGS, manifest('a'));
    await eventually(() => changes.length === 1);
    server.watches.forEach((watch) =>
      watch.send({ type: 'MODIFIED', object: thing('a', server.storage.resourceVersion + 5, { uid: 'new' }) }),
    );
    await eventually(() => changes.length === 3);
    expect(changes).toEqual(['added a', 'deleted a', 'added a']);
  });

  it('does not go back in time on a list of a server that lags, until that is all there is', async () => {
    server.storage.put(THINGS, manifest('a', 1));
    const informer = await watching();
    const old = JSON.stringify({ metadata: { resourceVersion: '5' }, items: [thing('a', 4)] });
    server.script({ verb: 'list' }, { answer: old }, 6);
    server.script({ verb: 'watch' }, { status: 410, reason: 'Expired' });
    server.watches.forEach((watch) => watch.reset());
    await clock.advanceUntil(() => listCount() === 6);
    expect(informer.store.get({ namespace: 'default', name: 'a' })?.spec?.size).toBe(1);
    await clock.advanceUntil(
      () => informer.store.get({ namespace: 'default', name: 'a' })?.metadata.resourceVersion === '4',
    );
    expect(listCount()).toBe(7);
  });

  it('shows own writes while the watch lags behind', async () => {
    const informer = await watching();
    server.hold();
    informer.store.observeWrite(server.storage.put(THINGS, manifest('a', 1)));
    expect([has(informer, 'a'), changes]).toEqual([true, []]);
    server.release();
    await eventually(() => changes.length === 1);
    expect(changes).toEqual(['added a']);
  });

  it('ends when told, also in the middle of a wait, and leaves no timer', async () => {
    server.script({ verb: 'list' }, { status: 500 });
    start();
    await eventually(() => restarts.length === 1);
    stop.abort();
    await Promise.all(running);
    expect(clock.pending).toEqual([]);
  });
});

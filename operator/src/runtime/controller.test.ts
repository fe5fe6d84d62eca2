import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KubeClient } from './client.ts';
import { runController, type ControllerOptions } from './controller.ts';
import { ApiError, NotLeaderError, TerminalError } from './errors.ts';
import { Informer } from './informer.ts';
import { LEASES, LeaderElector } from './leader-elector.ts';
import { silentLog } from './log.ts';
import { runManager } from './manager.ts';
import { noMetrics } from './metrics.ts';
import { keyOf } from './objects.ts';
import { eventually } from './testing/eventually.ts';
import { FakeApiServer } from './testing/fake-api-server.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { manifest, THINGS, type Thing } from './testing/things.ts';
import { WorkQueue } from './work-queue.ts';

let clock: FakeClock;
let queue: WorkQueue;
let stop: AbortController;
let outcomes: string[];
let running: Promise<unknown>;

beforeEach(() => {
  clock = new FakeClock();
  queue = new WorkQueue({ name: 'q', clock, random: () => 1 });
  stop = new AbortController();
  outcomes = [];
});
afterEach(async () => {
  stop.abort();
  await running;
});

function start(reconcile: ControllerOptions['reconcile'], options: Partial<ControllerOptions> = {}): void {
  const metrics = { ...noMetrics, reconciled: (_: string, outcome: string) => void outcomes.push(outcome) };
  running = runController({ name: 'c', queue, keys: () => [], reconcile, clock, metrics, ...options }, stop.signal);
}

describe('a controller', () => {
  it('gives each key to reconcile, as a request', async () => {
    const seen: unknown[] = [];
    start(async (request) => void seen.push(request));
    queue.add('n/a');
    await eventually(() => outcomes.length === 1);
    expect([seen, outcomes]).toEqual([[{ namespace: 'n', name: 'a' }], ['success']]);
  });

  it('comes back when reconcile asks for it', async () => {
    let calls = 0;
    start(async () => ((calls += 1) === 1 ? { requeueAfterMs: 5_000 } : undefined));
    queue.add('a');
    await eventually(() => clock.pending.includes(5_000));
    await clock.advance(5_000);
    await eventually(() => outcomes.length === 2);
    expect(outcomes).toEqual(['requeue_after', 'success']);
  });

  it('retries a key that fails, more slowly each time, while others go on', async () => {
    const done: string[] = [];
    start(
      async ({ name }) => {
        if (name === 'poison') throw new Error('boom');
        done.push(name);
        return undefined;
      },
      { workers: 1 },
    );
    for (const key of ['poison', 'a', 'b']) queue.add(key);
    await eventually(() => done.length === 2);
    await clock.advance(1_000);
    await eventually(() => queue.retries('poison') === 2);
    queue.add('c');
    await eventually(() => done.length === 3);
    expect([outcomes, clock.pending]).toEqual([['error', 'success', 'success', 'error', 'success'], [2_000]]);
  });

  it('starts with the shortest delay again after a success', async () => {
    let calls = 0;
    start(async () => {
      if ((calls += 1) <= 2) throw new Error('boom');
      return undefined;
    });
    queue.add('a');
    await clock.advanceUntil(() => outcomes.includes('success'));
    expect([outcomes, queue.retries('a')]).toEqual([['error', 'error', 'success'], 0]);
  });

  it('does not retry what cannot succeed, until it is added again', async () => {
    start(async () => {
      throw new TerminalError('never');
    });
    queue.add('a');
    await eventually(() => outcomes.length === 1);
    expect([outcomes, clock.pending]).toEqual([['terminal'], []]);
    queue.add('a');
    await eventually(() => outcomes.length === 2);
  });

  it('waits as long as the API server asked', async () => {
    start(async () => {
      throw new ApiError({ status: 429, reason: 'TooManyRequests', message: 'later', retryAfterMs: 60_000 });
    });
    queue.add('a');
    await eventually(() => outcomes.length === 1);
    expect(clock.pending).toEqual([60_000]);
  });

  it('tells a reconcile that takes too long', async () => {
    start(
      (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('late')))),
    );
    queue.add('a');
    await eventually(() => clock.pending.includes(120_000));
    await clock.advance(120_000);
    await eventually(() => outcomes.length === 1);
    expect(outcomes).toEqual(['error']);
  });

  it('works on as many keys at once as it has workers', async () => {
    const release: (() => void)[] = [];
    start(() => new Promise((resolve) => release.push(() => resolve(undefined))), { workers: 2 });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await eventually(() => release.length === 2);
    expect(queue.depth).toBe(1);
    for (const free of release.splice(0)) free();
    await eventually(() => release.length === 1);
    release[0]?.();
  });

  it('looks at every object when it begins, and again when it begins anew', async () => {
    const seen: string[] = [];
    const reconcile = async ({ name }: { name: string }) => void seen.push(name);
    start(reconcile, { keys: () => ['a', 'b'] });
    await eventually(() => seen.length === 2);
    stop.abort();
    await running;
    queue.add('deleted meanwhile');
    stop = new AbortController();
    start(reconcile, { keys: () => ['a', 'b'] });
    await eventually(() => seen.length === 5);
    expect(seen.slice(2).sort()).toEqual(['a', 'b', 'deleted meanwhile']);
  });

  it('takes a write that was kept back for want of the lease for no failure', async () => {
    const errors: unknown[] = [];
    const log = {
      ...silentLog,
      warn: (fields: object) => void errors.push(fields),
      error: (fields: object) => void errors.push(fields),
    };
    let calls = 0;
    start(
      async () => {
        if ((calls += 1) === 1) throw new NotLeaderError('no lease');
        return undefined;
      },
      { log },
    );
    queue.add('a');
    await eventually(() => outcomes.length === 1);
    await clock.advance(1_000);
    await eventually(() => outcomes.length === 2);
    expect([outcomes, queue.retries('a'), errors]).toEqual([['requeue_after', 'success'], 0, []]);
  });

  it('ends after what is in work, which may finish, and is hurried after a while', async () => {
    let hurried = false;
    start(
      (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            hurried = true;
            resolve(undefined);
          });
        }),
    );
    queue.add('a');
    await eventually(() => clock.pending.length === 1);
    stop.abort();
    await clock.advance(9_999);
    expect([hurried, outcomes]).toEqual([false, []]);
    await clock.advance(1);
    await running;
    expect([hurried, outcomes]).toEqual([true, ['success']]);
  });
});

describe('a manager', () => {
  let server: FakeApiServer;
  let client: KubeClient;
  let reconciled: string[];
  beforeEach(async () => {
    server = await FakeApiServer.start([THINGS, LEASES]);
    client = new KubeClient({ connection: server.connection, userAgent: 't', fieldManager: 't', clock });
    reconciled = [];
    running = Promise.resolve();
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await server.close();
  });

  function manage(elector?: LeaderElector): Promise<void> {
    const informer = new Informer<Thing>({ client, type: THINGS, clock });
    informer.store.onChange(({ object }) => queue.add(keyOf(object.metadata)));
    const reconcile = async (request: { name: string }) => void reconciled.push(request.name);
    const result = runManager(
      { informers: [informer], controllers: [{ name: 'c', queue, keys: () => [], reconcile, clock }], elector },
      stop.signal,
    );
    running = result;
    return result;
  }
  const makeElector = (identity = 'one') =>
    new LeaderElector({ client, namespace: 'default', name: 'lock', identity, clock, random: () => 0 });

  it('starts no controller before the caches are complete and the lease is won', async () => {
    server.storage.put(THINGS, manifest('a'));
    let answerList: (value?: unknown) => void = () => {};
    server.script({ verb: 'list' }, { delay: new Promise((resolve) => (answerList = resolve)) });
    let answerLease: (value?: unknown) => void = () => {};
    server.script(
      { resource: 'leases.coordination.k8s.io', verb: 'create' },
      { delay: new Promise((resolve) => (answerLease = resolve)) },
    );
    const result = manage(makeElector());
    await eventually(() => server.requests.length === 1);
    expect(server.seen({ resource: 'leases.coordination.k8s.io' })).toEqual([]);
    answerList();
    await eventually(() => server.seen({ verb: 'create' }).length === 1);
    expect([queue.depth, reconciled]).toEqual([1, []]);
    answerLease();
    await eventually(() => reconciled.length === 1);
    stop.abort();
    await result;
  });

  it('runs without a lease when it is the only one', async () => {
    server.storage.put(THINGS, manifest('a'));
    const result = manage();
    await eventually(() => reconciled.length === 1);
    stop.abort();
    await result;
  });

  it('stops while it still waits for its caches', async () => {
    server.script({ verb: 'list' }, { status: 500 }, 100);
    const result = manage(makeElector());
    await eventually(() => server.requests.length === 1);
    stop.abort();
    await result;
    expect(server.seen({ resource: 'leases.coordination.k8s.io' })).toEqual([]);
  });
});

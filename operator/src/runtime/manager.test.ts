import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KubeClient } from './client.ts';
import { EventRecorder, EVENTS } from './event-recorder.ts';
import { Informer } from './informer.ts';
import { LEASES, LeaderElector } from './leader-elector.ts';
import { silentLog } from './log.ts';
import { runManager } from './manager.ts';
import { keyOf, type ObjectRef } from './objects.ts';
import { eventually } from './testing/eventually.ts';
import { FakeApiServer } from './testing/fake-api-server.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { manifest, THINGS, type Thing } from './testing/things.ts';
import { WorkQueue } from './work-queue.ts';

const LEASE = 'leases.coordination.k8s.io';

let server: FakeApiServer;
let processes: Operator[];
beforeEach(async () => {
  server = await FakeApiServer.start([THINGS, LEASES, EVENTS]);
  server.storage.put(THINGS, manifest('a'));
  server.storage.put(THINGS, manifest('b'));
  processes = [];
});
afterEach(async () => {
  for (const one of processes) await one.stop();
  await server.close();
});

/** One process: in each pass it looks at an object, then patches it. */
class Operator {
  readonly clock = new FakeClock();
  readonly elector: LeaderElector;
  readonly recorder: EventRecorder;
  /** Objects looked at. */
  readonly passes: string[] = [];
  readonly errors: object[] = [];
  ended: string | undefined;
  /** Where passes wait before they write. */
  gate: Promise<unknown> = Promise.resolve();
  readonly informer: Informer<Thing>;
  private readonly shutdown = new AbortController();

  constructor(readonly identity: string) {
    const { clock } = this;
    const client = new KubeClient({
      connection: server.connection,
      userAgent: identity,
      fieldManager: identity,
      clock,
    });
    const log = { ...silentLog, error: (fields: object) => void this.errors.push(fields) };
    this.elector = new LeaderElector({ client, namespace: 'default', name: 'lock', identity, clock, random: () => 0 });
    const writer = client.fenced(() => this.elector.assertLeading());
    this.recorder = new EventRecorder({ client: writer, reportingController: 'c', reportingInstance: identity, clock });
    this.informer = new Informer<Thing>({ client, type: THINGS, clock });
    const queue = new WorkQueue({ name: 'q', clock });
    const { store } = this.informer;
    const reconcile = async (request: ObjectRef): Promise<undefined> => {
      this.passes.push(request.name);
      await this.gate;
      await writer.mergePatch(THINGS, request, { metadata: { labels: { by: identity } } });
    };
    store.onChange(({ object }) => {
      if (object.metadata.labels?.['by'] !== identity) queue.add(keyOf(object.metadata));
    });
    const keys = () => store.list().map(({ metadata }) => keyOf(metadata));
    runManager(
      {
        informers: [this.informer],
        controllers: [{ name: 'c', queue, keys, reconcile, clock, log }],
        writers: [this.recorder],
        elector: this.elector,
        log,
      },
      this.shutdown.signal,
    ).then(
      () => (this.ended = 'stopped'),
      (error: Error) => (this.ended = error.message),
    );
    processes.push(this);
  }

  get writes(): number {
    return server.requests.filter(({ verb, userAgent }) => verb === 'patch' && userAgent === this.identity).length;
  }

  async stop(): Promise<void> {
    this.shutdown.abort();
    await this.clock.advanceUntil(() => this.ended !== undefined);
  }
}

/** Time passes for all processes together until the condition holds. */
async function until(condition: () => boolean, limitMs = 60_000): Promise<void> {
  for (let passed = 0; !condition(); passed += 250) {
    if (passed >= limitMs) throw new Error(`not within ${limitMs} ms: ${condition.toString()}`);
    for (const { clock } of processes) {
      let looks = 0;
      await clock.advanceUntil(() => (looks += 1) > 1, 10_000, 250);
    }
  }
}

async function leading(identity: string): Promise<Operator> {
  const one = new Operator(identity);
  await eventually(() => one.writes === 2);
  return one;
}

describe('a manager that loses the lease', () => {
  it.each([
    ['is refused the Lease alone', { status: 500 } as const],
    ['gets no answer about the Lease', { delay: new Promise(() => {}) }],
  ])('and %s contends in the same process, then looks at every object anew', async (_, fault) => {
    const one = await leading('one');
    server.script({ resource: LEASE, verb: 'update' }, fault, 6);
    await until(() => !one.elector.isLeader());
    expect([one.passes, one.ended, server.watches.size]).toEqual([['a', 'b'], undefined, 1]);
    await until(() => one.writes === 4);
    expect([one.passes.slice(2).sort(), one.errors, one.ended]).toEqual([['a', 'b'], [], undefined]);
  });

  it('writes nothing that it decided on before, and waits for its passes to end before it leads again', async () => {
    const one = await leading('one');
    let open: (value?: unknown) => void = () => {};
    one.gate = new Promise((resolve) => (open = resolve));
    server.storage.put(THINGS, manifest('c'));
    await eventually(() => one.passes.includes('c'));
    const two = new Operator('two');
    await eventually(() => two.informer.hasSynced());
    one.clock.suspend(40_000);
    await two.clock.advanceUntil(() => two.writes === 3);
    await two.stop();
    // The lease is free, and a pass of the old term still goes on.
    await one.clock.advanceUntil(() => !one.elector.isLeader());
    await one.clock.advance(30_000);
    expect([one.elector.isLeader(), one.writes]).toEqual([false, 2]);
    one.gate = Promise.resolve();
    open();
    await one.clock.advanceUntil(() => one.writes === 5);
    expect(one.passes.slice(-3).sort()).toEqual(['a', 'b', 'c']);
    expect([one.errors, one.ended]).toEqual([[], undefined]);
  });

  it('writes nothing after it wakes while another leads', async () => {
    const one = await leading('one');
    const two = new Operator('two');
    await eventually(() => two.informer.hasSynced());
    one.clock.suspend(40_000);
    await two.clock.advanceUntil(() => two.writes === 2);
    server.storage.put(THINGS, manifest('c'));
    await until(() => two.writes === 3);
    for (let ms = 0; ms < 30_000; ms += 1_000) await until(() => true);
    expect([one.writes, one.errors, one.ended]).toEqual([2, [], undefined]);
    await two.stop();
    await until(() => one.writes === 5);
  });

  it('tells its last events before it gives the lease away', async () => {
    const one = await leading('one');
    const regarding = { apiVersion: 'v1', kind: 'Thing', ...one.informer.store.list()[0]! };
    const stopped = one.stop();
    one.recorder.record(regarding, { type: 'Normal', action: 'A', reason: 'Last', note: 'last words' });
    await stopped;
    expect(server.storage.list(EVENTS)).toHaveLength(1);
  });
});

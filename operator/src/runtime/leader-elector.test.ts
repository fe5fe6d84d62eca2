import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KubeClient } from './client.ts';
import { NotLeaderError } from './errors.ts';
import { LEASES, LeaderElector } from './leader-elector.ts';
import type { KubeObject } from './objects.ts';
import { eventually } from './testing/eventually.ts';
import { FakeApiServer } from './testing/fake-api-server.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { manifest, THINGS } from './testing/things.ts';

interface Lease extends KubeObject {
  spec: Record<string, unknown>;
}

let server: FakeApiServer;
let candidates: Candidate[];
beforeEach(async () => {
  server = await FakeApiServer.start([LEASES, THINGS]);
  candidates = [];
});
afterEach(async () => {
  for (const candidate of candidates) await candidate.stop();
  await server.close();
});

/** One process: its own clock, its own client. */
class Candidate {
  readonly clock = new FakeClock();
  readonly client: KubeClient;
  readonly elector: LeaderElector;
  readonly story: string[] = [];
  result: string | undefined;
  private readonly shutdown = new AbortController();
  private readonly running: Promise<unknown>;
  private finishWork: () => void = () => {};

  constructor(
    readonly identity: string,
    private readonly drains = true,
  ) {
    this.client = new KubeClient({
      connection: server.connection,
      userAgent: identity,
      fieldManager: 'test',
      clock: this.clock,
    });
    this.elector = new LeaderElector({
      client: this.client,
      namespace: 'default',
      name: 'lock',
      identity,
      clock: this.clock,
      random: () => 0,
      onNewLeader: (leader) => this.story.push(`sees ${leader}`),
      onStoppedLeading: (why) => this.story.push(why),
    });
    this.running = this.elector
      .run(this.shutdown.signal, (signal) => this.work(signal))
      .then(
        () => (this.result = 'ended'),
        (error: Error) => (this.result = error.message),
      );
    candidates.push(this);
  }

  endWork(): void {
    this.finishWork();
  }

  abort(): void {
    this.shutdown.abort();
  }

  async stop(): Promise<void> {
    this.abort();
    this.endWork();
    await this.clock.advanceUntil(() => this.result !== undefined);
    await this.running;
  }

  private work(signal: AbortSignal): Promise<void> {
    this.story.push('leads');
    return new Promise((resolve) => {
      this.finishWork = resolve;
      if (this.drains) signal.addEventListener('abort', () => resolve());
    });
  }
}

const lease = () => server.storage.get<Lease>(LEASES, { namespace: 'default', name: 'lock' });
const holder = () => lease()?.spec['holderIdentity'];
const renewals = () => server.seen({ verb: 'update' }).length;

/** Time passes for all candidates together. */
async function pass(ms: number, condition: () => boolean = () => false): Promise<void> {
  for (let passed = 0; passed < ms && !condition(); passed += 250) {
    await Promise.all(candidates.map(({ clock }) => clock.advanceUntil(stepDone(), 10_000, 250)));
  }
}
/** True from the second look on: one step of `advanceUntil`. */
function stepDone(): () => boolean {
  let looks = 0;
  return () => (looks += 1) > 1;
}

describe('leader election', () => {
  it('makes the lease, with the digits the API server wants, and renews it', async () => {
    const one = new Candidate('one');
    await eventually(() => one.story.includes('leads'));
    expect(lease()?.spec).toEqual({
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
    await pass(5_000);
    expect(lease()?.spec).toMatchObject({ acquireTime: '2026-01-01T00:00:00.000000Z', leaseTransitions: 0 });
    expect(lease()?.spec['renewTime']).not.toBe('2026-01-01T00:00:00.000000Z');
    expect(server.seen({ verb: 'get' })).toHaveLength(1);
  });

  it('makes one of two the leader, for as long as it renews', async () => {
    const one = new Candidate('one');
    await eventually(() => one.elector.isLeader());
    const two = new Candidate('two');
    await pass(60_000);
    expect([one.elector.isLeader(), two.elector.isLeader()]).toEqual([true, false]);
    expect(two.story).toEqual(['sees one']);
  });

  it('hands over at once when the leader shuts down, after its work has ended', async () => {
    const one = new Candidate('one', false);
    await eventually(() => one.elector.isLeader());
    const two = new Candidate('two');
    one.abort();
    await pass(20_000);
    expect([one.elector.isLeader(), two.elector.isLeader(), holder()]).toEqual([true, false, 'one']);
    one.endWork();
    await pass(5_000, () => two.elector.isLeader());
    expect([one.result, holder(), lease()?.spec['leaseTransitions']]).toEqual(['ended', 'two', 1]);
    expect(one.story).toEqual(['sees one', 'leads', 'released']);
  });

  it('stops before another can take over when it cannot renew, though all else works', async () => {
    const one = new Candidate('one');
    await eventually(() => one.elector.isLeader());
    const two = new Candidate('two');
    await eventually(() => two.story.length === 1);
    server.script({ verb: 'update', resource: 'leases.coordination.k8s.io' }, { status: 500 }, 6);
    let both = 0;
    const leading = () => [one, two].filter(({ elector }) => elector.isLeader());
    const never = (condition: boolean) => () => {
      if (leading().length > 1) both += 1;
      return condition;
    };
    await pass(14_000, () => never(one.story.includes('lost'))());
    expect([one.story.at(-1), leading()]).toEqual(['lost', []]);
    expect(one.clock.now()).toBeLessThan(15_000);
    await pass(30_000, () => never(leading().length > 0)());
    await pass(30_000, never(false));
    expect([leading().map(({ identity }) => identity), both]).toEqual([[holder()], 0]);
  });

  it('stops in time when the renewal is never answered', async () => {
    const one = new Candidate('one');
    await eventually(() => one.elector.isLeader());
    server.script({ verb: 'update' }, { delay: new Promise(() => {}) }, 10);
    await pass(14_000, () => one.story.includes('lost'));
    expect([one.story.at(-1), one.clock.now() < 12_000]).toEqual(['lost', true]);
  });

  it('lets nothing through after a suspension, before any timer has fired', async () => {
    const one = new Candidate('one');
    await eventually(() => one.elector.isLeader());
    const two = new Candidate('two');
    await eventually(() => two.story.length === 1);
    const writer = one.client.fenced(() => one.elector.assertLeading());
    await writer.create(THINGS, manifest('before'));
    one.clock.suspend(40_000);
    await two.clock.advanceUntil(() => two.elector.isLeader());
    await expect(writer.create(THINGS, manifest('after'))).rejects.toThrow(NotLeaderError);
    await one.clock.advanceUntil(() => one.story.includes('lost'));
    expect([one.result, holder()]).toEqual([undefined, 'two']);
    expect(server.storage.list(THINGS).map(({ metadata }) => metadata.name)).toEqual(['before']);
  });

  it('gives up after a suspension even if nobody took over, renews nothing, and contends anew', async () => {
    const one = new Candidate('one');
    await eventually(() => one.elector.isLeader());
    const before = renewals();
    one.clock.suspend(40_000);
    await one.clock.advanceUntil(() => one.story.includes('lost'));
    expect([one.story.at(-1), renewals()]).toEqual(['lost', before]);
    await pass(10_000, () => one.elector.isLeader());
    expect([one.story, one.result]).toEqual([['sees one', 'leads', 'lost', 'leads'], undefined]);
  });

  it('gives up when somebody else has written the lease', async () => {
    const one = new Candidate('one');
    await eventually(() => one.elector.isLeader());
    server.storage.put(LEASES, { ...lease(), spec: { ...lease()?.spec, holderIdentity: 'thief' } });
    await pass(10_000, () => one.story.includes('lost'));
    expect(holder()).toBe('thief');
    await pass(30_000, () => one.elector.isLeader());
    expect([one.story.at(-1), holder()]).toEqual(['leads', 'one']);
  });

  it('does not contend while work from before goes on', async () => {
    const one = new Candidate('one', false);
    await eventually(() => one.elector.isLeader());
    one.clock.suspend(40_000);
    await pass(30_000);
    expect([one.elector.isLeader(), one.story.at(-1)]).toEqual([false, 'lost']);
    one.endWork();
    await pass(10_000, () => one.elector.isLeader());
    expect(one.story.at(-1)).toBe('leads');
  });

  it('waits a whole lease by its own clock, whatever the lease says of time', async () => {
    const spec = { holderIdentity: 'gone', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' };
    server.storage.put(LEASES, { metadata: { namespace: 'default', name: 'lock' }, spec });
    const one = new Candidate('one');
    await eventually(() => one.story.length === 1);
    await pass(14_500);
    expect(one.elector.isLeader()).toBe(false);
    await pass(5_000, () => one.elector.isLeader());
    expect(holder()).toBe('one');
  });

  it('outlives a renewal whose answer was lost', async () => {
    const one = new Candidate('one');
    await eventually(() => one.elector.isLeader());
    server.script({ verb: 'update' }, { reset: 'after' });
    await pass(30_000);
    expect([one.elector.isLeader(), one.result, holder()]).toEqual([true, undefined, 'one']);
  });

  it('of two that find no lease lets one make it', async () => {
    const [one, two] = [new Candidate('one'), new Candidate('two')];
    await eventually(() => one.elector.isLeader() || two.elector.isLeader());
    await pass(10_000);
    expect([one, two].filter(({ elector }) => elector.isLeader())).toHaveLength(1);
  });

  it('passes on the failure of the work, and frees the lease', async () => {
    const client = new KubeClient({ connection: server.connection, userAgent: 't', fieldManager: 't' });
    const elector = new LeaderElector({ client, namespace: 'default', name: 'lock', identity: 'one' });
    const run = elector.run(new AbortController().signal, () => Promise.reject(new Error('the work failed')));
    await expect(run).rejects.toThrow('the work failed');
    expect(holder()).toBe('');
  });

  it('is refused with times that could make two leaders', () => {
    const client = new KubeClient({ connection: server.connection, userAgent: 't', fieldManager: 't' });
    const make = (times: { leaseDurationMs?: number; renewDeadlineMs?: number; retryPeriodMs?: number }) => () =>
      new LeaderElector({ client, namespace: 'n', name: 'lock', identity: 'one', ...times });
    expect(make({ leaseDurationMs: 10_000, renewDeadlineMs: 10_000 })).toThrow(RangeError);
    expect(make({ renewDeadlineMs: 2_000, retryPeriodMs: 2_000 })).toThrow(RangeError);
    expect(make({ leaseDurationMs: 15_500 })).toThrow(RangeError);
  });
});

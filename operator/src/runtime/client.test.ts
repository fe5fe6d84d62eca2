import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KubeClient } from './client.ts';
import {
  isAlreadyExists,
  isConflict,
  isGone,
  isInvalid,
  isNoAnswer,
  isNotFound,
  NotLeaderError,
  type ApiError,
} from './errors.ts';
import { noMetrics, type RequestSample } from './metrics.ts';
import { eventually } from './testing/eventually.ts';
import { FakeApiServer } from './testing/fake-api-server.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { manifest, THINGS, type Thing } from './testing/things.ts';

let server: FakeApiServer;
let clock: FakeClock;
let client: KubeClient;
let samples: RequestSample[];
const ref = { namespace: 'default', name: 'a' };

beforeEach(async () => {
  server = await FakeApiServer.start([THINGS]);
  clock = new FakeClock();
  samples = [];
  const metrics = { ...noMetrics, apiRequest: (sample: RequestSample) => void samples.push(sample) };
  client = new KubeClient({
    connection: server.connection,
    userAgent: 'test/1',
    fieldManager: 'tester',
    clock,
    metrics,
  });
});
afterEach(() => server.close());

const failure = (promise: Promise<unknown>): Promise<ApiError> =>
  promise.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: unknown) => error as ApiError,
  );

describe('a client', () => {
  it('creates, reads, replaces, patches, applies and deletes raw objects', async () => {
    const created = await client.create<Thing>(THINGS, manifest('a', 1));
    expect(created.metadata.generation).toBe(1);
    const replaced = await client.replace<Thing>(THINGS, { ...created, spec: { size: 2 } });
    const patched = await client.jsonPatch<Thing>(THINGS, ref, [
      { op: 'test', path: '/metadata/resourceVersion', value: replaced.metadata.resourceVersion },
      { op: 'add', path: '/spec/parts', value: ['x'] },
      { op: 'add', path: '/spec/parts/-', value: 'y' },
    ]);
    expect(patched.spec).toEqual({ size: 2, parts: ['x', 'y'] });
    expect((await client.mergePatch<Thing>(THINGS, ref, { spec: { parts: null } })).spec).toEqual({ size: 2 });
    const red = { ...manifest('a'), spec: { color: 'red' } };
    await client.apply<Thing>(THINGS, red, { force: true });
    expect((await client.get<Thing>(THINGS, ref)).spec).toEqual({ size: 2, color: 'red' });
    expect((await client.apply<Thing>(THINGS, manifest('a'))).spec).toEqual({ size: 2 });
    expect(await client.delete(THINGS, ref, { uid: created.metadata.uid })).toBeUndefined();
    expect(isNotFound(await failure(client.get(THINGS, ref)))).toBe(true);
  });

  it('says who it is and who owns what it writes', async () => {
    await client.apply(THINGS, manifest('a'), { force: true, subresource: 'status' }).catch(() => undefined);
    await client.create(THINGS, manifest('a'));
    const [applied, created] = server.requests;
    expect(applied).toMatchObject({
      resource: 'things.example.dev/status',
      contentType: 'application/apply-patch+yaml',
      userAgent: 'test/1',
      query: { fieldManager: 'tester', force: 'true' },
    });
    expect(created?.query).toEqual({ fieldManager: 'tester' });
  });

  it('writes the status apart from the rest', async () => {
    await client.create(THINGS, manifest('a', 1));
    const patch = [{ op: 'add' as const, path: '/status', value: { ready: true } }];
    const written = await client.jsonPatch<Thing>(THINGS, ref, patch, { subresource: 'status' });
    expect([written.status, written.metadata.generation]).toEqual([{ ready: true }, 1]);
    expect((await client.mergePatch<Thing>(THINGS, ref, { status: { ready: false } })).status).toEqual({ ready: true });
  });

  it('answers a deleted object that lives on for its finalizers', async () => {
    const kept = { ...manifest('a'), metadata: { ...ref, finalizers: ['example.dev/wait'] } };
    await client.create(THINGS, kept);
    expect((await client.delete(THINGS, ref))?.metadata.deletionTimestamp).toBeDefined();
    await client.mergePatch(THINGS, ref, { metadata: { finalizers: null } });
    expect(server.storage.get(THINGS, ref)).toBeUndefined();
  });

  it('reads lists page by page, and gives their items the kind that lists leave out', async () => {
    for (const name of ['a', 'b', 'c']) server.storage.put(THINGS, manifest(name));
    const list = await client.listAll<Thing>(THINGS, { limit: 2 });
    expect(list.items.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'Thing a',
      'Thing b',
      'Thing c',
    ]);
    expect(server.seen({ verb: 'list' })).toHaveLength(2);
  });

  it('tells refusals apart', async () => {
    const created = await client.create<Thing>(THINGS, manifest('a', 1));
    expect(isAlreadyExists(await failure(client.create(THINGS, manifest('a'))))).toBe(true);
    await client.mergePatch(THINGS, ref, { spec: { size: 5 } });
    expect(isConflict(await failure(client.replace(THINGS, created)))).toBe(true);
    expect(isConflict(await failure(client.delete(THINGS, ref, { uid: 'another' })))).toBe(true);
    const test = [{ op: 'test' as const, path: '/spec/size', value: 1 }];
    expect(isInvalid(await failure(client.jsonPatch(THINGS, ref, test)))).toBe(true);
    server.script({ verb: 'list' }, { status: 410, reason: 'Expired' });
    expect(isGone(await failure(client.list(THINGS)))).toBe(true);
    expect(isConflict(await failure(client.create(THINGS, manifest('a'))))).toBe(false);
  });

  it('repeats what the server put off, after the time it asked for, writes too', async () => {
    server.script({ verb: 'create' }, { status: 429, retryAfterSeconds: 3 });
    server.script({ verb: 'create' }, { status: 503, retryAfterSeconds: 2 });
    const created = client.create<Thing>(THINGS, manifest('a'));
    await eventually(() => clock.pending[0] === 3000);
    await clock.advance(2999);
    expect(server.requests).toHaveLength(1);
    await clock.advance(1);
    await eventually(() => clock.pending[0] === 2000);
    await clock.advance(2000);
    expect((await created).metadata.name).toBe('a');
    expect(samples.map(({ code }) => code)).toEqual(['429', '503', '201']);
  });

  it('leaves a long wait to its caller', async () => {
    server.script({}, { status: 429, retryAfterSeconds: 60 });
    expect(await failure(client.get(THINGS, ref))).toMatchObject({ status: 429, retryAfterMs: 60_000 });
    expect(server.requests).toHaveLength(1);
  });

  it('does not repeat a write whose fate is unknown, and says so', async () => {
    server.script({ verb: 'create' }, { reset: 'after' });
    const error = await failure(client.create(THINGS, manifest('a')));
    expect([isNoAnswer(error), error.reason]).toEqual([true, 'ConnectionFailed']);
    expect([server.requests.length, server.storage.list(THINGS).length]).toEqual([1, 1]);
  });

  it('does not repeat a server error', async () => {
    server.script({}, { status: 500 });
    expect((await failure(client.get(THINGS, ref))).status).toBe(500);
    expect(server.requests).toHaveLength(1);
  });

  it('gives up on an answer that does not come', async () => {
    server.script({}, { delay: new Promise(() => {}) });
    const error = failure(client.get(THINGS, ref));
    await eventually(() => server.requests.length === 1);
    await clock.advance(30_000);
    expect((await error).message).toBe('GET /apis/example.dev/v1/namespaces/default/things/a: no answer within 30 s');
    expect(clock.pending).toEqual([]);
  });

  it('stops when its caller does', async () => {
    const caller = new AbortController();
    server.script({}, { delay: new Promise(() => {}) });
    const error = failure(client.get(THINGS, ref, { signal: caller.signal }));
    await eventually(() => server.requests.length === 1);
    caller.abort();
    expect((await error).reason).toBe('Aborted');
  });

  it('names what is wrong when the answer is not from an API server', async () => {
    server.script({}, { answer: '<html>' });
    expect(await failure(client.get(THINGS, ref))).toMatchObject({ status: 0, reason: 'Malformed' });
  });

  it('with a fence that is down reads, but sends no write', async () => {
    const fenced = client.fenced(() => {
      throw new NotLeaderError('not the leader');
    });
    server.storage.put(THINGS, manifest('a'));
    await fenced.get(THINGS, ref);
    const live = await client.get<Thing>(THINGS, ref);
    const writes = await Promise.allSettled([
      fenced.create(THINGS, manifest('b')),
      fenced.apply(THINGS, manifest('b')),
      fenced.mergePatch(THINGS, ref, {}),
      fenced.jsonPatch(THINGS, ref, []),
      fenced.replace(THINGS, live),
      fenced.delete(THINGS, ref),
    ]);
    for (const write of writes) expect(write).toMatchObject({ status: 'rejected', reason: expect.any(NotLeaderError) });
    expect(server.requests.every(({ verb }) => verb === 'get')).toBe(true);
  });

  it('looks at the fence again before it repeats a write', async () => {
    let isUp = true;
    const fenced = client.fenced(() => {
      if (!isUp) throw new NotLeaderError('not the leader');
    });
    server.script({ verb: 'create' }, { status: 429, retryAfterSeconds: 1 });
    const created = fenced.create(THINGS, manifest('a'));
    const refused = expect(created).rejects.toThrow(NotLeaderError);
    await eventually(() => clock.pending[0] === 1000);
    isUp = false;
    await clock.advance(1000);
    await refused;
    expect(server.storage.list(THINGS)).toEqual([]);
  });

  it('keeps to its rate limit', async () => {
    const rateLimit = { perSecond: 1, burst: 2 };
    const slow = new KubeClient({ connection: server.connection, userAgent: 't', fieldManager: 't', clock, rateLimit });
    const lists = Promise.all([slow.list(THINGS), slow.list(THINGS), slow.list(THINGS)]);
    await eventually(() => server.requests.length === 2 && clock.pending[0] === 1000);
    await clock.advance(1000);
    await lists;
    expect(server.requests).toHaveLength(3);
  });

  it('measures every request in the words of RBAC', async () => {
    await client.create(THINGS, manifest('a'));
    await failure(client.get(THINGS, { ...ref, name: 'b' }));
    expect(samples).toEqual([
      { verb: 'create', resource: 'things.example.dev', code: '201', seconds: 0 },
      { verb: 'get', resource: 'things.example.dev', code: '404', seconds: 0 },
    ]);
  });
});

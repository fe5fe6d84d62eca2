import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { FORWARDED_HEADER, type Traffic } from '@modeldeployment/modelpack/traffic';
import { ClientGone } from '../batching/executor.ts';
import { RunError } from '../model/types.ts';
import { RequestError, unavailable } from '../protocol/errors.ts';
import { Forwarding } from '../telemetry/forwarding.ts';
import { Meter } from '../telemetry/meter.ts';
import type { Exchange, Reply, Sample } from './exchange.ts';
import { Trial } from './trial.ts';

const TRAFFIC: Traffic = { trial: 'a', stable: 1, target: 2, targetVersion: '4', to: 'canary', weight: 100 };
const OWN_VERSION = '3';

type Texts = Reply<string>;
const answered = (answer: string, nonFinite = false): Texts => ({ ok: true, answer, bytes: 1, nonFinite });

interface Script {
  own?: () => Promise<string>;
  reply?: Texts | (() => Promise<Texts>);
  version?: string;
  headers?: Record<string, string>;
  bytes?: number;
}

/** A request whose answers are given; an answer of "x 1 2" has the outputs 1 and 2. */
function exchange({ own, reply = answered('there'), version, headers = {}, bytes = 1 }: Script = {}) {
  const asked: { to: string; timeoutMs: number }[] = [];
  const made: Exchange<string> = {
    protocol: 'v2',
    version,
    header: (name) => headers[name],
    bytes,
    own: async () => ({ answer: (await own?.()) ?? 'here', bytes: 1, nonFinite: false }),
    ask: async (to, timeoutMs) => {
      asked.push({ to, timeoutMs });
      return typeof reply === 'function' ? reply() : reply;
    },
    outputs: (answer) => {
      if (answer === 'unreadable') throw new SyntaxError(answer);
      return [{ name: 'y', values: answer.split(' ').slice(1).map(Number) }];
    },
  };
  return { exchange: made, asked };
}

function trial(samples: Sample[] = []) {
  const meter = new Meter({});
  const made = new Trial({
    version: OWN_VERSION,
    workers: 1,
    keep: true,
    samples: () => Promise.resolve(samples),
    metrics: new Forwarding(meter),
  });
  const serve = async (script?: Script) => (await made.serve(exchange(script).exchange)).answer;
  /** Series that are not zero, by their label. */
  const value = (name: string) =>
    meter
      .snapshot()
      .find((metric) => metric.name === `modeldeployment_${name}`)
      ?.values.map(({ labels, value: count }) => [Object.values(labels).join(), count])
      .filter(([, count]) => count !== 0);
  return { trial: made, serve, value };
}

const fails = (error: Error) => () => Promise.reject(error);
const failed = (cause: Extract<Texts, { ok: false }>['cause'], answer?: string): Texts => ({
  ok: false,
  cause,
  ...(answer === undefined ? {} : { answer }),
});

describe('a forwarded request', () => {
  it('gets the answer of the revision on trial, and counts for it', async () => {
    const { trial: worker, serve, value } = trial();
    worker.set(TRAFFIC);
    expect(await serve()).toBe('there');
    await serve({ reply: answered('NaN', true) });
    expect(worker.counts).toMatchObject({
      trial: 'a',
      target: { requests: 2, errors: 0, nonFinite: 1 },
      own: { requests: 0 },
    });
    expect(value('forwarded_requests_total')).toEqual([['answered', 2]]);
  });

  const badRequest = new RequestError(400, 'bad');
  it.each<[string, Texts, Script['own'], string | Error, object]>([
    [
      'nobody listens',
      failed('refused'),
      undefined,
      'here',
      { target: { requests: 1, errors: 1 }, fallbacks: { refused: 1 } },
    ],
    [
      'it fails',
      failed('5xx', 'sorry'),
      undefined,
      'here',
      { target: { requests: 1, errors: 1 }, fallbacks: { '5xx': 1 } },
    ],
    [
      'it refuses what the stable one answers',
      failed('4xx', 'no'),
      undefined,
      'here',
      { target: { requests: 1, errors: 1 }, fallbacks: { '4xx': 1 } },
    ],
    [
      'it refuses what the stable one refuses too',
      failed('4xx', 'no'),
      fails(badRequest),
      badRequest,
      { target: { requests: 1, errors: 0 }, fallbacks: {} },
    ],
    [
      'it refuses values that the stable model refuses too',
      failed('4xx', 'no'),
      fails(new RunError('index')),
      new RunError('index'),
      { target: { requests: 1, errors: 0 } },
    ],
    [
      'it fails where the stable one refuses',
      failed('5xx'),
      fails(badRequest),
      badRequest,
      { target: { requests: 1, errors: 1 }, own: { requests: 0 } },
    ],
    [
      'both fail',
      failed('timeout'),
      fails(new Error('bug')),
      new Error('bug'),
      { target: { requests: 1, errors: 1 }, own: { requests: 1, errors: 1 } },
    ],
    [
      'both have no memory left',
      failed('5xx'),
      fails(new RunError('oom', true)),
      new RunError('oom'),
      { own: { requests: 1, errors: 1 } },
    ],
  ])('is answered here when %s', async (_, reply, own, expected, counts) => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    const script = own ? { reply, own } : { reply };
    if (typeof expected === 'string') expect(await serve(script)).toBe(expected);
    else await expect(serve(script)).rejects.toThrow(expected.message);
    expect(worker.counts).toMatchObject({ own: { requests: 0, errors: 0 }, ...counts });
  });

  it('is not sent to a revision that has failed five times in a row, and counts for nobody there', async () => {
    const { trial: worker, serve, value } = trial();
    worker.set(TRAFFIC);
    for (let i = 0; i < 8; i++) expect(await serve({ reply: failed('reset') })).toBe('here');
    expect(worker.counts).toMatchObject({
      skipped: 3,
      fallbacks: { reset: 5 },
      target: { requests: 5 },
      own: { requests: 3 },
    });
    expect(value('forwarded_requests_total')).toEqual([
      ['skipped', 3],
      ['reset', 5],
    ]);
  });

  it('is sent on to one that refuses every request: it is alive', async () => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    for (let i = 0; i < 20; i++) await serve({ reply: failed('4xx') });
    expect(worker.counts).toMatchObject({ skipped: 0, fallbacks: { '4xx': 20 } });
  });

  it('is given five seconds, later a few times what the stable revision needs, also in the next trial', async () => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    const first = exchange();
    await worker.serve(first.exchange);
    expect(first.asked).toEqual([{ to: 'canary', timeoutMs: 5_000 }]);
    worker.set({ ...TRAFFIC, weight: 0 });
    for (let i = 0; i < 50; i++) await serve();
    worker.set({ ...TRAFFIC, trial: 'b' });
    const second = exchange();
    await worker.serve(second.exchange);
    expect(second.asked).toEqual([{ to: 'canary', timeoutMs: 1_000 }]);
  });
});

describe('a request for the version on trial', () => {
  const NAMED = { version: '4' };
  it.each<[string, Texts, object]>([
    ['what it should be', answered('there'), { target: { requests: 1, errors: 0 } }],
    ['that it refuses', failed('4xx', 'there'), { target: { requests: 1, errors: 0 }, fallbacks: {} }],
    ['that it has failed', failed('5xx', 'there'), { target: { requests: 1, errors: 1 }, fallbacks: { '5xx': 1 } }],
  ])('gets its answer, %s', async (_, reply, counts) => {
    const { trial: worker, serve } = trial();
    worker.set({ ...TRAFFIC, weight: 0 });
    expect(await serve({ ...NAMED, reply })).toBe('there');
    expect(worker.counts).toMatchObject(counts);
  });

  it('gets a 503 when there is none', async () => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    await expect(serve({ ...NAMED, reply: failed('refused') })).rejects.toMatchObject({ status: 503 });
  });

  it('is known as such, but not when it was forwarded or there is no trial', () => {
    const { trial: worker } = trial();
    const facts = (headers = {}) => exchange({ ...NAMED, headers }).exchange;
    expect(worker.names(facts())).toBe(false);
    worker.set(TRAFFIC);
    expect([worker.names(facts()), worker.names(facts({ [FORWARDED_HEADER]: '1' }))]).toEqual([true, false]);
  });
});

describe('the counts', () => {
  it('of own answers tell the client’s faults from ours', async () => {
    const { trial: worker, serve } = trial();
    await serve();
    for (const error of [new RequestError(400, ''), new RunError('index')])
      await expect(serve({ own: fails(error) })).rejects.toThrow();
    for (const error of [unavailable(''), new RunError('', true), new Error()])
      await expect(serve({ own: fails(error) })).rejects.toThrow();
    await expect(serve({ own: fails(new ClientGone()) })).rejects.toThrow();
    expect(worker.counts.own).toMatchObject({ requests: 6, errors: 3 });
  });

  it('begin anew with another trial, not with another weight', async () => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    await serve();
    worker.set({ ...TRAFFIC, weight: 50 });
    expect(worker.counts).toMatchObject({ trial: 'a', target: { requests: 1 } });
    worker.set({ ...TRAFFIC, trial: 'b' });
    expect(worker.counts).toMatchObject({ trial: 'b', target: { requests: 0 } });
    worker.set(undefined);
    expect(worker.counts.trial).toBeUndefined();
  });

  it('of a request that is under way when the next trial begins are of its own trial', async () => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    let arrive = (_reply: Texts): void => undefined;
    const request = serve({ reply: () => new Promise((resolve) => (arrive = resolve)) });
    const before = worker.counts;
    worker.set({ ...TRAFFIC, trial: 'b' });
    arrive(answered('there'));
    await request;
    expect([before.target.requests, worker.counts.target.requests]).toEqual([1, 0]);
  });
});

describe('a mirrored request', () => {
  const MIRROR: Traffic = { ...TRAFFIC, weight: 0, mirror: { percent: 100, tolerance: 0.1 } };
  const own = () => Promise.resolve('here 1 2');

  it.each<[string, Texts, object]>([
    ['equal', answered('there 1.05 2'), { compared: 1, differing: 0, examples: [] }],
    [
      'different',
      answered('there 1 3'),
      { compared: 1, differing: 1, examples: [{ output: 'y', element: 1, stable: 2, target: 3 }] },
    ],
    ['no answer', failed('5xx'), { compared: 0, differing: 0, failed: 1 }],
    ['not readable', answered('unreadable'), { compared: 0, failed: 1 }],
  ])('is answered here, then compared: %s', async (_, reply, mirror) => {
    const { trial: worker, serve } = trial();
    worker.set(MIRROR);
    expect(await serve({ own, reply })).toBe('here 1 2');
    expect(worker.counts.mirror.compared + worker.counts.mirror.failed).toBe(0);
    while (worker.counts.mirror.compared + worker.counts.mirror.failed === 0) await turn();
    expect(worker.counts).toMatchObject({ mirror, own: { requests: 1 }, target: { requests: 0 }, fallbacks: {} });
  });

  it('keeps ten examples at most', async () => {
    const { trial: worker, serve } = trial();
    worker.set(MIRROR);
    for (let i = 0; i < 12; i++) await serve({ own, reply: answered('there 9 9') });
    while (worker.counts.mirror.compared < 12) await turn();
    expect(worker.counts.mirror).toMatchObject({ differing: 12, examples: { length: 10 } });
  });

  it('waits for nobody: what is too much is dropped and counted', async () => {
    const { trial: worker, serve, value } = trial();
    worker.set(MIRROR);
    const never = () => new Promise<Texts>(() => undefined);
    for (let i = 0; i < 100; i++) {
      expect(await serve({ own, reply: never })).toBe('here 1 2');
      await turn();
    }
    expect(worker.counts.mirror).toMatchObject({ compared: 0, dropped: 34 });
    expect(value('mirrored_requests_total')).toEqual([['dropped', 34]]);
  });

  it.each<[string, Script]>([
    ['was forwarded to us', { headers: { [FORWARDED_HEADER]: '1' } }],
    ['names our version', { version: OWN_VERSION }],
  ])('is none that %s', async (_, script) => {
    const { trial: worker } = trial();
    worker.set(MIRROR);
    const { exchange: made, asked } = exchange(script);
    await worker.serve(made);
    await turn();
    await turn();
    expect(asked).toEqual([]);
  });

  it('is none that was refused here', async () => {
    const { trial: worker } = trial();
    worker.set(MIRROR);
    const { exchange: made, asked } = exchange({ own: fails(new RequestError(400, '')) });
    await expect(worker.serve(made)).rejects.toThrow();
    await turn();
    await turn();
    expect(asked).toEqual([]);
  });
});

describe('a trial with too few requests', () => {
  const REPLAY: Traffic = { ...TRAFFIC, weight: 0, replayBelow: 4 };
  const until = async (done: () => boolean) => {
    while (!done()) await turn();
  };

  it('asks both revisions golden requests first, then those of the folder, until it has enough', async () => {
    const golden = exchange({ own: () => Promise.resolve('here 1'), reply: answered('there 1.5') });
    const warmup = exchange();
    const { trial: worker, value } = trial([
      { exchange: warmup.exchange },
      {
        exchange: golden.exchange,
        expected: { outputs: [{ name: 'y', values: [1] }], tolerance: { absolute: 0, relative: 0 } },
      },
    ]);
    worker.set(REPLAY);
    await until(() => worker.counts.replayed === 4);
    expect([golden.asked.length, warmup.asked.length]).toEqual([2, 2]);
    expect(worker.counts).toMatchObject({
      own: { requests: 4 },
      target: { requests: 4, errors: 0 },
      golden: { asked: 2, mismatches: 2 },
      mirror: { compared: 0 },
    });
    expect(value('replayed_requests_total')).toEqual([['', 4]]);
    worker.set(undefined);
  });

  it('prefers requests that clients have sent', async () => {
    const sample = exchange();
    const { trial: worker } = trial([{ exchange: sample.exchange }]);
    const sent = exchange();
    await worker.serve(sent.exchange);
    const named = exchange({ version: OWN_VERSION });
    await worker.serve(named.exchange);
    worker.set(REPLAY);
    await until(() => worker.counts.replayed === 4);
    expect([sent.asked.length, named.asked.length, sample.asked.length]).toEqual([4, 0, 0]);
    worker.set(undefined);
  });

  it('compares the answers when it mirrors', async () => {
    const sample = exchange({ own: () => Promise.resolve('here 1'), reply: answered('there 2') });
    const { trial: worker } = trial([{ exchange: sample.exchange }]);
    worker.set({ ...REPLAY, mirror: { percent: 100, tolerance: 0 } });
    await until(() => worker.counts.replayed === 4);
    expect(worker.counts.mirror).toMatchObject({ compared: 4, differing: 4 });
    worker.set(undefined);
  });

  it('counts what the revision on trial makes of them', async () => {
    const samples = [failed('5xx'), failed('4xx')].map((reply) => exchange({ reply }));
    const refused = exchange({ own: fails(new RequestError(400, '')), reply: failed('4xx') });
    const { trial: worker } = trial([...samples, refused].map(({ exchange: made }) => ({ exchange: made })));
    worker.set({ ...REPLAY, replayBelow: 3 });
    await until(() => worker.counts.replayed === 3);
    expect(worker.counts).toMatchObject({ target: { requests: 3, errors: 2 }, fallbacks: { '5xx': 1, '4xx': 1 } });
    worker.set(undefined);
  });
});

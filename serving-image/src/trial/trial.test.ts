import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { FORWARDED_HEADER, type Traffic, UNCOUNTED_HEADER } from '@modeldeployment/modelpack/traffic';

import { deadlineExceeded, RequestError, unavailable, RunError, ClientGone } from '../errors.ts';
import { Forwarding } from '../telemetry/trial-metrics.ts';
import { Meter } from '../telemetry/meter.ts';
import type { TrialRequest, Reply, Sample } from './trial-request.ts';
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
  returned?: boolean;
  bytes?: number;
  peer?: string;
  nonFinite?: boolean;
}

/** A request whose answers are given; an answer of "x 1 2" has the outputs 1 and 2. */
function trialRequest({
  own,
  reply = answered('there'),
  version,
  headers = {},
  returned = false,
  bytes = 1,
  peer = '',
  nonFinite = false,
}: Script = {}) {
  const asked: { to: string; timeoutMs: number }[] = [];
  const here = async () => ({ answer: (await own?.()) ?? 'here', bytes: 1, nonFinite });
  const made: TrialRequest<string> = {
    protocol: 'v2',
    peer,
    version,
    header: (name) => headers[name],
    returned,
    copy: () => made,
    bytes,
    own: here,
    afresh: here,
    forward: async (to, timeoutMs) => {
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
  const serve = async (script?: Script) => (await made.serve(trialRequest(script).exchange)).answer;
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

/** In no time: the deadline was a short one. */
const expired = (cause: '5xx' | 'timeout' = '5xx'): Texts => ({ ok: false, cause, excuse: 'deadline' });

describe('a forwarded request', () => {
  it('gets the answer of the revision on trial, and counts for it', async () => {
    const { trial: worker, serve, value } = trial();
    worker.set(TRAFFIC);
    expect(await serve()).toBe('there');
    expect(worker.counts).toMatchObject({ trial: 'a', target: { requests: 1, errors: 0 }, own: { requests: 0 } });
    expect(value('forwarded_requests_total')).toEqual([['answered', 1]]);
  });

  const badRequest = new RequestError(400, 'bad');
  const NOBODYS = { target: { requests: 0, errors: 0 }, own: { requests: 0 }, fallbacks: {}, uncounted: 1 };
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
    ['it refuses what the stable one refuses too', failed('4xx', 'no'), fails(badRequest), badRequest, NOBODYS],
    [
      'it refuses values that the stable model refuses too',
      failed('4xx', 'no'),
      fails(new RunError('index')),
      new RunError('index'),
      NOBODYS,
    ],
    ['it fails where the stable one refuses', failed('5xx'), fails(badRequest), badRequest, NOBODYS],
    ['both fail', failed('timeout'), fails(new Error('bug')), new Error('bug'), NOBODYS],
    ['both have no memory left', failed('5xx'), fails(new RunError('oom', true)), new RunError('oom'), NOBODYS],
    ['the client has gone meanwhile', failed('5xx'), fails(new ClientGone()), new ClientGone(), NOBODYS],
    ['it cannot be sent there', failed('unsent'), undefined, 'here', NOBODYS],
    ['the other one is asked too much', { ok: false, cause: '5xx', excuse: 'load' }, undefined, 'here', NOBODYS],
    ['its token is not known there', { ok: false, cause: '4xx', excuse: 'token' }, undefined, 'here', NOBODYS],
    ['its own deadline passes there', expired(), undefined, 'here', NOBODYS],
  ])('is answered here when %s', async (_, reply, own, expected, counts) => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    const script = own ? { reply, own } : { reply };
    if (typeof expected === 'string') expect(await serve(script)).toBe(expected);
    else await expect(serve(script)).rejects.toThrow(expected.message);
    expect(worker.counts).toMatchObject({ own: { requests: 0, errors: 0 }, ...counts });
  });

  it('that takes its time there speaks against the other one only where several times less is needed here', async () => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    let now = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    const after = (ms: number) => Promise.resolve((now += ms));
    const hangs = () => after(1500).then(() => expired('timeout'));
    await serve({ reply: hangs, own: () => after(300).then(() => 'here') });
    expect(worker.counts).toMatchObject({ target: { errors: 1 }, fallbacks: { timeout: 1 }, uncounted: 0 });
    await serve({ reply: hangs, own: () => after(500).then(() => 'here') });
    expect(worker.counts).toMatchObject({ target: { requests: 1, errors: 1 }, uncounted: 1 });
    clock.mockRestore();
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
    const first = trialRequest();
    await worker.serve(first.exchange);
    expect(first.asked).toEqual([{ to: 'canary', timeoutMs: 5_000 }]);
    worker.set({ ...TRAFFIC, weight: 0 });
    for (let i = 0; i < 50; i++) await serve();
    worker.set({ ...TRAFFIC, trial: 'b' });
    const second = trialRequest();
    await worker.serve(second.exchange);
    expect(second.asked).toEqual([{ to: 'canary', timeoutMs: 1_000 }]);
  });
});

describe('an answer that speaks against one revision', () => {
  const OWN = { ...TRAFFIC, weight: 0 };
  const NaNs = answered('NaN', true);
  const bug = fails(new Error('bug'));
  const none = { errors: 0, nonFinite: 0 };
  it.each<[string, Traffic, Script, object]>([
    ['NaN there, a number here', TRAFFIC, { reply: NaNs }, { target: { nonFinite: 1, shared: none } }],
    [
      'NaN in both',
      TRAFFIC,
      { reply: NaNs, nonFinite: true },
      { target: { nonFinite: 1, shared: { errors: 0, nonFinite: 1 } } },
    ],
    ['NaN here, a number there', OWN, { nonFinite: true }, { own: { nonFinite: 1, shared: none } }],
    [
      'NaN here, and there too',
      OWN,
      { nonFinite: true, reply: NaNs },
      { own: { nonFinite: 1, shared: { errors: 0, nonFinite: 1 } } },
    ],
    ['a failure here, an answer there', OWN, { own: bug }, { own: { errors: 1, shared: none } }],
    [
      'a failure here, and there too',
      OWN,
      { own: bug, reply: failed('5xx') },
      { own: { errors: 1, shared: { errors: 1, nonFinite: 0 } } },
    ],
  ])(
    'counts for that one alone where the other does better with the same request: %s',
    async (_, to, script, counts) => {
      const { trial: worker, serve } = trial();
      worker.set(to);
      await serve(script).catch(() => undefined);
      const { own, target } = worker.counts;
      while (own.requests + target.requests === 0) await turn();
      expect(worker.counts).toMatchObject(counts);
    },
  );

  it('counts for neither when the other one cannot be asked', async () => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    for (let i = 0; i < 5; i++) await serve({ reply: failed('refused') });
    worker.set(OWN);
    await expect(serve({ own: bug })).rejects.toThrow();
    expect(worker.counts.own).toMatchObject({ requests: 1, errors: 1, shared: { errors: 1 } });
  });
});

describe('the requests of one peer', () => {
  it('count for at most a fifth of those that came, where there are others', async () => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    for (let i = 0; i < 1000; i++) await serve({ peer: i % 2 === 0 ? 'loud' : `10.0.0.${i % 20}` });
    expect(worker.counts.target.requests).toBeGreaterThan(690);
    expect(worker.counts.target.requests).toBeLessThan(720);
    expect(worker.counts.target.requests + worker.counts.uncounted).toBe(1000);
  });
});

describe('a server that is told of no trial', () => {
  it('leaves it to those that forward what a failure is, and whether a request counts', async () => {
    const { trial: worker, serve } = trial();
    const forwarded = { headers: { [FORWARDED_HEADER]: '1' } };
    await serve(forwarded);
    await expect(serve({ ...forwarded, own: fails(new Error('bug')) })).rejects.toThrow();
    await serve({ headers: { ...forwarded.headers, [UNCOUNTED_HEADER]: 'yes' } });
    await serve({ version: OWN_VERSION });
    expect(worker.counts).toMatchObject({
      own: { requests: 2, errors: 1, shared: { errors: 1, nonFinite: 0 } },
      uncounted: 2,
    });
  });
});

describe('a request for the version on trial', () => {
  const NAMED = { version: '4' };
  it.each<[string, Texts]>([
    ['what it should be', answered('there')],
    ['that it refuses', failed('4xx', 'there')],
    ['that it has failed', failed('5xx', 'there')],
  ])('gets its answer, %s, which counts for nobody', async (_, reply) => {
    const { trial: worker, serve } = trial();
    worker.set({ ...TRAFFIC, weight: 0 });
    expect(await serve({ ...NAMED, reply })).toBe('there');
    expect(worker.counts).toMatchObject({ target: { requests: 0 }, own: { requests: 0 }, fallbacks: {}, uncounted: 1 });
  });

  it('gets a 503 when there is none', async () => {
    const { trial: worker, serve } = trial();
    worker.set(TRAFFIC);
    await expect(serve({ ...NAMED, reply: failed('refused') })).rejects.toMatchObject({ status: 503 });
  });

  it('is known as such, but not when it has come back or there is no trial', () => {
    const { trial: worker } = trial();
    const facts = (returned = false) => trialRequest({ ...NAMED, returned }).exchange;
    expect(worker.names(facts())).toBe(false);
    worker.set(TRAFFIC);
    expect([worker.names(facts()), worker.names(facts(true))]).toEqual([true, false]);
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
    for (const error of [new ClientGone(), deadlineExceeded(1)])
      await expect(serve({ own: fails(error) })).rejects.toThrow();
    expect(worker.counts).toMatchObject({ own: { requests: 4, errors: 3 }, uncounted: 4 });
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

  it('differs only where the stable revision gives the same answer again', async () => {
    const { trial: worker, serve } = trial();
    worker.set(MIRROR);
    let asked = 0;
    await serve({ own: () => Promise.resolve(`here ${asked++} 2`), reply: answered('there 5 2') });
    while (worker.counts.mirror.dropped === 0) await turn();
    expect(worker.counts.mirror).toMatchObject({ compared: 0, differing: 0, dropped: 1 });
  });

  it('that runs out of its own deadline says nothing', async () => {
    const { trial: worker, serve } = trial();
    worker.set(MIRROR);
    await serve({ own, reply: expired() });
    while (worker.counts.mirror.dropped === 0) await turn();
    expect(worker.counts.mirror).toMatchObject({ compared: 0, failed: 0, dropped: 1 });
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
    ['has come back to us', { returned: true }],
    ['names our version', { version: OWN_VERSION }],
  ])('is none that %s', async (_, script) => {
    const { trial: worker } = trial();
    worker.set(MIRROR);
    const { exchange: made, asked } = trialRequest(script);
    await worker.serve(made);
    await turn();
    await turn();
    expect(asked).toEqual([]);
  });

  it('is none that was refused here', async () => {
    const { trial: worker } = trial();
    worker.set(MIRROR);
    const { exchange: made, asked } = trialRequest({ own: fails(new RequestError(400, '')) });
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
    const golden = trialRequest({ own: () => Promise.resolve('here 1'), reply: answered('there 1.5') });
    const warmup = trialRequest();
    const { trial: worker, value } = trial([
      { trialRequest: warmup.exchange },
      {
        trialRequest: golden.exchange,
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
    const sample = trialRequest();
    const { trial: worker } = trial([{ trialRequest: sample.exchange }]);
    const sent = trialRequest();
    await worker.serve(sent.exchange);
    const named = trialRequest({ version: OWN_VERSION });
    await worker.serve(named.exchange);
    worker.set(REPLAY);
    await until(() => worker.counts.replayed === 4);
    expect([sent.asked.length, named.asked.length, sample.asked.length]).toEqual([4, 0, 0]);
    worker.set(undefined);
  });

  it('compares the answers when it mirrors', async () => {
    const sample = trialRequest({ own: () => Promise.resolve('here 1'), reply: answered('there 2') });
    const { trial: worker } = trial([{ trialRequest: sample.exchange }]);
    worker.set({ ...REPLAY, mirror: { percent: 100, tolerance: 0 } });
    await until(() => worker.counts.replayed === 4);
    expect(worker.counts.mirror).toMatchObject({ compared: 4, differing: 4 });
    worker.set(undefined);
  });

  it('counts what the revision on trial makes of them', async () => {
    const samples = [failed('5xx'), failed('4xx')].map((reply) => trialRequest({ reply }));
    const refused = trialRequest({ own: fails(new RequestError(400, '')), reply: failed('4xx') });
    const { trial: worker } = trial([...samples, refused].map(({ exchange: made }) => ({ trialRequest: made })));
    worker.set({ ...REPLAY, replayBelow: 3 });
    await until(() => worker.counts.replayed === 3);
    expect(worker.counts).toMatchObject({ target: { requests: 3, errors: 2 }, fallbacks: { '5xx': 1, '4xx': 1 } });
    worker.set(undefined);
  });
});

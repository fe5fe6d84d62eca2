/** The trial of a new revision between real servers on loopback, and between one and something that misbehaves. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parseWarmupReport, WARMUP_PATH } from '@modeldeployment/modelpack/contract';
import { FORWARDED_HEADER, TRIAL_PATH, type Traffic, type TrialReport } from '@modeldeployment/modelpack/traffic';
import { denseGraphModel } from '../testing/models.ts';
import { PodInfo } from '../testing/pod-info.ts';
import { Bench, type Running } from '../testing/server.ts';

const INFER = '/v2/models/dense/infer';
const BODY = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] };
const STABLE = { MODEL_NAME: 'dense', MODEL_VERSION: '1', MODEL_REVISION: '1', MODEL_ENGINE: 'wasm' };
/** Other weights. */
const CANARY = { ...STABLE, MODEL_VERSION: '2', MODEL_REVISION: '2' };

// Thousands of requests between real processes: a busy machine takes its time.
jest.setTimeout(60_000);

let bench: Bench;
let info: PodInfo;
let stable: Running;
let canary: Running;
const fakes: Server[] = [];

beforeAll(async () => {
  bench = await Bench.create();
  info = await PodInfo.create();
  for (const version of ['1', '2', '3']) await denseGraphModel(join(bench.models, 'dense', version));
  const golden = { requests: [{ ...BODY, outputs: [{ name: 'y', data: [[22.5, 27.5]] }] }] };
  await writeFile(join(bench.models, 'dense/1/golden.json'), JSON.stringify(golden));
  await weights('2', (value) => value + 1);
  await weights('3', () => NaN);
  [stable, canary] = await Promise.all([start({ ...STABLE, POD_INFO: info.folder }), start(CANARY)]);
});
afterEach(() => {
  for (const fake of fakes.splice(0)) {
    fake.close();
    fake.closeAllConnections();
  }
});
afterAll(async () => {
  await bench.dispose();
  await info.dispose();
});

async function weights(version: string, change: (value: number) => number): Promise<void> {
  const path = join(bench.models, 'dense', version, 'weights.bin');
  const bytes = await readFile(path);
  await writeFile(
    path,
    Float32Array.from({ length: bytes.length / 4 }, (_, i) => change(bytes.readFloatLE(4 * i))),
  );
}

async function start(env: Record<string, string>): Promise<Running> {
  const server = await bench.start(env);
  await server.logged('worker ready');
  return server;
}

const hostOf = ({ url }: { url: string }) => new URL(url).host;

/** Something else in the place of a server on trial. */
async function fake(listener: RequestListener): Promise<{ url: string }> {
  const server = createServer(listener);
  fakes.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const report = async (server: Running): Promise<TrialReport> =>
  (await (await fetch(server.admin + TRIAL_PATH)).json()) as TrialReport;

const warmup = async ({ admin }: Running) => parseWarmupReport(await (await fetch(admin + WARMUP_PATH)).text());

let trials = 0;
const traffic = (to: { url: string }, more: Partial<Traffic> = {}): Traffic => ({
  ...{ trial: `trial-${++trials}`, stable: 1, target: 2, targetVersion: '2', to: hostOf(to), weight: 0 },
  ...more,
});

/** Annotates the stable pod, and waits until its workers know. */
async function annotate(next: Traffic | undefined): Promise<void> {
  await info.write(next);
  for (;;) {
    const { trial, weight } = await report(stable);
    if (trial === next?.trial && weight === next?.weight) return;
    await sleep(5);
  }
}

const begin = (to: { url: string }, more: Partial<Traffic> = {}) => annotate(traffic(to, more));

/** Waits for a report of which `done` is true. */
async function reported(server: Running, done: (report: TrialReport) => boolean): Promise<TrialReport> {
  for (;;) {
    const now = await report(server);
    if (done(now)) return now;
    await sleep(20);
  }
}

const versionOf = ({ body }: { body: string }) => (JSON.parse(body) as { model_version: string }).model_version;

/** Asks over connections that are kept, as fast as answers come; counts answers by version, anything else by what it was. */
class Load {
  readonly answers: Record<string, number> = {};
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  #stopped = false;

  async send(count: number): Promise<Record<string, number>> {
    let left = count;
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        while (left-- > 0 && !this.#stopped) await this.#once();
      }),
    );
    this.#agent.destroy();
    return this.answers;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #once(): Promise<void> {
    const outcome = await new Promise<string>((resolve) => {
      const request = httpRequest(
        stable.url + INFER,
        { agent: this.#agent, method: 'POST', headers: { 'Content-Type': 'application/json' } },
        (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => (body += text));
          response.on('end', () =>
            resolve(response.statusCode === 200 ? versionOf({ body }) : `${response.statusCode}`),
          );
        },
      );
      request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      request.end(JSON.stringify(BODY));
    });
    this.answers[outcome] = (this.answers[outcome] ?? 0) + 1;
  }
}

describe('a stable server during a trial', () => {
  it.each([1, 5, 50, 99])('forwards %d percent exactly, and counts both sides', async (weight) => {
    await begin(canary, { weight });
    const answers = await new Load().send(1000);
    expect(Object.keys(answers).sort()).toEqual(['1', '2']);
    expect(Math.abs((answers['2'] ?? 0) - weight * 10)).toBeLessThanOrEqual(1);
    const { own, target, fallbacks, skipped } = await report(stable);
    expect([own.requests, target.requests]).toEqual([answers['1'], answers['2']]);
    expect([own.errors, target.errors, fallbacks, skipped]).toEqual([0, 0, {}, 0]);
    expect(target.latency.reduce((sum, bucket) => sum + bucket)).toBe(target.requests);
  });

  it.each([
    ['an Open Inference request', INFER, BODY],
    ['a TensorFlow Serving request', '/v1/models/dense:predict', { instances: [[1, 2, 3]] }],
  ])('passes the answer to %s on as it is', async (_, path, body) => {
    await begin(canary, { weight: 100 });
    const [direct, passed] = [await canary.post(path, body), await stable.post(path, body)];
    const plain = ({ status, body: text, headers }: typeof direct) => {
      const { date, ...rest } = Object.fromEntries(headers);
      return { status, text, rest, date: date !== undefined };
    };
    expect(plain(passed)).toEqual(plain(direct));
    expect((await report(stable)).target.requests).toBe(1);
  });

  it('passes binary tensors on, and bodies that came compressed', async () => {
    await begin(canary, { weight: 100 });
    const input = { name: 'x', datatype: 'FP32', shape: [1, 3], parameters: { binary_data_size: 12 } };
    const json = JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } });
    const body = gzipSync(Buffer.concat([Buffer.from(json), Buffer.from(Float32Array.of(1, 2, 3).buffer)]));
    const headers = {
      'Content-Type': 'application/octet-stream',
      'Content-Encoding': 'gzip',
      'Inference-Header-Content-Length': String(json.length),
    };
    const [direct, passed] = await Promise.all(
      [canary, stable].map(async ({ url }) => {
        const response = await fetch(url + INFER, { method: 'POST', headers, body });
        const length = response.headers.get('inference-header-content-length');
        return [response.status, length, Buffer.from(await response.arrayBuffer()).toString('hex')];
      }),
    );
    expect(passed).toEqual(direct);
    expect((await report(stable)).target).toMatchObject({ requests: 1, errors: 0 });
  });

  it('forwards nothing at weight 0, without the annotation, and when it is meant for others', async () => {
    for (const next of [traffic(canary), undefined]) {
      await annotate(next);
      expect(versionOf(await stable.post(INFER, BODY))).toBe('1');
    }
    await info.write(traffic(canary, { weight: 100, stable: 7 }));
    await stable.logged('the traffic annotation is not for this revision, or not valid');
    expect(versionOf(await stable.post(INFER, BODY))).toBe('1');
    expect(await report(stable)).not.toHaveProperty('trial');
  });

  it('sends those there that match a header or a cookie', async () => {
    await begin(canary, {
      match: [
        { header: 'X-Canary', value: 'yes' },
        { cookie: 'canary', value: 'yes' },
      ],
    });
    const ask = async (headers: Record<string, string>) => versionOf(await stable.post(INFER, BODY, headers));
    expect(await ask({ 'x-canary': 'yes' })).toBe('2');
    expect(await ask({ Cookie: 'a=b; canary=yes' })).toBe('2');
    expect(await ask({ 'x-canary': 'no', Cookie: 'canary=no' })).toBe('1');
  });

  it('sends those there that name its version, and keeps those that name its own', async () => {
    await begin(canary, { weight: 50 });
    const ask = (version: string, headers = {}) =>
      stable.post(`/v2/models/dense/versions/${version}/infer`, BODY, headers);
    for (let i = 0; i < 4; i++) expect([versionOf(await ask('2')), versionOf(await ask('1'))]).toEqual(['2', '1']);
    expect((await ask('3')).status).toBe(404);
    // What any client can say opts out of nothing.
    expect(versionOf(await ask('2', { [FORWARDED_HEADER]: '1' }))).toBe('2');
  });

  it('forwards no request in circles', async () => {
    const other = await PodInfo.create();
    const second = await start({ ...STABLE, POD_INFO: other.folder });
    await other.write(traffic(stable, { weight: 100 }));
    await second.logged('traffic');
    await begin(second, { weight: 100 });
    expect((await stable.post(INFER, BODY)).status).toBe(200);
    const [first, last] = [await report(stable), await report(second)];
    expect([first.target.requests, last.target.requests]).toEqual([1, 1]);
    expect([first.uncounted, last.own.requests]).toEqual([1, 0]);
    await other.dispose();
  });

  it('follows the annotation while it serves, without losing a request', async () => {
    await annotate(undefined);
    const load = new Load();
    const sent = load.send(Infinity);
    const first = traffic(canary);
    for (const weight of [0, 25, 100, 50, 0]) await annotate({ ...first, weight });
    expect((await report(stable)).trial).toBe(first.trial);
    await annotate(undefined);
    load.stop();
    const answers = await sent;
    expect(Object.keys(answers).sort()).toEqual(['1', '2']);
  });

  it('keeps what a worker has counted when that worker dies', async () => {
    await begin(canary, { weight: 50 });
    await new Load().send(10);
    await report(stable);
    const [worker = 0] = await stable.workers();
    const ended = stable.lines.filter(({ msg }) => msg === 'worker ended').length;
    process.kill(worker, 'SIGKILL');
    await stable.logged('worker ended', ended + 1);
    await stable.logged('worker ready', ended + 2);
    const before = await report(stable);
    expect([before.own.requests, before.target.requests]).toEqual([5, 5]);
    await new Load().send(10);
    const after = await report(stable);
    expect([after.own.requests, after.target.requests]).toEqual([10, 10]);
  });
});

describe('a server on trial', () => {
  it('reports just what it answered since it started', async () => {
    const before = await report(canary);
    await begin(canary, { weight: 100 });
    await stable.post(INFER, BODY);
    const after = await report(canary);
    expect(after).toMatchObject({ revision: 2, target: { requests: 0 }, started: before.started });
    expect(after.own.requests).toBe(before.own.requests + 1);
    expect(after).not.toHaveProperty('trial');
  });

  it('that answers NaN is told from the others, in either protocol', async () => {
    const bad = await start({ ...CANARY, MODEL_VERSION: '3' });
    await begin(bad, { weight: 100 });
    expect((await stable.post(INFER, BODY)).status).toBe(200);
    expect((await stable.post('/v1/models/dense:predict', { instances: [[1, 2, 3]] })).body).toContain('NaN');
    const binary = await stable.post(INFER, { ...BODY, parameters: { binary_data_output: true } });
    expect(binary.headers.get('inference-header-content-length')).toMatch(/^\d+$/);
    const now = await reported(stable, ({ target }) => target.requests === 3);
    expect(now.target).toMatchObject({ errors: 0, nonFinite: 3, shared: { nonFinite: 0 } });
    expect((await report(bad)).own).toMatchObject({ requests: 3, errors: 0, nonFinite: 3 });
  });

  it('tells what its warm-up found before it gets a request, by all workers together and after one was replaced', async () => {
    const bad = await start({ ...CANARY, MODEL_VERSION: '3', WORKERS: '2' });
    await bad.logged('worker ready', 2);
    const found = { nonFinite: [{ signature: 'serving_default', output: 'y', values: 2 }] };
    expect(await warmup(bad)).toEqual(found);
    const [worker = 0] = await bad.workers();
    process.kill(worker, 'SIGKILL');
    await bad.logged('worker ready', 3);
    expect(await warmup(bad)).toEqual(found);
    expect(await warmup(canary)).toEqual({ nonFinite: [] });
  });

  it('that is killed under load costs no request', async () => {
    const doomed = await start(CANARY);
    await begin(doomed, { weight: 50 });
    const load = new Load();
    const sent = load.send(Infinity);
    await reported(stable, ({ target }) => target.requests >= 100);
    const [worker = 0] = await doomed.workers();
    process.kill(worker, 'SIGKILL');
    doomed.process.kill('SIGKILL');
    const { fallbacks, target } = await reported(stable, ({ skipped }) => skipped >= 100);
    load.stop();
    const answers = await sent;
    expect(Object.keys(answers).sort()).toEqual(['1', '2']);
    expect(target.errors).toBe(Object.values(fallbacks).reduce((sum, count) => sum + count));
    expect(target.errors).toBeGreaterThanOrEqual(5);
  });

  it.each<[string, string, RequestListener]>([
    ['says 500', '5xx', (_, response) => response.writeHead(500).end('{"error":"x"}')],
    ['says 503', '5xx', (_, response) => response.writeHead(503).end()],
    ['refuses', '4xx', (_, response) => response.writeHead(400).end('{"error":"x"}')],
    ['sends clients elsewhere', 'other', (_, response) => response.writeHead(302, { Location: '/' }).end()],
    ['hangs up', 'reset', (request) => request.socket.destroy()],
    [
      'dies in the middle of its answer',
      'reset',
      (request, response) => {
        response.writeHead(200, { 'Content-Length': 100 }).write('{"outputs":');
        setImmediate(() => request.socket.destroy());
      },
    ],
  ])('that %s costs no request', async (_, cause, listener) => {
    await begin(await fake(listener), { weight: 100 });
    const answer = await stable.post(INFER, BODY);
    expect([answer.status, versionOf(answer)]).toEqual([200, '1']);
    const { target, fallbacks, own } = await report(stable);
    expect([target.requests, target.errors, fallbacks, own.requests]).toEqual([1, 1, { [cause]: 1 }, 0]);
  });

  it('that hangs costs a second at most, and soon nothing', async () => {
    await annotate(undefined);
    await new Load().send(60);
    let reached = 0;
    await begin(await fake(() => reached++), { weight: 100 });
    expect(await new Load().send(40)).toEqual({ 1: 40 });
    const { fallbacks, skipped, target, uncounted = 0 } = await report(stable);
    expect(reached).toBeLessThan(20);
    // One for which the stable server itself needs long speaks against nobody.
    expect(fallbacks).toEqual({ timeout: target.errors });
    expect([target.requests + uncounted, skipped]).toEqual([reached, 40 - reached]);
  });

  it('that is not there costs no request, and is soon left alone', async () => {
    const { url } = await fake(() => undefined);
    for (const server of fakes.splice(0)) server.close();
    await begin({ url }, { weight: 100 });
    expect(await new Load().send(40)).toEqual({ 1: 40 });
    const { fallbacks, skipped } = await report(stable);
    expect((fallbacks.refused ?? 0) + skipped).toBe(40);
    expect(skipped).toBeGreaterThan(0);
    const named = await stable.post('/v2/models/dense/versions/2/infer', BODY);
    expect([named.status, named.body]).toEqual([503, expect.stringContaining('version 2 is on trial')]);
  });

  it('that refuses what the stable one refuses as well has done nothing wrong', async () => {
    await begin(canary, { weight: 100 });
    expect((await stable.post(INFER, { inputs: [] })).status).toBe(400);
    expect(await report(stable)).toMatchObject({ target: { requests: 0, errors: 0 }, uncounted: 1 });
  });
});

describe('a mirror', () => {
  const mirror = { percent: 100, tolerance: 0.001 };

  it('tells equal answers from others, with examples', async () => {
    const same = await start({ ...STABLE, MODEL_REVISION: '2' });
    await begin(same, { mirror });
    await new Load().send(20);
    const equal = await reported(stable, (now) => now.mirror.compared === 20);
    expect(equal.mirror).toMatchObject({ differing: 0, failed: 0, dropped: 0, examples: [] });
    await begin(canary, { mirror });
    await new Load().send(20);
    const other = await reported(stable, (now) => now.mirror.compared + now.mirror.dropped === 20);
    expect(other.mirror.differing).toBe(other.mirror.compared);
    expect(other.mirror.examples).toHaveLength(10);
    expect(other.mirror.examples[0]).toMatchObject({
      output: 'y',
      stable: expect.any(Number),
      target: expect.any(Number),
    });
    expect(other).toMatchObject({ own: { requests: 20 }, target: { requests: 0 } });
  });

  it('delays and fails nobody: all are answered before the first copy is', async () => {
    const held: (() => void)[] = [];
    await begin(await fake((_, response) => held.push(() => response.writeHead(500).end())), { mirror });
    expect(await new Load().send(100)).toEqual({ 1: 100 });
    expect((await report(stable)).mirror).toMatchObject({ compared: 0, failed: 0 });
    expect((await report(stable)).mirror.dropped).toBeGreaterThan(0);
    expect(held.length).toBeLessThanOrEqual(2);
  });

  it('takes its percentage of what the weight leaves', async () => {
    await begin(canary, { weight: 50, mirror: { percent: 10, tolerance: 0 } });
    const answers = await new Load().send(400);
    expect(Math.abs((answers['2'] ?? 0) - 200)).toBeLessThanOrEqual(1);
    const now = await reported(stable, (all) => all.mirror.compared + all.mirror.dropped >= 19);
    expect(now.mirror.compared + now.mirror.dropped).toBeLessThanOrEqual(21);
  });
});

describe('a trial with too few requests', () => {
  it('replays golden requests, then recorded ones, against both', async () => {
    const seen: string[] = [];
    const target = await fake((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        seen.push(body);
        const outputs = [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [22.5, 0] }];
        response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ outputs }));
      });
    });
    const fresh = await PodInfo.create();
    const server = await start({ ...STABLE, POD_INFO: fresh.folder });
    const recorded = [7, 8].map((x) => JSON.stringify({ inputs: [{ ...BODY.inputs[0], data: [x, x, x] }] }));
    for (const body of recorded) await server.post(INFER, body);
    await fresh.write(traffic(target, { replayBelow: 5, mirror: { percent: 0, tolerance: 0.001 } }));
    const now = await reported(server, ({ replayed }) => replayed >= 5);
    expect(now).toMatchObject({
      own: { requests: 5, errors: 0 },
      target: { requests: 5, errors: 0 },
      golden: { asked: 1, mismatches: 1 },
      mirror: { compared: 5, differing: 5 },
    });
    expect(seen).toEqual([JSON.stringify(BODY), ...recorded, ...recorded]);
    const text = await (await fetch(`${server.admin}/metrics`)).text();
    expect(text).toMatch(/modeldeployment_replayed_requests_total\{[^}]*\} 5/);
    await fresh.dispose();
  });

  it('replays zeros where there is nothing else', async () => {
    const bare = await PodInfo.create();
    const fresh = await start({ ...CANARY, POD_INFO: bare.folder });
    await bare.write(traffic(stable, { stable: 2, target: 1, targetVersion: '1', replayBelow: 3 }));
    const now = await reported(fresh, ({ replayed }) => replayed >= 3);
    expect(now).toMatchObject({
      own: { requests: 3, errors: 0 },
      target: { requests: 3, errors: 0 },
      golden: { asked: 0 },
    });
    await bare.dispose();
  });
});

it('the metrics tell what became of requests for the revision on trial', async () => {
  await begin(canary, { weight: 100, mirror: { percent: 100, tolerance: 0 } });
  await stable.post(INFER, BODY);
  const text = await (await fetch(`${stable.admin}/metrics`)).text();
  expect(text).toMatch(/modeldeployment_forwarded_requests_total\{outcome="answered",[^}]*revision="1"\} [1-9]/);
  expect(text).toMatch(/modeldeployment_forwarded_duration_seconds_count\{[^}]*\} [1-9]/);
  expect(text).toMatch(/modeldeployment_mirrored_requests_total\{outcome="differing",[^}]*\} [1-9]/);
});

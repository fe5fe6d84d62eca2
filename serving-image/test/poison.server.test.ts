/** What clients do to decide a trial, against two real servers of which one forwards to the other. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { TRIAL_PATH, type TrialCounts, type Traffic, type TrialReport } from '@modeldeployment/modelpack/traffic';
import { denseGraphModel } from '../testing/models.ts';
import { PodInfo } from '../testing/pod-info.ts';
import { Bench, type Running } from '../testing/server.ts';

// Requests between real processes: a busy machine takes its time.
jest.setTimeout(60_000);

const INFER = '/v2/models/dense/infer';
const INPUT = { name: 'x', datatype: 'FP32', shape: [1, 3] };
const BODY = JSON.stringify({ inputs: [{ ...INPUT, data: [1, 2, 3] }] });
const STABLE = { MODEL_NAME: 'dense', MODEL_VERSION: '1', MODEL_REVISION: '1', MODEL_ENGINE: 'wasm' };

let bench: Bench;
let info: PodInfo;
let stable: Running;
let canary: Running;

beforeAll(async () => {
  bench = await Bench.create();
  info = await PodInfo.create();
  for (const version of ['1', '2']) await denseGraphModel(join(bench.models, 'dense', version));
  const ready = async (env: Record<string, string>) => {
    const server = await bench.start(env);
    await server.logged('worker ready');
    return server;
  };
  [stable, canary] = await Promise.all([
    ready({ ...STABLE, POD_INFO: info.folder }),
    ready({ ...STABLE, MODEL_VERSION: '2', MODEL_REVISION: '2' }),
  ]);
});
afterAll(async () => {
  await bench.dispose();
  await info.dispose();
});

const report = async (server: Running): Promise<TrialReport> =>
  (await (await fetch(server.admin + TRIAL_PATH)).json()) as TrialReport;

let trials = 0;
async function begin(weight: number): Promise<void> {
  const { host } = new URL(canary.url);
  const traffic: Traffic = {
    ...{ trial: `trial-${++trials}`, stable: 1, target: 2, targetVersion: '2', to: host, weight },
  };
  await info.write(traffic);
  for (;;) {
    const { trial, weight: now } = await report(stable);
    if (trial === traffic.trial && now === weight) return;
    await sleep(5);
  }
}

interface Poison {
  path?: string;
  fields?: readonly string[];
  body?: string | Buffer;
  /** Until the last byte of the body is sent, in milliseconds. */
  slowlyMs?: number;
}

/** Sends the bytes, as no client library would. @returns the status of the answer */
async function send({ path = INFER, fields = [], body = BODY, slowlyMs = 0 }: Poison): Promise<number> {
  const bytes = Buffer.from(body);
  const socket = connect(Number(new URL(stable.url).port), '127.0.0.1');
  const head = [`POST ${path} HTTP/1.1`, 'Host: x', `Content-Length: ${bytes.length}`, ...fields, '', ''].join('\r\n');
  socket.write(Buffer.concat([Buffer.from(head, 'latin1'), bytes.subarray(0, -1)]));
  await sleep(slowlyMs);
  socket.write(bytes.subarray(-1));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.once('data', (data: Buffer) => {
      resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1]));
      socket.destroy();
    });
  });
}

/** A tensor in binary behind its JSON. */
function binary(values: readonly number[]): { body: Buffer; json: number } {
  const json = JSON.stringify({
    inputs: [{ ...INPUT, parameters: { binary_data_size: 12 } }],
    parameters: { binary_data_output: true },
  });
  return { body: Buffer.concat([Buffer.from(json), Buffer.from(Float32Array.from(values).buffer)]), json: json.length };
}

const { body: numbers, json } = binary([1, 2, 3]);
const JSON_LENGTH = `Inference-Header-Content-Length: ${json}`;
/** A field that makes the whole head so many bytes. */
const padded = (bytes: number): string => {
  const rest = `POST ${INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY.length}\r\nX-Pad: \r\n\r\n`;
  return `X-Pad: ${'a'.repeat(bytes - rest.length)}`;
};
const impatient = JSON.stringify({ parameters: { timeout: 1 }, inputs: [{ ...INPUT, data: [1, 2, 3] }] });

/** What remains of the counts that speaks against its revision. */
const against = ({ errors, nonFinite, shared = { errors: 0, nonFinite: 0 } }: TrialCounts): number =>
  errors + nonFinite - shared.errors - shared.nonFinite;

const POISONS: readonly (readonly [string, Poison])[] = [
  [
    'headers that Connection names',
    { fields: ['Connection: inference-header-content-length', JSON_LENGTH], body: numbers },
  ],
  ['a head of just under the limit', { fields: [padded(16_384)] }],
  ['a head of a little less', { fields: [padded(15_000)] }],
  ['a long path', { path: `${INFER}?${'a'.repeat(15_000)}` }],
  ['a deadline of a microsecond', { body: impatient }],
  ['a deadline for the version on trial', { path: '/v2/models/dense/versions/2/infer', body: impatient }],
  ['a deadline for the stable version', { path: '/v2/models/dense/versions/1/infer', body: impatient }],
  ['NaN', { fields: [JSON_LENGTH], body: binary([NaN, 0, 0]).body }],
  ['infinities', { fields: [JSON_LENGTH], body: binary([Infinity, -Infinity, 1e38]).body }],
  ['no request', { body: '{"inputs":[]}' }],
  ['another encoding than it says', { fields: ['Content-Encoding: gzip'] }],
  ['a mark of our own', { fields: ['X-Modelserving-Forwarded: 1', 'X-Modelserving-Uncounted: yes'] }],
];

it.each(POISONS)('a client that sends %s speaks against neither revision', async (_, poison) => {
  for (const weight of [100, 0]) {
    await begin(weight);
    for (let i = 0; i < 3; i++) expect(await send(poison)).toBeGreaterThanOrEqual(200);
    for (;;) {
      const { own, target, uncounted = 0 } = await report(stable);
      expect([against(own), against(target)]).toEqual([0, 0]);
      // What did not even begin to be answered is told nowhere.
      if (own.requests + target.requests + uncounted >= 3 || (await refused(poison))) break;
      await sleep(5);
    }
    expect(against((await report(canary)).own)).toBe(0);
  }
});

/** Whether the server refuses it before any trial sees it. */
const refused = async (poison: Poison): Promise<boolean> => (await send(poison)) >= 400;

it('a slow body is no slow answer', async () => {
  await begin(100);
  await send({ slowlyMs: 1500 });
  const { target } = await report(stable);
  expect(target.requests).toBe(1);
  // Bounds are 10^(1/20) apart from 0.1 ms on: the 84th is beyond a second.
  expect(target.latency.length).toBeLessThan(84);
});

it('a request that only the stable revision answers counts, however it was sent', async () => {
  await begin(100);
  const [worker = 0] = await canary.workers();
  process.kill(worker, 'SIGKILL');
  canary.process.kill('SIGKILL');
  await canary.exited;
  await send({ fields: ['Connection: keep-alive'] });
  await send({ fields: ['X-Pad: a'] });
  expect((await report(stable)).target).toMatchObject({ requests: 2, errors: 2, shared: { errors: 0 } });
});

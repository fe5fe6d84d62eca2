import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Clients } from '../testing/clients.ts';
import { denseGraphModel, denseLayersModel } from '../testing/models.ts';
import { Bench, type Running } from '../testing/server.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.create();
  await denseGraphModel(join(bench.models, 'dense/1'));
  await denseGraphModel(join(bench.models, 'dense/10'));
  await denseLayersModel(join(bench.models, 'layers/1'));
}, 60_000);
afterAll(() => bench.dispose());

const WASM = { MODEL_NAME: 'dense', MODEL_VERSION: '1', MODEL_ENGINE: 'wasm' };
const BODY = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] };
const INFER = '/v2/models/dense/infer';

async function ready(env: Record<string, string> = {}): Promise<Running> {
  const server = await bench.start({ ...WASM, ...env });
  await server.logged('worker ready');
  return server;
}

async function stop(server: Running): Promise<number | null> {
  server.process.kill('SIGTERM');
  return server.exited;
}

describe('a server that is ready', () => {
  let server: Running;
  beforeAll(async () => {
    server = await ready({ MAX_BODY_BYTES: '100000' });
  }, 30_000);

  it('answers version 2 and version 1 of the protocol alike', async () => {
    const v2 = await server.post(INFER, BODY);
    expect(JSON.parse(v2.body)).toEqual({
      model_name: 'dense',
      model_version: '1',
      outputs: [{ name: 'y', shape: [1, 2], datatype: 'FP32', data: [22.5, 27.5] }],
    });
    const v1 = await server.post('/v1/models/dense/versions/1:predict', {
      instances: [{ x: [1, 2, 3] }, { x: [0, 0, 0] }],
    });
    expect(JSON.parse(v1.body)).toEqual({
      predictions: [
        [22.5, 27.5],
        [0.5, -0.5],
      ],
    });
  });

  it.each([
    ['/v2/health/live', { live: true }],
    ['/v2/health/ready', { ready: true }],
    ['/v2/models/dense/ready', { name: 'dense', ready: true }],
    ['/v2/models/dense/versions/1/ready', { name: 'dense', ready: true }],
  ])('says so on both ports at %s', async (path, expected) => {
    for (const base of [server.url, server.admin]) {
      const response = await fetch(base + path);
      expect([response.status, await response.json()]).toEqual([200, expected]);
    }
  });

  it('counts requests of all workers on both ports', async () => {
    for (const base of [server.url, server.admin]) {
      const text = await (await fetch(`${base}/metrics`)).text();
      expect(text).toMatch(
        /modeldeployment_requests_total\{protocol="v2",code="200",model="dense",version="1",revision=""\} [1-9]/,
      );
      expect(text).toMatch(/modeldeployment_process_resident_memory_bytes\{process="worker"/);
    }
  });

  it('shows a person a page with a request that works', async () => {
    const page = await (await fetch(server.url)).text();
    const command = /curl (http:\S+) -d (&#39;.*&#39;)/.exec(page);
    const body = command?.[2]?.replaceAll('&#39;', '').replaceAll('&quot;', '"') ?? '';
    const path = new URL(command?.[1] ?? '').pathname;
    const answer = await server.post(path, body, { 'Content-Type': 'application/x-www-form-urlencoded' });
    expect(JSON.parse(answer.body)).toEqual({ outputs: [[0.5, -0.5]] });
  });

  it.each([
    ['another model', '/v2/models/other/infer', BODY, {}, 404],
    ['another version', '/v2/models/dense/versions/2/infer', BODY, {}, 404],
    ['another model of version 1', '/v1/models/other:predict', { instances: [] }, {}, 404],
    ['a path that climbs', '/v2/models/..%2f..%2fetc/infer', BODY, {}, 404],
    ['no JSON', INFER, '{', {}, 400],
    ['an empty body', INFER, '', {}, 400],
    ['a form', INFER, 'a=b', { 'Content-Type': 'application/x-www-form-urlencoded' }, 400],
    ['a multipart form', '/v1/models/dense:predict', 'x', { 'Content-Type': 'multipart/form-data; boundary=x' }, 415],
    ['an unknown encoding', INFER, '{}', { 'Content-Encoding': 'br' }, 415],
    ['binary tensors', INFER, '{}', { 'Inference-Header-Content-Length': '-1' }, 400],
    ['a body over the limit', INFER, ' '.repeat(100_001), {}, 413],
    ['the wrong shape', INFER, { inputs: [{ ...BODY.inputs[0], shape: [3] }] }, {}, 400],
    ['NaN', INFER, '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[NaN,1,2]}]}', {}, 400],
  ])('refuses %s in JSON and lives on', async (_, path, body, headers, status) => {
    const [worker] = await server.workers();
    const answer = await server.post(path, body, headers);
    expect(answer.status).toBe(status);
    expect(Object.keys(JSON.parse(answer.body) as object)).toEqual(['error']);
    expect(answer.body).not.toMatch(/\/work|node_modules|at .*:\d+/);
    expect((await server.post(INFER, BODY)).status).toBe(200);
    expect(await server.workers()).toEqual([worker]);
  });

  it('stops reading a chunked body at the limit and says why', async () => {
    const answer = await new Promise<{ status: number | undefined; connection: string | undefined }>(
      (resolve, reject) => {
        const request = httpRequest(
          `${server.url}${INFER}`,
          { method: 'POST', headers: { 'Content-Type': 'application/json' } },
          (response) => {
            resolve({ status: response.statusCode, connection: response.headers.connection });
            response.resume();
            request.destroy();
          },
        );
        request.on('error', reject);
        const chunk = Buffer.alloc(20_000, ' ');
        for (let i = 0; i < 6; i++) request.write(chunk);
      },
    );
    expect(answer).toEqual({ status: 413, connection: 'close' });
  });

  it('gives a slow header up with 408', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () =>
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n'),
      );
      let all = '';
      socket.setEncoding('utf8').on('data', (data: string) => (all += data));
      socket.on('close', () => resolve(all)).on('error', reject);
    });
    expect(text).toContain('408');
  }, 60_000);

  it('answers a client that has closed its half of the connection', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true }, () =>
        socket.end('GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
      );
      let all = '';
      socket.setEncoding('utf8').on('data', (data: string) => (all += data));
      socket.on('end', () => resolve(all)).on('error', reject);
    });
    expect(text).toContain('{"live":true}');
  });
});

describe('the model that is served', () => {
  it('is the highest version by number when none is named', async () => {
    const server = await bench.start({ MODEL_NAME: 'dense', MODEL_ENGINE: 'cpu' });
    expect(await server.logged('worker ready')).toMatchObject({ version: '10', engine: 'cpu' });
    await stop(server);
  }, 30_000);

  it('may be a layers model', async () => {
    const server = await bench.start({ MODEL_NAME: 'layers', MODEL_ENGINE: 'wasm' });
    await server.logged('worker ready');
    const answer = await server.post('/v1/models/layers:predict', { instances: [[1, 2, 3]] });
    expect(JSON.parse(answer.body)).toEqual({ predictions: [[22.5, 27.5]] });
    await stop(server);
  }, 30_000);

  it('must answer its golden requests', async () => {
    const folder = join(bench.models, 'golden/1');
    await denseGraphModel(folder);
    const golden = (value: number) =>
      JSON.stringify({ requests: [{ ...BODY, outputs: [{ name: 'y', data: [[22.5, value]] }] }] });
    await writeFile(join(folder, 'golden.json'), golden(27.5));
    const good = await bench.start({ MODEL_NAME: 'golden', MODEL_ENGINE: 'wasm' });
    await good.logged('worker ready');
    await stop(good);
    await writeFile(join(folder, 'golden.json'), golden(28));
    const bad = await bench.start({ MODEL_NAME: 'golden', MODEL_ENGINE: 'wasm' });
    expect(await bad.exited).toBe(1);
    expect(await bench.terminationMessage()).toEqual({
      reason: 'WarmupFailed',
      message: 'golden.json, request 0: output y, value 1 is 27.5, expected 28',
    });
  }, 30_000);

  it.each([
    ['is not there', 'nowhere', () => Promise.resolve(), 'ModelNotFound'],
    ['is an empty folder', 'empty', (folder: string) => mkdir(folder, { recursive: true }), 'ModelMalformed'],
    [
      'names weights outside its folder',
      'outside',
      (folder: string) => denseGraphModel(folder, '../weights.bin'),
      'ModelMalformed',
    ],
    [
      'is cut short',
      'truncated',
      async (folder: string) => {
        await denseGraphModel(folder);
        await truncate(join(folder, 'weights.bin'), 10);
      },
      'ModelMalformed',
    ],
    [
      'cannot answer its warm-up',
      'cold',
      async (folder: string) => {
        await denseGraphModel(folder);
        await writeFile(join(folder, 'warmup.json'), '{"requests":[{"inputs":[]}]}');
      },
      'WarmupFailed',
    ],
  ])(
    'that %s ends the server with a reason',
    async (_, name, make, reason) => {
      await make(join(bench.models, name, '1'));
      const server = await bench.start({ MODEL_NAME: name, MODEL_VERSION: '1', MODEL_ENGINE: 'wasm' });
      expect(await server.exited).toBe(1);
      expect(await bench.terminationMessage()).toMatchObject({ reason });
    },
    30_000,
  );

  it('with settings that do not fit ends the server with all of them', async () => {
    const server = await bench.start({ WORKERS: 'many', MODEL_ENGINE: 'gpu' });
    expect(await server.exited).toBe(1);
    expect(await bench.terminationMessage()).toMatchObject({
      reason: 'BadConfiguration',
      message: expect.stringMatching(/gpu.*many/),
    });
  }, 30_000);
});

describe('a worker that dies', () => {
  it('is replaced while the other one serves', async () => {
    const server = await ready({ WORKERS: '2' });
    await server.logged('worker ready', 2);
    const [first = 0] = await server.workers();
    process.kill(first, 'SIGKILL');
    await server.logged('worker ended');
    expect((await fetch(`${server.admin}/v2/health/ready`)).status).toBe(200);
    expect((await server.post(INFER, BODY)).status).toBe(200);
    await server.logged('worker ready', 3);
    expect(await server.workers()).toHaveLength(2);
    expect(await (await fetch(`${server.admin}/metrics`)).text()).toMatch(/worker_restarts_total\{[^}]*\} 1/);
    await stop(server);
  }, 30_000);

  it('as the only one makes the server not ready, then ready again, and counters do not fall', async () => {
    const server = await ready();
    await server.post(INFER, BODY);
    const counted = async () =>
      Number(
        /requests_total\{protocol="v2",code="200"[^}]*\} (\d+)/.exec(
          await (await fetch(`${server.admin}/metrics`)).text(),
        )?.[1],
      );
    expect(await counted()).toBe(1);
    const [only = 0] = await server.workers();
    process.kill(only, 'SIGKILL');
    await server.logged('worker ended');
    expect((await fetch(`${server.admin}/v2/health/live`)).status).toBe(200);
    const meanwhile = await server.post(INFER, BODY);
    expect([200, 503]).toContain(meanwhile.status);
    await server.logged('worker ready', 2);
    await server.post(INFER, BODY);
    expect(await counted()).toBeGreaterThanOrEqual(2);
    await stop(server);
  }, 30_000);

  it('of a hang is killed and replaced', async () => {
    const server = await ready({ WORKER_HANG_SECONDS: '2' });
    const [only = 0] = await server.workers();
    process.kill(only, 'SIGSTOP');
    await server.logged('killing a worker');
    await server.logged('worker ready', 2);
    expect(await server.workers()).not.toContain(only);
    await stop(server);
  }, 30_000);
});

describe('a server that is told to stop', () => {
  it('is not ready at once, answers until the drain ends, and exits with 0', async () => {
    const server = await ready({ DRAIN_SECONDS: '2' });
    server.process.kill('SIGTERM');
    await server.logged('draining');
    expect((await fetch(`${server.admin}/v2/health/ready`)).status).toBe(503);
    expect((await fetch(`${server.admin}/v2/models/dense/versions/1/ready`)).status).toBe(503);
    const late = await server.post(INFER, BODY);
    expect([late.status, late.headers.get('connection')]).toEqual([200, 'close']);
    expect(await server.exited).toBe(0);
  }, 30_000);

  it('loses no request of clients that keep sending until they are refused', async () => {
    const server = await ready({ DRAIN_SECONDS: '1', WORKERS: '2' });
    await server.logged('worker ready', 2);
    const clients = new Clients(
      16,
      server.url,
      () => ({ path: INFER, body: BODY }),
      (outcome) => outcome !== 200,
    );
    await clients.more(100);
    server.process.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    await clients.ended();
    // A connection that the kernel still held in its queue when the socket closed was never taken.
    expect(clients.failures.filter((outcome) => outcome !== 'ECONNREFUSED' && outcome !== 'ECONNRESET')).toEqual([]);
    expect(clients.failures).toHaveLength(16);
  }, 30_000);

  it('a second time does not wait for the drain', async () => {
    const server = await ready({ DRAIN_SECONDS: '3600' });
    server.process.kill('SIGTERM');
    await server.logged('draining');
    server.process.kill('SIGINT');
    expect(await server.exited).toBe(0);
  }, 30_000);

  it('while it loads exits at once', async () => {
    const server = await bench.start({ ...WASM, DRAIN_SECONDS: '3600' });
    expect(await stop(server)).toBe(0);
  }, 30_000);
});

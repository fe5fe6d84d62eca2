import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Clients } from '../testing/clients.ts';
import { arriveIn, BODY, emptyRepository, withWrongGolden } from '../testing/repository.ts';
import { Bench, connectionsOf, until, type Running } from '../testing/server.ts';

let bench: Bench;
let repository: string;
beforeAll(async () => {
  bench = await Bench.create();
}, 60_000);
afterAll(() => bench.dispose());
beforeEach(async () => {
  repository = await emptyRepository(bench.models);
});

const arrive = (path: string, spoil?: (folder: string) => Promise<void>) => arriveIn(repository, path, spoil);

const rules = (model: string, content: unknown) =>
  writeFile(join(repository, model, 'versions.json'), typeof content === 'string' ? content : JSON.stringify(content));

async function start(env: Record<string, string> = {}): Promise<Running> {
  return bench.start({ MODEL_REPOSITORY: repository, MODEL_ENGINE: 'wasm', ...env });
}

async function stop(server: Running): Promise<void> {
  server.process.kill('SIGTERM');
  expect(await server.exited).toBe(0);
}

/** Status, and the version that answered or the error. */
async function ask(server: Running, path: string): Promise<[number, unknown]> {
  const { status, body } = await server.post(`/v2/models/${path}/infer`, BODY);
  const answer = JSON.parse(body) as { model_name?: string; model_version?: string; error?: string };
  return [status, answer.error ?? `${answer.model_name}/${answer.model_version}`];
}

const get = async (url: string): Promise<[number, unknown]> => {
  const response = await fetch(url);
  return [response.status, await response.json()];
};

const ready = async (server: Running, path = '') =>
  (await fetch(`${server.admin}/v2/${path === '' ? 'health' : `models/${path}`}/ready`)).status;

describe('a repository of several models', () => {
  it('is served by the newest version of each, and says what it holds', async () => {
    for (const path of ['a/1', 'a/2', 'b/7']) await arrive(path);
    await mkdir(join(repository, 'lost+found'));
    const server = await start();
    await until(() => ready(server), 200);
    expect(await ask(server, 'a')).toEqual([200, 'a/2']);
    expect(await ask(server, 'b')).toEqual([200, 'b/7']);
    expect(await ask(server, 'b/versions/7')).toEqual([200, 'b/7']);
    expect(await ask(server, 'a/versions/1')).toEqual([404, expect.stringContaining('does not exist')]);
    expect(await ask(server, 'c')).toEqual([404, expect.stringContaining('does not exist')]);
    expect(await get(`${server.url}/v2/models`)).toEqual([200, { models: ['a', 'b'] }]);
    const index = await server.post('/v2/repository/index', {});
    expect(JSON.parse(index.body)).toEqual([
      { name: 'a', version: '2', state: 'READY', reason: '' },
      { name: 'b', version: '7', state: 'READY', reason: '' },
    ]);
    for (const name of ['a', 'b'])
      expect((await get(`${server.url}/v2/models/${name}/stats`))[1]).toMatchObject({ model_stats: [{ name }] });
    expect((await fetch(server.url)).status).toBe(200);
    for (const base of [server.url, server.admin]) {
      expect(await get(`${base}/v2/models/a/ready`)).toEqual([200, { name: 'a', ready: true }]);
      expect((await get(`${base}/v2/models/a/versions/2/ready`))[0]).toBe(200);
      expect((await get(`${base}/v2/models/a/versions/1/ready`))[0]).toBe(404);
      expect((await get(`${base}/v2/models/c/ready`))[0]).toBe(404);
    }
    const status = { state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } };
    expect(await get(`${server.url}/v1/models/a`)).toEqual([
      200,
      { model_version_status: [{ version: '2', ...status }] },
    ]);
    expect((await get(`${server.url}/v1/models/c`))[0]).toBe(404);
    await stop(server);
  }, 30_000);

  it('may be restricted to one of them', async () => {
    for (const path of ['a/1', 'b/1']) await arrive(path);
    const server = await start({ MODEL_NAME: 'b' });
    await until(() => ready(server), 200);
    expect(await ask(server, 'b')).toEqual([200, 'b/1']);
    expect((await ask(server, 'a'))[0]).toBe(404);
    await stop(server);
  }, 30_000);

  it('is ready only when all its models are', async () => {
    await arrive('good/1');
    await arrive('bad/1', withWrongGolden);
    const server = await start();
    await server.logged('version failed');
    await until(() => ready(server, 'good'), 200);
    expect(await get(`${server.admin}/v2/health/ready`)).toEqual([
      503,
      { error: expect.stringContaining('bad: golden.json, request 0') },
    ]);
    expect(await ask(server, 'good')).toEqual([200, 'good/1']);
    expect(await ask(server, 'bad')).toEqual([503, expect.stringContaining('golden.json')]);
    expect((await get(`${server.url}/v1/models/bad`))[1]).toMatchObject({
      model_version_status: [
        { version: '1', state: 'END', status: { error_message: expect.stringContaining('golden') } },
      ],
    });
    await arrive('bad/2');
    await until(() => ready(server), 200);
    expect(await ask(server, 'bad')).toEqual([200, 'bad/2']);
    await stop(server);
  }, 30_000);

  it('of which none can be served ends the server with the first reason', async () => {
    await arrive('bad/1', withWrongGolden);
    const server = await start();
    expect(await server.exited).toBe(1);
    expect(await bench.terminationMessage()).toMatchObject({ reason: 'WarmupFailed' });
  }, 30_000);

  it('that holds nothing yet is waited for', async () => {
    const server = await start();
    await server.logged('the repository holds no model');
    expect(await get(`${server.admin}/v2/health/ready`)).toEqual([
      503,
      { error: 'not ready: there is no model to serve' },
    ]);
    await mkdir(join(repository, 'a'));
    await arrive('a/1');
    await until(() => ready(server), 200);
    expect(await ask(server, 'a')).toEqual([200, 'a/1']);
    await stop(server);
  }, 30_000);
});

describe('the versions of a model', () => {
  it.each([
    ['latest:2', ['3', '2']],
    ['all', ['3', '2', '1']],
    ['1,3', ['3', '1']],
  ])(
    'are served at once under the policy %s',
    async (policy, versions) => {
      for (const path of ['a/1', 'a/2', 'a/3']) await arrive(path);
      const server = await start({ MODEL_VERSION_POLICY: policy });
      await until(() => ready(server), 200);
      for (const version of ['1', '2', '3']) {
        const expected = versions.includes(version) ? [200, `a/${version}`] : [404, expect.anything()];
        expect(await ask(server, `a/versions/${version}`)).toEqual(expected);
      }
      expect(await ask(server, 'a')).toEqual([200, 'a/3']);
      const { body } = await server.post(`/v1/models/a/versions/${versions[1]}:predict`, {
        instances: [{ x: [1, 2, 3] }],
      });
      expect(JSON.parse(body)).toEqual({ predictions: [[22.5, 27.5]] });
      expect(await server.workers()).toHaveLength(versions.length);
      await stop(server);
    },
    30_000,
  );

  it('have labels, which move only to a version that serves', async () => {
    for (const path of ['a/1', 'a/2', 'a/3']) await arrive(path);
    const policy = { model_version_policy: { specific: { versions: [1, 2] } } };
    await rules('a', { ...policy, version_labels: { stable: 1, canary: 2 } });
    const server = await start();
    await until(() => ready(server), 200);
    const v1 = async (label: string) =>
      (await server.post(`/v1/models/a/labels/${label}:predict`, { instances: [{ x: [1, 2, 3] }] })).status;
    expect(await ask(server, 'a/versions/stable')).toEqual([200, 'a/1']);
    expect(await ask(server, 'a/versions/canary')).toEqual([200, 'a/2']);
    expect([await v1('stable'), await v1('canary'), await v1('other')]).toEqual([200, 200, 400]);
    expect((await get(`${server.url}/v1/models/a/labels/stable`))[1]).toMatchObject({
      model_version_status: [{ version: '1' }],
    });
    await rules('a', { ...policy, version_labels: { stable: 2, canary: 3 } });
    await until(() => ask(server, 'a/versions/stable'), [200, 'a/2']);
    expect(await ask(server, 'a/versions/canary')).toEqual([200, 'a/2']);
    await rules('a', { version_labels: { stable: 3 } });
    await until(() => ask(server, 'a/versions/stable'), [200, 'a/3']);
    expect((await ask(server, 'a/versions/canary'))[0]).toBe(404);
    await rules('a', '{"version_labels": {"stable": ');
    await server.logged('the model repository cannot be read');
    expect(await ask(server, 'a/versions/stable')).toEqual([200, 'a/3']);
    await stop(server);
  }, 30_000);

  it('are answered on one connection, whatever its worker holds, and a connection moves to where it is used', async () => {
    for (const path of ['a/1', 'a/2', 'b/1']) await arrive(path);
    const server = await start({ MODEL_VERSION_POLICY: 'all' });
    await until(() => ready(server), 200);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number>();
    const send = (path: string) =>
      new Promise<string>((resolve, reject) => {
        const request = httpRequest(`${server.url}/v2/models/${path}/infer`, { method: 'POST', agent }, (response) => {
          ports.add(response.socket.localPort ?? 0);
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => {
            const answer = JSON.parse(text) as Record<string, string>;
            resolve(`${answer.model_name}/${answer.model_version}`);
          });
        });
        request.on('error', reject);
        request.end(JSON.stringify(BODY));
      });
    const turns = ['a/versions/1', 'a', 'b', 'a/versions/1', 'b/versions/1', 'a/versions/2'];
    const expected = ['a/1', 'a/2', 'b/1', 'a/1', 'b/1', 'a/2'];
    const got: string[] = [];
    for (const path of turns) got.push(await send(path));
    expect(got).toEqual(expected);
    const holders = async () => Promise.all((await server.workers()).map((pid) => connectionsOf(pid, server)));
    const before = await holders();
    expect(before.reduce((sum, count) => sum + count, 0)).toBe(1);
    for (let i = 0; i < 10; i++) expect(await send('b')).toBe('b/1');
    expect(await holders()).not.toEqual(before);
    for (let i = 0; i < 10; i++) expect(await send('a/versions/1')).toBe('a/1');
    expect(ports.size).toBe(1);
    agent.destroy();
    await stop(server);
  }, 30_000);

  it('get bodies of any size, and refuse those over the limit, on whichever connection they come', async () => {
    for (const path of ['a/1', 'a/2']) await arrive(path);
    const server = await start({ MODEL_VERSION_POLICY: 'all', MAX_BODY_BYTES: '3000000' });
    await until(() => ready(server), 200);
    const rows = 50_000;
    const data = Array.from({ length: rows * 3 }, (_, i) => i / 8);
    const big = { inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, 3], data }] };
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const send = (version: number, body: string) =>
      new Promise<[number | undefined, string]>((resolve, reject) => {
        const path = `${server.url}/v2/models/a/versions/${version}/infer`;
        const request = httpRequest(path, { method: 'POST', agent }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve([response.statusCode, text.slice(0, 60)]));
        });
        request.on('error', reject);
        // In pieces, so that it is sent chunked.
        for (let i = 0; i < body.length; i += 100_000) request.write(body.slice(i, i + 100_000));
        request.end();
      });
    for (const version of [1, 2, 1]) {
      const [status, text] = await send(version, JSON.stringify(big));
      expect([status, text]).toEqual([200, expect.stringContaining(`"model_version":"${version}"`)]);
    }
    expect(await send(2, JSON.stringify(BODY))).toEqual([200, expect.stringContaining('"model_version":"2"')]);
    for (const version of [2, 1])
      expect(await send(version, ' '.repeat(3_000_001))).toEqual([413, expect.stringContaining('larger than')]);
    agent.destroy();
    await stop(server);
  }, 30_000);

  it('of one model are untouched by a crash of another', async () => {
    for (const path of ['a/1', 'a/2']) await arrive(path);
    const server = await start({ MODEL_VERSION_POLICY: 'all' });
    await until(() => ready(server), 200);
    const clients = new Clients(4, server.url, () => ({ path: '/v2/models/a/versions/1/infer', body: BODY }));
    await clients.more(50);
    const held = new Map<number, number>();
    for (const pid of await server.workers()) held.set(pid, await connectionsOf(pid, server));
    const [victim] = [...held].find(([, count]) => count === 0) ?? [0];
    process.kill(victim, 'SIGSEGV');
    await server.logged('worker ended');
    expect(await ask(server, 'a')).toEqual([503, expect.stringContaining('being')]);
    await clients.more(50);
    await until(() => ask(server, 'a'), [200, 'a/2']);
    await clients.stop();
    expect(clients.failures).toEqual([]);
    await stop(server);
  }, 30_000);
});

describe('a version that arrives while another one serves', () => {
  it('takes its place without a lost request, and its memory is given back', async () => {
    await arrive('a/1');
    const server = await start({ WORKERS: '2' });
    await until(() => ready(server), 200);
    await server.logged('worker ready', 2);
    const before = await server.workers();
    const clients = new Clients(12, server.url, () => ({ path: '/v2/models/a/infer', body: BODY }));
    await clients.more(200);
    await arrive('a/2');
    await server.logged('version unloaded');
    await clients.more(200);
    await arrive('a/10');
    await server.logged('version unloaded', 2);
    await clients.more(200);
    await clients.stop();
    expect(clients.failures).toEqual([]);
    expect(clients.all.every(({ ports }) => ports.size === 1)).toBe(true);
    expect(await ask(server, 'a')).toEqual([200, 'a/10']);
    expect((await ask(server, 'a/versions/1'))[0]).toBe(404);
    const after = await server.workers();
    expect(after).toHaveLength(2);
    expect(after.some((pid) => before.includes(pid))).toBe(false);
    const ended = server.lines.filter(({ msg }) => msg === 'worker ended');
    expect(ended.map(({ lostRequests, lostConnections }) => [lostRequests, lostConnections])).toEqual(
      ended.map(() => [0, 0]),
    );
    expect(await server.metric(/version="1"/)).toBeUndefined();
    await stop(server);
  }, 60_000);

  it('and is bad does not take its place', async () => {
    await arrive('a/1');
    const server = await start();
    await until(() => ready(server), 200);
    await arrive('a/2', withWrongGolden);
    expect(await server.logged('version failed')).toMatchObject({ version: '2', reason: 'WarmupFailed' });
    expect(await ready(server)).toBe(200);
    expect(await ask(server, 'a')).toEqual([200, 'a/1']);
    expect((await get(`${server.url}/v1/models/a`))[1]).toMatchObject({
      model_version_status: [
        { version: '2', state: 'END' },
        { version: '1', state: 'AVAILABLE' },
      ],
    });
    // Mended: another folder under the same number.
    await rename(join(repository, 'a/2'), join(repository, 'a/.old'));
    await arrive('a/2');
    await until(() => ask(server, 'a'), [200, 'a/2']);
    await stop(server);
  }, 30_000);

  it('and goes again takes its workers with it', async () => {
    await arrive('a/1');
    await arrive('b/1');
    const server = await start();
    await until(() => ready(server), 200);
    await rm(join(repository, 'b'), { recursive: true });
    await server.logged('version unloaded');
    expect((await ask(server, 'b'))[0]).toBe(404);
    expect(await server.workers()).toHaveLength(1);
    expect(await ready(server)).toBe(200);
    await stop(server);
  }, 30_000);

  it('does not matter where the version is given', async () => {
    await arrive('a/1');
    const server = await start({ MODEL_NAME: 'a', MODEL_VERSION: '1', WORKERS: '1' });
    await until(() => ready(server), 200);
    await arrive('a/2');
    await until(async () => (await server.post('/v2/models/a/versions/2/infer', BODY)).status, 404);
    expect(await ask(server, 'a')).toEqual([200, 'a/1']);
    expect(await server.workers()).toHaveLength(1);
    await stop(server);
  }, 30_000);
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Rpc, V2 } from '../testing/grpc.ts';
import { arriveIn, BODY, emptyRepository, withWrongGolden } from '../testing/repository.ts';
import { Bench, until, type Running } from '../testing/server.ts';

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

const start = (env: Record<string, string> = {}) =>
  bench.start({ MODEL_REPOSITORY: repository, MODEL_ENGINE: 'wasm', MODEL_CONTROL: 'explicit', ...env });

const order = async (server: Running, action: 'load' | 'unload', name: string, body: unknown = '') => {
  const answer = await server.post(`/v2/repository/models/${name}/${action}`, body);
  return [answer.status, answer.body];
};
const ask = async (server: Running, name: string) => (await server.post(`/v2/models/${name}/infer`, BODY)).status;
const ready = async (server: Running) => (await fetch(`${server.url}/v2/health/ready`)).status;
const index = async (server: Running, wish: object = {}) => {
  const entries = JSON.parse((await server.post('/v2/repository/index', wish)).body) as Record<string, string>[];
  return entries.map(({ name, version, state }) => `${name}/${version} ${state}`);
};

async function stop(server: Running): Promise<void> {
  server.process.kill('SIGTERM');
  expect(await server.exited).toBe(0);
}

describe('a server whose models clients load', () => {
  it('is ready with none, and serves each from its order to load to its order to unload', async () => {
    for (const path of ['a/1', 'a/2', 'b/1']) await arrive(path);
    const server = await start();
    expect(await ready(server)).toBe(200);
    expect(await index(server)).toEqual(['a/1 UNAVAILABLE', 'a/2 UNAVAILABLE', 'b/1 UNAVAILABLE']);
    expect(await ask(server, 'a')).toBe(404);
    expect(await order(server, 'load', 'a')).toEqual([200, '']);
    expect(await ask(server, 'a')).toBe(200);
    expect(await order(server, 'load', 'b', {})).toEqual([200, '']);
    expect(await ask(server, 'b')).toBe(200);
    expect(await index(server)).toEqual(['a/2 READY', 'b/1 READY', 'a/1 UNAVAILABLE']);
    expect(await index(server, { ready: true })).toEqual(['a/2 READY', 'b/1 READY']);
    expect(await order(server, 'unload', 'a', { parameters: { unload_dependents: false } })).toEqual([200, '']);
    await until(() => index(server), ['b/1 READY', 'a/1 UNAVAILABLE', 'a/2 UNAVAILABLE']);
    expect([await ask(server, 'a'), await ask(server, 'b'), await ready(server)]).toEqual([404, 200, 200]);
    expect((await server.workers()).length).toBe(1);
    expect(await order(server, 'unload', 'b')).toEqual([200, '']);
    await until(() => ask(server, 'b'), 404);
    await until(async () => (await server.workers()).length, 0);
    await stop(server);
  }, 30_000);

  it('takes up a new version by an order and not before, and keeps the old one when that is bad', async () => {
    await arrive('a/1');
    const server = await start({ LOAD_MODELS: 'a', MODEL_POLL_SECONDS: '1' });
    await until(() => ready(server), 200);
    await arrive('a/2', withWrongGolden);
    expect(await order(server, 'load', 'a')).toEqual([400, expect.stringMatching(/failed to load .*golden\.json/)]);
    expect([await index(server), await ready(server)]).toEqual([['a/1 READY', 'a/2 UNAVAILABLE'], 200]);
    expect(await ask(server, 'a')).toBe(200);
    await arrive('a/3');
    expect(await index(server)).toEqual(['a/1 READY', 'a/2 UNAVAILABLE', 'a/3 UNAVAILABLE']);
    expect(await order(server, 'load', 'a')).toEqual([200, '']);
    expect((await index(server, { ready: true }))[0]).toBe('a/3 READY');
    await stop(server);
  }, 30_000);

  it('knows the one model that it was started for, and no other', async () => {
    for (const path of ['a/1', 'b/1']) await arrive(path);
    const server = await start({ MODEL_NAME: 'a' });
    expect(await index(server)).toEqual(['a/1 UNAVAILABLE']);
    expect(await order(server, 'load', 'a')).toEqual([200, '']);
    expect(await index(server)).toEqual(['a/1 READY']);
    expect(await order(server, 'load', 'b')).toEqual([400, expect.stringContaining('no such model')]);
    await stop(server);
  }, 30_000);

  it('refuses what it does not have and cannot do', async () => {
    await arrive('a/1');
    const server = await start({ LOAD_MODELS: '*' });
    await until(() => ready(server), 200);
    for (const action of ['load', 'unload'] as const)
      expect(await order(server, action, 'nobody')).toEqual([400, expect.stringContaining('no such model')]);
    expect(await order(server, 'load', '..%2Fa')).toEqual([400, expect.stringContaining('no such model')]);
    const config = { parameters: { config: '{}' } };
    expect(await order(server, 'load', 'a', config)).toEqual([400, expect.stringContaining('config')]);
    expect(await order(server, 'load', 'a', '{')).toEqual([400, expect.any(String)]);
    await stop(server);
  }, 30_000);

  it('ends when a model that was to be there from the start cannot be loaded', async () => {
    await arrive('a/1', withWrongGolden);
    const server = await start({ LOAD_MODELS: 'a' });
    expect(await server.exited).toBe(1);
    expect(await bench.terminationMessage()).toMatchObject({ reason: 'WarmupFailed' });
  }, 30_000);

  it('takes orders over gRPC as well, also while there is no worker, and lets the next call meet one', async () => {
    await arrive('a/1');
    await arrive('b/1', withWrongGolden);
    const server = await start();
    const rpc = new Rpc(server.grpc);
    const request = { model_name: 'a', inputs: [{ ...BODY.inputs[0], contents: { fp32_contents: [1, 2, 3] } }] };
    expect(await rpc.call(V2, 'ServerReady', {})).toEqual({ ready: true });
    expect(await rpc.call(V2, 'ModelInfer', request)).toMatchObject({ code: 5 });
    expect(await rpc.call(V2, 'RepositoryModelLoad', { model_name: 'b' })).toMatchObject({ code: 3 });
    expect(await rpc.call(V2, 'RepositoryModelLoad', { model_name: 'a' })).toEqual({});
    expect(await rpc.call(V2, 'ModelInfer', request)).toMatchObject({ model_version: '1' });
    const withFiles = { model_name: 'a', parameters: { config: { string_param: '{}' } } };
    expect(await rpc.call(V2, 'RepositoryModelLoad', withFiles)).toMatchObject({ code: 3 });
    expect(await rpc.call(V2, 'RepositoryModelUnload', { model_name: 'a' })).toEqual({});
    rpc.close();
    await stop(server);
  }, 30_000);

  it('asks for a token before it obeys, also while there is no worker', async () => {
    await arrive('a/1');
    const tokens = join(repository, '.tokens');
    await writeFile(tokens, 'secret\n');
    const server = await start({ AUTH_TOKENS_FILE: tokens });
    expect((await order(server, 'load', 'a'))[0]).toBe(401);
    const headers = { Authorization: 'Bearer secret' };
    expect((await server.post('/v2/repository/models/a/load', '', headers)).status).toBe(200);
    expect((await order(server, 'unload', 'a'))[0]).toBe(401);
    await stop(server);
  }, 30_000);
});

describe('a server whose repository says what is served', () => {
  it('takes no orders', async () => {
    await arrive('a/1');
    const server = await start({ MODEL_CONTROL: 'poll' });
    await until(() => ready(server), 200);
    for (const action of ['load', 'unload'] as const)
      expect(await order(server, action, 'a')).toEqual([404, expect.stringContaining('MODEL_CONTROL=explicit')]);
    await stop(server);
  }, 30_000);
});

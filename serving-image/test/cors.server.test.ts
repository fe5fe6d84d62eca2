import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { denseGraphModel } from '../testing/models.ts';
import { Bench, type Running } from '../testing/server.ts';

const BODY = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] });
const ORIGIN = 'https://a.example';
const INFER = '/v2/models/dense/infer';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.create();
  await denseGraphModel(join(bench.models, 'dense/1'));
  await writeFile(join(bench.models, 'tokens'), 'sesame-token-0001\n');
}, 60_000);
afterAll(() => bench.dispose());

async function start(env: Record<string, string>): Promise<Running> {
  const server = await bench.start({ MODEL_NAME: 'dense', MODEL_ENGINE: 'wasm', ...env });
  await server.logged('worker ready');
  return server;
}

const tokens = () => ({ AUTH_TOKENS_FILE: join(bench.models, 'tokens') });

async function ask(url: string, init: RequestInit): Promise<{ status: number; headers: Headers }> {
  const response = await fetch(url, init);
  await response.arrayBuffer();
  return response;
}

const preflight = (url: string, origin = ORIGIN) =>
  ask(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });

const infer = (url: string, body: string, headers: Record<string, string> = {}) =>
  ask(url, { method: 'POST', body, headers: { origin: ORIGIN, 'content-type': 'application/json', ...headers } });

describe('a server that lets scripts of some websites ask', () => {
  it.each([
    ['in the clear', () => ({})],
    ['with tokens', tokens],
  ])('says so to browsers, %s', async (_, env) => {
    const server = await start({
      CORS_ORIGINS: `${ORIGIN}, http://b.example`,
      ...env(),
    });
    for (const path of [INFER, '/v1/models/dense:predict', '/v2/models/none/infer']) {
      const { status, headers } = await preflight(server.url + path);
      expect([status, headers.get('access-control-allow-origin')]).toEqual([204, ORIGIN]);
      expect(headers.get('access-control-allow-methods')).toContain('POST');
      expect(headers.get('access-control-allow-headers')).toContain('authorization');
      expect(headers.get('vary')).toContain('Origin');
    }
    // An answer, a refusal, and what nobody is told without a token.
    for (const [body, token] of [
      [BODY, 'sesame-token-0001'],
      ['{', 'sesame-token-0001'],
      [BODY, 'x'],
    ] as const) {
      const { headers } = await infer(server.url + INFER, body, { authorization: `Bearer ${token}` });
      expect([headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual([ORIGIN, 'Origin']);
    }
    const { status, headers } = await preflight(server.url + INFER, 'https://c.example');
    expect([status, headers.get('access-control-allow-origin')]).toEqual([expect.any(Number), null]);
    expect(status).toBeGreaterThanOrEqual(400);
    expect((await preflight(`${server.admin}/metrics`)).headers.get('access-control-allow-origin')).toBeNull();
    server.process.kill('SIGTERM');
    await server.exited;
  });

  it('says nothing unless it is told to', async () => {
    const server = await start({});
    expect((await preflight(server.url + INFER)).status).toBe(405);
    const { status, headers } = await infer(server.url + INFER, BODY);
    expect([status, headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual([200, null, null]);
    server.process.kill('SIGTERM');
    await server.exited;
  });
});

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { getText } from './get-text.ts';

describe('getText', () => {
  let handler: http.RequestListener;
  let server: http.Server;
  beforeEach(async () => {
    server = http.createServer((request, response) => handler(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });

  const get = (options: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
    getText(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/trial`), {
      timeoutMs: 5_000,
      maxBytes: 100,
      signal: new AbortController().signal,
      ...options,
    });

  it('answers the body', async () => {
    handler = (request, response) => response.end(`${request.method} ${request.url}`);
    expect(await get()).toBe('GET /trial');
  });

  it.each<[string, http.RequestListener, object]>([
    ['another status', (_, response) => response.writeHead(503).end('busy'), { message: 'HTTP 503', body: 'busy' }],
    [
      'a redirect, which it does not follow',
      (_, response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(),
      { message: 'HTTP 302', status: 302 },
    ],
    ['a body that is too long', (_, r) => r.end('x'.repeat(1e6)), { message: 'an answer of more than 100 bytes' }],
    ['a broken connection', (_, response) => response.destroy(), { message: 'ECONNRESET' }],
    [
      'a body that breaks off',
      (_, response) => {
        response.writeHead(200, { 'Content-Length': 50 }).write('x', () => response.destroy());
      },
      { message: 'ECONNRESET' },
    ],
  ])('rejects %s', async (_, answer, error) => {
    handler = answer;
    await expect(get()).rejects.toMatchObject({ name: 'NoTextError', ...error });
  });

  it('gives up a server that is silent, before or within its answer', async () => {
    handler = () => {};
    await expect(get({ timeoutMs: 20 })).rejects.toMatchObject({ message: 'no answer within 0.02 s' });
    handler = (_, response) => response.write('x');
    await expect(get({ timeoutMs: 20 })).rejects.toMatchObject({ message: 'no answer within 0.02 s' });
  });

  it('ends when its signal aborts', async () => {
    const end = new AbortController();
    handler = () => end.abort();
    await expect(get({ signal: end.signal })).rejects.toMatchObject({ name: 'NoTextError' });
  });
});

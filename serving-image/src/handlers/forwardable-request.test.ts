import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { FORWARDED_HEADER, VIA_HEADER } from '@modeldeployment/modelpack/traffic';
import { newMark } from '../trial/via.ts';
import { ForwardableRequest } from './forwardable-request.ts';

const SECRET = 'sesame';
const HEADERS = {
  ...{ authorization: `Bearer ${SECRET}`, cookie: `session=${SECRET}`, traceparent: 'a', 'x-own': SECRET },
  ...{
    connection: 'content-length',
    'content-length': '1',
    'content-encoding': 'gzip',
    'x-modelserving-uncounted': 'yes',
  },
  ...{ 'content-type': 'text/plain', [FORWARDED_HEADER]: '9', [VIA_HEADER]: 'x' },
};
const mark = newMark();

function trialRequest(headers: IncomingHttpHeaders = HEADERS): ForwardableRequest {
  const body = { chunks: [Buffer.from('{}')], length: 2, jsonLength: undefined };
  const question = {
    kind: 'v2.infer',
    protocol: 'v2',
    entrypoint: 'REST',
    url: '/a',
    version: undefined,
    peer: '',
  } as const;
  return new ForwardableRequest({ ...question, headers, body }, { revision: '1', trial: { mark } }, ({ headers }) =>
    Promise.reject(new Error(inspect(headers))),
  );
}

/** The headers with which the server on trial is asked. */
async function target(made: ForwardableRequest): Promise<IncomingHttpHeaders> {
  let heard: IncomingHttpHeaders = {};
  const server = createServer((request, response) => {
    heard = request.headers;
    request.resume().once('end', () => response.end('{}'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  await made.forward(`127.0.0.1:${(server.address() as AddressInfo).port}`, 5000, true);
  server.close();
  server.closeAllConnections();
  return heard;
}

describe('a request that is forwarded', () => {
  it('says who the client is, and what this server says of itself', async () => {
    const { host, connection, ...rest } = await target(trialRequest());
    expect([host, connection]).toEqual([expect.stringContaining('127.0.0.1'), 'keep-alive']);
    expect(rest).toEqual({
      ...{ authorization: HEADERS.authorization, cookie: HEADERS.cookie, traceparent: 'a' },
      ...{ 'content-type': 'application/json', 'content-length': '2', [FORWARDED_HEADER]: '1', [VIA_HEADER]: mark },
    });
  });

  it('is known when it comes back, and by its mark alone', () => {
    expect(trialRequest({ [FORWARDED_HEADER]: '1' }).returned).toBe(false);
    expect(trialRequest({ [VIA_HEADER]: newMark() }).returned).toBe(false);
    expect(trialRequest({ [VIA_HEADER]: `${newMark()}, ${mark}` }).returned).toBe(true);
  });
});

describe('a copy of a request', () => {
  it('is asked in nobody’s name', async () => {
    const headers = await target(trialRequest().copy());
    expect(headers).toMatchObject({ traceparent: 'a', [FORWARDED_HEADER]: '1' });
    expect(inspect(headers)).not.toContain(SECRET);
  });

  it('that a server wants a token for says nothing of its revision', async () => {
    const server = createServer((request, response) =>
      request.resume().once('end', () => response.writeHead(401).end()),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const to = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await trialRequest().copy().forward(to, 5000, true)).toMatchObject({ ok: false, cause: 'unsent' });
    expect(await trialRequest().forward(to, 5000, true)).toMatchObject({ ok: false, cause: '4xx' });
    server.close();
    server.closeAllConnections();
  });

  it('keeps nothing that tells who its client is', async () => {
    const copy = trialRequest().copy();
    expect(inspect(copy, { depth: Infinity, showHidden: true })).not.toContain(SECRET);
    await expect(copy.own()).rejects.not.toThrow(SECRET);
  });
});

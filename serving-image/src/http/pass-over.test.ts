import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestError } from '../errors.ts';
import { Admission } from '../handlers/admission.ts';
import { json } from '../handlers/response.ts';
import { sendAnswer, sendError } from './send-response.ts';
import { readBody } from '../handlers/body.ts';
import { createHttpServer } from './server.ts';

const LIMITS = { bodyBytes: 1e6, requests: 10, answerBytes: 1e6, memoryBytes: 1e8, bytesPerSecond: 1 };
const PATIENCE = { headerSeconds: 10, requestSeconds: 30, bodyBytes: 1e6 };
const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
const PIECE = '1\r\n \r\n';
/** What a body of small pieces may have, and more than that: less than one packet of them. */
const MOST = 10_500;
const MANY = 60_000;

let admission: Admission;
let server: Server;
let client: Socket;
/** Pieces of bodies that the parser has told of. */
let pieces: number;

function listenTo(answer: (request: IncomingMessage) => Promise<void>): Promise<unknown> {
  pieces = 0;
  admission = new Admission(LIMITS);
  server = createHttpServer(PATIENCE, admission);
  server.prependListener('request', (request: IncomingMessage) => {
    const push = request.push.bind(request);
    request.push = (chunk: unknown) => {
      pieces += chunk === null ? 0 : 1;
      return push(chunk);
    };
  });
  server.on('request', (request) => void answer(request));
  return once(server.listen(0, '127.0.0.1'), 'listening');
}

/** All that a client hears that sends without an end, until its connection is closed. */
async function floods(): Promise<string> {
  let heard = '';
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1');
  client.on('error', () => undefined).on('data', (text: string) => (heard += text));
  const closed = once(client, 'close');
  client.write(HEAD + PIECE.repeat(MANY));
  const more = () => client.writable && client.write(PIECE.repeat(MANY));
  client.on('drain', more);
  await closed;
  return heard;
}

beforeEach(() => {
  pieces = 0;
});
afterEach(() => {
  client.destroy();
  server.close();
});

describe('a body in small pieces', () => {
  it('is read no further than it is allowed to be, and neither is what follows it', async () => {
    await listenTo(async (request) => {
      await readBody(request, admission.enter()).catch((error: unknown) => {
        const [response] = responses.splice(0);
        if (response) sendError(response, error as RequestError, false, admission);
      });
    });
    const responses: Parameters<typeof sendError>[0][] = [];
    server.prependListener('request', (_, response) => responses.push(response));
    expect(await floods()).toMatch(/^HTTP\/1\.1 413 [^]*too many too small pieces/);
    expect(pieces).toBeGreaterThan(1000);
    expect(pieces).toBeLessThan(MOST);
  });

  it('leaves the parser whole for whoever comes next', async () => {
    const lengths: number[] = [];
    await listenTo(async (request) => {
      const ticket = admission.enter();
      lengths.push((await readBody(request, ticket).catch(() => ({ length: -1 }))).length);
      request.socket.destroySoon();
    });
    await floods();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (let i = 0; i < 3; i++) await fetch(url, { method: 'POST', body: 'hello' }).catch(() => undefined);
    expect(lengths).toEqual([-1, 5, 5, 5]);
  });

  it('is passed over no further, when it was answered before it came', async () => {
    await listenTo(() => Promise.resolve());
    server.on('request', (_, response) => sendAnswer(response, json('{}'), false, admission));
    expect(await floods()).toMatch(/^HTTP\/1\.1 200 /);
    expect(pieces).toBeGreaterThan(1000);
    expect(pieces).toBeLessThan(MOST);
  });
});

import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { RequestError, tooManyRequests, ClientGone } from '../errors.ts';
import { startReading, stopReading } from '../ipc/socket-handoff.ts';
import { Admission } from '../handlers/admission.ts';
import { sendAnswer, sendError } from './send-response.ts';
import { apiRequestOf, type ApiRequest } from '../handlers/request.ts';
import { FastPath } from './fast-path.ts';
import type { FastPathConnection } from './fast-path-connection.ts';
import { createHttpServer } from './server.ts';
import { type ApiResponse } from '../handlers/response.ts';

const MEMORY = { memoryBytes: 100_000_000, answerBytes: 1e9, bytesPerSecond: 1000 };
const LIMITS = { headerSeconds: 1, requestSeconds: 4, bodyBytes: 500_000, requests: 10, ...MEMORY };
const PATH = '/v2/models/m/infer';
const post = (body: string, headers = '') =>
  `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;

let listener: Server;
let http: HttpServer;
let client: Socket;
let connection: FastPathConnection;
let heard: string;
let events: string[];
/** What the service does with a request. */
let answer: (request: ApiRequest, send: (outcome: ApiResponse | RequestError) => void) => unknown;
let here: (url: string) => string | undefined;
let closing: boolean;
let admission: Admission;

/** Answers with what it was asked. */
const echo: typeof answer = async (request, send) => {
  const ticket = admission.enter();
  try {
    const { chunks } = await request.body(ticket);
    send({ type: 'text/plain', body: `<${Buffer.concat(chunks).toString()}>` });
  } catch (error) {
    events.push((error as Error).name);
    if (error instanceof RequestError) send(error);
  } finally {
    ticket.leave();
  }
};

beforeEach(async () => {
  admission = new Admission(LIMITS);
  [heard, events, here, closing, answer] = ['', [], (url) => url, false, echo];
  http = createHttpServer(LIMITS, admission);
  http.on('request', (request, response) => {
    events.push('node:http');
    void echo(apiRequestOf(request), (outcome) => {
      if (outcome instanceof RequestError) sendError(response, outcome, false, admission);
      else sendAnswer(response, outcome, false, admission);
    });
  });
  const fastPath = new FastPath({
    server: http,
    limits: LIMITS,
    cors: undefined,
    admission,
    here: (url) => here(url),
    serve: (request, send) => answer(request, send),
    closing: () => closing,
  });
  const taken = new Promise<void>((resolve) => {
    listener = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      stopReading(socket);
      const watch = { began: () => void events.push('began'), answered: () => void events.push('answered') };
      connection = fastPath.take(socket, watch) as FastPathConnection;
      startReading(connection.socket);
      resolve();
    });
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  client = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  client.setEncoding('latin1').on('data', (text: string) => (heard += text));
  client.on('error', () => undefined).setNoDelay(true);
  await taken;
});

afterEach(() => {
  client.destroy();
  connection.socket.destroy();
  listener.close();
});

/** Resolves when the client has heard so many answers whose body is one of `<…>`. */
async function answers(count: number): Promise<string[]> {
  for (;;) {
    const bodies = heard.match(/<[^>]*>/g) ?? [];
    if (bodies.length >= count) return bodies;
    await once(client, 'data');
  }
}

const closed = () => (client.closed ? undefined : once(client.resume(), client.readableEnded ? 'close' : 'end'));
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('a connection of the lane', () => {
  it('answers one request after the other, with the same head or another', async () => {
    const all = [post('one'), post('two'), post('three'), post('', 'X-A: b\r\n'), post('four')];
    for (const [i, text] of all.entries()) {
      client.write(text);
      await answers(i + 1);
    }
    expect(await answers(5)).toEqual(['<one>', '<two>', '<three>', '<>', '<four>']);
    expect(events).toEqual(Array.from({ length: 5 }, () => ['began', 'answered']).flat());
    expect(connection.between).toBe(true);
  });

  it('answers as node:http would', async () => {
    const both = async () => {
      client.write(post('one'));
      await answers(1);
      const [head = ''] = heard.split('<');
      heard = '';
      return head
        .replace(/Date: .*/, 'Date')
        .split('\r\n')
        .sort();
    };
    const ours = await both();
    here = () => undefined;
    expect(ours).toEqual(await both());
    expect(events).toContain('node:http');
  });

  it('puts a body together that comes byte by byte', async () => {
    const text = post('0123456789');
    client.write(text.slice(0, -10));
    for (const byte of text.slice(-10)) {
      await pause();
      expect(connection.between).toBe(false);
      client.write(byte);
    }
    expect(await answers(1)).toEqual(['<0123456789>']);
    expect(events).toEqual(['began', 'answered']);
  });

  it('goes on with what was read of it elsewhere', async () => {
    const text = post('0123456789');
    connection.start(Buffer.from(text.slice(0, -3)));
    client.write(text.slice(-3));
    expect(await answers(1)).toEqual(['<0123456789>']);
    expect(events).toEqual(['began', 'answered']);
  });

  it('asks for what the service says that was asked for', async () => {
    here = () => '/v2/models/m/versions/1/infer';
    const urls: string[] = [];
    answer = (request, send) => {
      urls.push(request.url);
      return echo(request, send);
    };
    client.write(post('one'));
    await answers(1);
    expect(urls).toEqual(['/v2/models/m/versions/1/infer']);
  });

  it.each([0, 3, 8])('puts binary tensors where they can be used, behind %i bytes of JSON', async (json) => {
    let at: number | undefined;
    answer = async (request, send) => {
      const { chunks } = await request.body(admission.enter());
      at = ((chunks[0]?.byteOffset ?? NaN) + json) % 8;
      send({ type: 'text/plain', body: '<>' });
    };
    client.write(post('0123456789abcdef', `Inference-Header-Content-Length: ${json}\r\n`));
    await answers(1);
    expect(at).toBe(0);
  });

  it.each(['-3', '1.5', 'Infinity', '1e3', 'x', '99999999999999999999'])(
    'takes a body whose JSON is said to have %s bytes',
    async (length) => {
      client.write(post('0123456789abcdef', `Inference-Header-Content-Length: ${length}\r\n`));
      expect(await answers(1)).toEqual(['<0123456789abcdef>']);
    },
  );

  it('throws away the body of a request that was refused before it came, and answers the next', async () => {
    answer = (request, send) => {
      if (events.length > 1) void echo(request, send);
      else send(tooManyRequests(1));
    };
    const text = post('0123456789');
    client.write(text.slice(0, -4));
    while (!heard.includes('429')) await once(client, 'data');
    expect(connection.between).toBe(false);
    client.write(`${text.slice(-4)}${post('next')}`);
    expect(await answers(1)).toEqual(['<next>']);
  });

  it('tells a service that asks too late for a body, instead of giving it the bytes of another', async () => {
    answer = async (request, send) => {
      await pause();
      return echo(request, send);
    };
    client.write(post('one'));
    while (!events.includes('Error')) await pause();
    expect(heard).toBe('');
  });

  it('stops a body that is too much for the server with a 503, and goes on', async () => {
    const ticket = admission.enter();
    ticket.take(LIMITS.memoryBytes - 5);
    client.write(post('01234567'));
    while (!heard.includes('503')) await once(client, 'data');
    ticket.leave();
    client.write(post('next'));
    expect(await answers(1)).toEqual(['<next>']);
    expect(admission.bytes).toBe(0);
  });
});

describe('a connection that is not for the lane', () => {
  it.each([
    ['a head in two pieces', [post('one').slice(0, 20), post('one').slice(20)], ['<one>']],
    [
      'a body in chunks',
      [`POST ${PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n`],
      ['<one>'],
    ],
    ['a client that asks first', [post('', 'Expect: 100-continue\r\n')], ['<>']],
    ['two requests at once', [post('one') + post('two')], ['<one>', '<two>']],
    ['something that has no body', ['GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n'], ['<>']],
    ['a body that is too large', [post('x'.repeat(LIMITS.bodyBytes + 1))], []],
  ])("is node:http's: %s", async (_, pieces, bodies) => {
    for (const piece of pieces) {
      client.write(piece);
      await pause();
    }
    expect(await answers(bodies.length)).toEqual(bodies);
    while (heard === '') await once(client, 'data');
    expect(events).toContain('node:http');
    expect([events.includes('began'), connection.between]).toEqual([false, undefined]);
    if (bodies.length === 0) expect(heard).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('is so from when a request comes before the last one was answered, with none lost', async () => {
    let release: () => void = () => undefined;
    answer = async (request, send) => {
      const held = new Promise<void>((resolve) => (release = resolve));
      const body = request.body(admission.enter());
      await held;
      send({ type: 'text/plain', body: `<${Buffer.concat((await body).chunks).toString()}>` });
    };
    client.write(post('one'));
    await pause();
    client.write(post('two'));
    await pause();
    client.write(post('three') + post('four'));
    await pause();
    expect([heard, connection.between]).toEqual(['', false]);
    release();
    expect(await answers(4)).toEqual(['<one>', '<two>', '<three>', '<four>']);
    expect(events.filter((event) => event === 'node:http')).toHaveLength(3);
  });

  it('is so from when other versions are served here', async () => {
    client.write(post('one'));
    await answers(1);
    here = () => undefined;
    client.write(post('two'));
    expect(await answers(2)).toEqual(['<one>', '<two>']);
    expect(events.at(-1)).toBe('node:http');
  });
});

describe('a client of the lane', () => {
  it('that ends its side gets its answer all the same', async () => {
    client.end(post('one'));
    expect(await answers(1)).toEqual(['<one>']);
    await closed();
  });

  it('that ends its side between requests is closed', async () => {
    client.write(post('one'));
    await answers(1);
    client.end();
    await closed();
  });

  it('that ends in the middle of a body is told, and nothing is run', async () => {
    client.end(post('one').slice(0, -1));
    await closed();
    expect(heard).toMatch(/^HTTP\/1\.1 400 /);
    expect(events).toContain(ClientGone.name);
  });

  it('that goes away in the middle of a body is forgotten', async () => {
    client.write(post('one').slice(0, -1));
    await pause();
    client.resetAndDestroy();
    while (!events.includes(ClientGone.name)) await pause();
    expect(admission.requests).toBe(0);
  });

  it('that has gone is known to be', async () => {
    let gone: (() => boolean) | undefined;
    answer = (request) => {
      gone = () => request.gone();
    };
    client.write(post('one'));
    await pause();
    expect(gone?.()).toBe(false);
    client.resetAndDestroy();
    while (!gone?.()) await pause();
  });

  it('that does not read its answers is not answered more', async () => {
    const size = 20_000_000;
    answer = async (request, send) => {
      await request.body(admission.enter());
      send({ type: 'text/plain', body: Buffer.alloc(size) });
    };
    client.pause().write(post('one'));
    await pause();
    expect([events, connection.between]).toEqual([['began'], false]);
    client.resume();
    while (heard.length < size) await once(client, 'data');
    while (events.length < 2) await pause();
    expect(connection.between).toBe(true);
  });

  it('that ends its side while a large answer is on its way is closed with it', async () => {
    const size = 20_000_000;
    answer = async (request, send) => {
      await request.body(admission.enter());
      send({ type: 'text/plain', body: Buffer.alloc(size) });
    };
    client.pause().write(post('one'));
    await pause();
    client.end();
    await pause();
    client.resume();
    while (!connection.socket.destroyed) await pause();
    // What the kernel still has of it is the client's to read.
    await closed();
    expect(heard.length).toBeGreaterThan(size);
  });

  it('that does not send its body is told', async () => {
    client.write(post('one').slice(0, -1));
    await pause();
    connection.look(performance.now() + LIMITS.requestSeconds * 1000 - 500);
    expect(connection.socket.writable).toBe(true);
    connection.look(performance.now() + LIMITS.requestSeconds * 1000 + 1);
    await closed();
    expect(heard).toMatch(/^HTTP\/1\.1 408 /);
    expect(events).toContain(ClientGone.name);
  });

  it('that never says anything is closed without a word: it may have said something to another worker', async () => {
    connection.look(performance.now() + 74_000);
    expect(connection.socket.writable).toBe(true);
    connection.look(performance.now() + 76_000);
    await closed();
    expect(heard).toBe('');
  });

  it('that neither asks nor reads is closed in the end', async () => {
    const size = 12_000;
    answer = async (request, send) => {
      await request.body(admission.enter());
      send({ type: 'text/plain', body: Buffer.alloc(size) });
    };
    admission = new Admission({ ...LIMITS, requests: 1e6 });
    client.pause();
    while (connection.socket.writableLength === 0) {
      const before = events.length;
      client.write(post('one'));
      while (events.length < before + 2 && connection.socket.writableLength === 0) await pause();
    }
    connection.look(performance.now() + 76_000);
    expect(connection.socket.destroyed).toBe(false);
    connection.look(performance.now() + 78_000);
    expect(connection.socket.destroyed).toBe(true);
  });

  it('that has no more requests is closed after a while, but not while it is answered', async () => {
    client.write(post('one'));
    await answers(1);
    connection.look(performance.now() + 74_000);
    expect(connection.socket.writable).toBe(true);
    answer = () => undefined;
    client.write(post('two'));
    await pause();
    connection.look(performance.now() + 76_000);
    expect(connection.socket.writable).toBe(true);
    connection.look(performance.now());
    client.destroy();
  });

  it('is closed with its answer by a server that stops', async () => {
    closing = true;
    client.write(post('one'));
    await closed();
    expect(heard).toContain('Connection: close');
    expect(await answers(1)).toEqual(['<one>']);
  });

  it('gets the answer of a server that stops before its body has come', async () => {
    closing = true;
    answer = (_, send) => void send(tooManyRequests(1));
    client.write(post('x'.repeat(400_000)).slice(0, 200_000));
    await closed();
    expect(heard).toMatch(/^HTTP\/1\.1 429 [^]*Connection: close/);
    client.write('x'.repeat(300_000));
    while (!connection.socket.destroyed) await pause();
  });

  it('gets it, too, when the server stops behind it', async () => {
    answer = (_, send) => void send(tooManyRequests(1));
    client.write(post('x'.repeat(400_000)).slice(0, 200_000));
    while (!heard.includes('429')) await once(client, 'data');
    connection.finish();
    await closed();
    expect(connection.socket.destroyed).toBe(false);
    // The rest never comes: it is not waited for long.
    while (!connection.socket.destroyed) await pause();
  });
});

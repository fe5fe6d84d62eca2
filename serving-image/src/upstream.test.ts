import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PassedHeaders, type Headers } from './protocol/passed-headers.ts';
import { ask, SharedConnections, whenAnswered } from './upstream.ts';

let server: Server | undefined;
let connections: SharedConnections | undefined;
const sockets = new Set<Socket>();
afterEach(() => {
  connections?.destroy();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server?.close();
});

/** Answers each request by what `answer` says of what has arrived on its connection; undefined waits for more. */
async function listening(answer: (heard: string, socket: Socket) => string | undefined): Promise<void> {
  server = createServer((socket) => {
    sockets.add(socket);
    let heard = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      const said = answer(heard, socket);
      if (said === undefined) return;
      heard = '';
      socket.write(said);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  connections = new SharedConnections({ maxSockets: 1 });
}

function open(method: string, headers: Headers, length: number | undefined): ClientRequest {
  if (!connections) throw new Error('nothing listens');
  const to = { host: '127.0.0.1', port: (server?.address() as AddressInfo).port };
  return ask({ connections, to, method, path: '/a', headers: PassedHeaders.ofClient(headers), length });
}

/** The status and the body of the answer, or the code of what went wrong. */
const answered = (asked: ClientRequest): Promise<string> =>
  new Promise((resolve) => {
    asked.on('error', ({ code }: NodeJS.ErrnoException) => resolve(`error ${code}`));
    asked.on('response', (incoming: IncomingMessage) => {
      let text = '';
      incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
      incoming.on('error', () => resolve('broken'));
      whenAnswered(asked, incoming, () => resolve(`${incoming.statusCode} ${text}`));
    });
  });

const get = () => {
  const asked = open('GET', {}, 0);
  asked.end();
  return answered(asked);
};

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown';

describe('a request to another server', () => {
  it('is framed by who sends it, whatever its method is and its client said', async () => {
    let arrived = '';
    await listening((heard) => {
      arrived = heard;
      return /END\r\n0\r\n\r\n$|END$/.test(heard) ? OK : undefined;
    });
    const name = fc.constantFrom(
      'connection',
      'content-length',
      'transfer-encoding',
      'host',
      'trailer',
      'expect',
      'te',
    );
    const value = fc.constantFrom('0', '5', 'chunked', 'content-length', 'close', '100-continue', 'upgrade');
    const method = fc.constantFrom('GET', 'POST', 'DELETE', 'OPTIONS', 'PUT', 'TRACE', 'HEAD');
    await fc.assert(
      fc.asyncProperty(method, fc.dictionary(name, value), fc.boolean(), async (method, headers, chunked) => {
        const asked = open(method, headers, chunked ? undefined : 7);
        asked.end('bodyEND');
        await answered(asked);
        const [head = '', body] = arrived.split('\r\n\r\n');
        const framing = head
          .split('\r\n')
          .filter((line) => /^(content-length|transfer-encoding|trailer|expect)/i.test(line));
        expect(framing).toEqual([chunked ? 'Transfer-Encoding: chunked' : 'Content-Length: 7']);
        expect(body).toBe(chunked ? '7\r\nbodyEND\r\n0' : 'bodyEND');
      }),
      { numRuns: 200 },
    );
  });

  it('does not go over a connection on which something came that nobody had asked', async () => {
    await listening((heard, socket) => {
      setImmediate(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray'));
      return heard.includes('\r\n\r\n') ? OK : undefined;
    });
    expect(await get()).toBe('200 own');
    const [first] = sockets;
    if (first && !first.destroyed) await once(first, 'close');
    expect(await get()).toBe('200 own');
    expect(sockets.size).toBe(2);
  });

  it.each([
    ['more than its length', `${OK}more`],
    ['a second answer', OK + OK],
    ['an answer before its body was read', undefined],
  ])('does not go over a connection with %s', async (_, said) => {
    const large = Buffer.alloc(50_000_000);
    await listening((heard, socket) => {
      if (said === undefined && heard.startsWith('POST')) socket.pause();
      return heard.startsWith('GET') ? OK : (said ?? OK);
    });
    const asked = open('POST', {}, large.length);
    asked.end(large);
    await answered(asked);
    expect(await get()).toBe('200 own');
    expect(sockets.size).toBe(2);
  });

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n'],
    ['GET', `HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n${OK}`],
  ])('of %s knows where the answer ends: %j', async (method, said) => {
    let turn = 0;
    await listening(() => (turn++ === 0 ? said : OK));
    const asked = open(method, {}, 0);
    asked.end();
    expect(await answered(asked)).toMatch(/^\d{3} (own)?$/);
    expect(await get()).toBe('200 own');
    expect(sockets.size).toBe(1);
  });
});

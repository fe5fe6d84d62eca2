import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readHead } from './head.ts';

const PATH = '/v2/models/dense/infer';
const head = (lines: readonly string[], line = `POST ${PATH} HTTP/1.1`) =>
  Buffer.from([line, ...lines, '', ''].join('\r\n'), 'latin1');

describe('the head of a request', () => {
  it('is read as client libraries send it', () => {
    const bytes = head([
      'Host: x',
      'Connection: Keep-Alive',
      'content-type:application/json ',
      'Content-Length: 12',
      'X-A:',
    ]);
    expect(readHead(Buffer.concat([bytes, Buffer.from('{"inputs":[]')]))).toEqual({
      url: PATH,
      protocol: 'v2',
      headers: Object.assign(Object.create(null), {
        host: 'x',
        connection: 'Keep-Alive',
        'content-type': 'application/json',
        'content-length': '12',
        'x-a': '',
      }) as object,
      length: 12,
      size: bytes.length,
    });
  });

  it.each(['/v1/models/a:predict', '/v1/models/a/versions/3:classify', '/v1/models/a/labels/b:regress?x=1', PATH])(
    'is one for a model: %s',
    (path) => expect(readHead(head(['Host: x', 'Content-Length: 1'], `POST ${path} HTTP/1.1`))?.url).toBe(path),
  );

  it.each([
    ['of another verb', head(['Host: x', 'Content-Length: 1'], `GET ${PATH} HTTP/1.1`)],
    ['of HTTP/1.0', head(['Host: x', 'Content-Length: 1'], `POST ${PATH} HTTP/1.0`)],
    ['for something else than a model', head(['Host: x', 'Content-Length: 1'], 'POST /v2/repository/index HTTP/1.1')],
    ['with the whole address', head(['Host: x', 'Content-Length: 1'], `POST http://x${PATH} HTTP/1.1`)],
    ['without a host', head(['Content-Length: 1'])],
    ['without a length', head(['Host: x'])],
    ['with a length that is none', head(['Host: x', 'Content-Length: +1'])],
    ['with two lengths', head(['Host: x', 'Content-Length: 1', 'content-length: 1'])],
    ['in chunks', head(['Host: x', 'Content-Length: 1', 'Transfer-Encoding: chunked'])],
    ['that asks first', head(['Host: x', 'Content-Length: 1', 'Expect: 100-continue'])],
    ['that closes', head(['Host: x', 'Content-Length: 1', 'Connection: close'])],
    ['that changes the protocol', head(['Host: x', 'Content-Length: 1', 'Upgrade: h2c'])],
    ['with a blank before the colon', head(['Host: x', 'Content-Length : 1'])],
    ['with a tab behind its length', head(['Host: x', 'Content-Length: 1\t'])],
    ['with a folded line', head(['Host: x', 'Content-Length: 1', 'X: a', ' b'])],
    ['with a line end of its own', head(['Host: x', 'Content-Length: 1', 'X: a\nY: b'])],
    ['with letters of other alphabets', head(['Host: x', 'Content-Length: 1', 'X: \u00e9'])],
    ['that is very long', head(['Host: x', 'Content-Length: 1', `X: ${'x'.repeat(9000)}`])],
    ['that is not here as a whole', head(['Host: x', 'Content-Length: 1']).subarray(0, -1)],
  ])('is left to node:http: one %s', (_, bytes) => expect(readHead(bytes)).toBeUndefined());
});

describe('beside the parser of node:http', () => {
  let server: Server;
  /** Who waits for what was read, by the port of the connection. */
  const waiting = new Map<number | undefined, (request: IncomingMessage | undefined) => void>();
  beforeAll(async () => {
    server = createServer((request, response) => {
      waiting.get(request.socket.remotePort)?.(request);
      request.resume();
      response.end();
    });
    server.on('clientError', (_, socket: Socket) => {
      waiting.get(socket.remotePort)?.(undefined);
      socket.destroy();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  async function asNodeReads(bytes: Buffer) {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    await once(socket, 'connect');
    const { localPort } = socket;
    const read = new Promise<IncomingMessage | undefined>((resolve) => waiting.set(localPort, resolve));
    socket.write(bytes);
    const request = await read;
    waiting.delete(localPort);
    socket.destroy();
    return request && { url: request.url, method: request.method, headers: { ...request.headers } };
  }

  const odd = fc.constantFrom(
    '\r',
    '\n',
    '\t',
    ' ',
    '\0',
    ':',
    ',',
    '\u007f',
    '\u00e9',
    '"',
    'chunked',
    '\r\n',
    '/',
    '#',
    '%00',
  );
  const text = (max: number) =>
    fc
      .array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...'abcXYZ019-_./;=') }, { weight: 1, arbitrary: odd }), {
        maxLength: max,
      })
      .map((parts) => parts.join(''));
  const field = fc.oneof(
    fc.constantFrom(
      'Host: x',
      'Content-Length: 3',
      'content-length: 03',
      'Content-Length: 3, 3',
      'Connection: keep-alive',
      'Connection: close',
      'Transfer-Encoding: chunked',
      'Content-Type: application/json',
      'Inference-Header-Content-Length: 2',
      'Expect: 100-continue',
      'X-A: b',
      'x-a: c',
      ' X-A: d',
      '__proto__: x',
      'Cookie: a=b',
    ),
    fc.tuple(text(6), fc.constantFrom(':', ': ', ' : ', ''), text(12)).map((parts) => parts.join('')),
  );
  const line = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(`POST ${PATH} HTTP/1.1`, 'POST /v1/models/a:predict HTTP/1.1') },
    { weight: 2, arbitrary: text(10).map((part) => `POST /v2/models/${part}/infer HTTP/1.1`) },
    { weight: 1, arbitrary: text(10).map((part) => `POST ${PATH}?${part} HTTP/1.1`) },
    { weight: 1, arbitrary: text(3).map((part) => `POST${part} ${PATH} HTTP/1.1`) },
  );

  it('what is read here is read there the same way', async () => {
    let read = 0;
    await fc.assert(
      fc.asyncProperty(line, fc.array(field, { maxLength: 5 }), async (first, fields) => {
        const bytes = Buffer.concat([head(['Host: x', 'Content-Length: 3', ...fields], first), Buffer.from('{ }')]);
        const ours = readHead(bytes);
        if (!ours) return;
        read++;
        const node = await asNodeReads(bytes);
        expect(node).toEqual({ url: ours.url, method: 'POST', headers: { ...ours.headers } });
        expect(bytes.indexOf('\r\n\r\n') + 4).toBe(ours.size);
      }),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(100);
  }, 60_000);
});

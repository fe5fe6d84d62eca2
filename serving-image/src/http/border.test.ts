import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RequestError } from '../errors.ts';
import { admit } from './border.ts';

let server: Server;
beforeAll(async () => {
  server = createServer((request, response) => {
    try {
      admit(request);
      response.end(request.url);
    } catch (error) {
      response.writeHead(error instanceof RequestError ? error.status : 500, { Connection: 'close' }).end();
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

/** Status and body of the answer to a request with this target and these lines. */
async function ask(target: string, lines: string[] = [], version = '1.1'): Promise<[number, string]> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.end([`GET ${target} HTTP/${version}`, 'Host: x', ...lines, '', ''].join('\r\n'));
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const path = /^transfer-encoding: chunked/im.test(head) ? (body.split('\r\n')[1] ?? '') : body;
  return [Number(head.slice(9, 12)), path];
}

describe('a request', () => {
  it.each([
    ['/v2/a?b=c', '/v2/a?b=c'],
    ['http://x/v2/a?b=c', '/v2/a?b=c'],
    ['HTTP://other.example:99/v2', '/v2'],
    ['https://user@x/v1/a', '/v1/a'],
    ['http://x', '/'],
    ['http://x?b', '/?b'],
    ['*', '*'],
  ])('for %s is for the path %s', async (target, path) => {
    expect(await ask(target)).toEqual([200, path]);
  });

  it.each([
    ['names what frames it in Connection', ['Connection: content-length', 'Content-Length: 0'], 400],
    ['names what is heeded in Connection', ['Connection: keep-alive, Authorization'], 400],
    ['has two Hosts', ['HOST: y'], 400],
    ['is coded otherwise than in chunks', ['Transfer-Encoding: gzip, chunked'], 501],
  ])('that %s is refused', async (_, lines, status) => {
    expect((await ask('/', [...lines]))[0]).toBe(status);
  });

  it('of HTTP/1.0 has no chunks', async () => {
    expect((await ask('/', ['Transfer-Encoding: chunked'], '1.0'))[0]).toBe(400);
  });
});

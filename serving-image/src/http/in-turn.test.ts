import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inTurn } from './in-turn.ts';

let begun: { request: IncomingMessage; response: ServerResponse }[];
let more: () => void;
let server: Server;
let client: Socket;
let heard: string;

beforeEach(async () => {
  begun = [];
  heard = '';
  more = () => undefined;
  server = createServer(
    inTurn((request, response) => {
      begun.push({ request, response });
      more();
    }),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.setEncoding('utf8').on('data', (text: string) => (heard += text));
});
afterEach(async () => {
  client.destroy();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const post = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const until = async (count: number): Promise<void> => {
  while (begun.length < count) await new Promise<void>((resolve) => (more = resolve));
};

describe('requests sent ahead on one connection', () => {
  it('begin when the one before is answered, with their bodies whole', async () => {
    client.write(post('/1', 'one') + post('/2', 'two') + post('/3', 'three'));
    const bodies: string[] = [];
    for (let i = 1; i <= 3; i++) {
      await until(i);
      const { request, response } = begun[i - 1] as (typeof begun)[number];
      let body = '';
      for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
      bodies.push(`${request.url} ${body}`);
      // The others are here, and wait.
      expect(begun).toHaveLength(i);
      response.end(`answer ${i}`);
    }
    expect(bodies).toEqual(['/1 one', '/2 two', '/3 three']);
    while (!heard.includes('answer 3')) await once(client, 'data');
  });

  it('never begin when their client has gone', async () => {
    client.write(post('/1', '') + post('/2', ''));
    await until(1);
    const { request, response } = begun[0] as (typeof begun)[number];
    const gone = once(response, 'close');
    client.destroy();
    await Promise.all([gone, once(request.socket, 'close')]);
    expect(begun).toHaveLength(1);
  });
});

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionLimit } from './connection-limit.ts';
import { Connections } from './connections.ts';
import { startReading } from '../ipc/socket-handoff.ts';

const REQUEST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello';

let listener: Server;
let connections: Connections;
let returned: Socket[];
let closed: number;
let client: Socket;
let heard: string;

beforeEach(async () => {
  returned = [];
  closed = 0;
  heard = '';
  const http = createHttpServer((request, response) => {
    request.resume().on('end', () => response.end('ok'));
  });
  connections = new Connections(
    http,
    {
      taken: (_, then) => setImmediate(then),
      returned: (socket, then) => {
        returned.push(socket);
        setImmediate(then);
      },
      closed: () => closed++,
    },
    new ConnectionLimit(10),
  );
  listener = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => connections.take(1, socket));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  client = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  client.setEncoding('utf8').on('data', (text: string) => (heard += text));
  client.on('error', () => undefined);
  await once(client, 'connect');
});

afterEach(() => {
  client.destroy();
  for (const socket of returned) socket.destroy();
  listener.close();
});

/** Resolves when the client has got so many answers. */
async function answers(count: number): Promise<void> {
  while (heard.split('\r\n\r\nok').length - 1 < count) await once(client, 'data');
}

describe('a worker that is asked for connections', () => {
  it('gives one back between two requests, and reads no more of it', async () => {
    client.write(REQUEST);
    await answers(1);
    connections.giveBack(1);
    expect(returned).toHaveLength(1);
    const [socket] = returned;
    const before = socket?.bytesRead;
    client.write(REQUEST);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(socket?.bytesRead).toBe(before);
    // The bytes are there for whoever reads next.
    const chunk = new Promise((resolve) => socket?.removeAllListeners('data').once('data', resolve));
    if (socket) startReading(socket);
    socket?.resume();
    expect(String(await chunk)).toBe(REQUEST);
  });

  it('keeps one of which it has read half a request, until that is answered', async () => {
    client.write(REQUEST + REQUEST.slice(0, 20));
    await answers(1);
    connections.giveBack(1);
    expect(returned).toEqual([]);
    client.write(REQUEST.slice(20));
    await answers(2);
    while (returned.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(returned).toHaveLength(1);
  });

  it('keeps one whose body has not arrived, until it is answered', async () => {
    client.write(REQUEST.slice(0, -2));
    while (client.bytesWritten === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const left = connections.leave();
    expect(returned).toEqual([]);
    client.write(REQUEST.slice(-2));
    await Promise.all([left, answers(1)]);
    expect(returned).toHaveLength(1);
  });

  it('gives back one that has not spoken', async () => {
    await connections.leave();
    expect(returned).toHaveLength(1);
    expect(closed).toBe(0);
  });

  it('gives no more than it is asked for', async () => {
    client.write(REQUEST);
    await answers(1);
    connections.giveBack(0);
    client.write(REQUEST);
    await answers(2);
    expect(returned).toEqual([]);
  });
});

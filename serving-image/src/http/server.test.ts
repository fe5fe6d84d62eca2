import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Admission } from '../handlers/admission.ts';
import { createHttpServer } from './server.ts';

const LIMITS = { bodyBytes: 1, requests: 1, answerBytes: 1, memoryBytes: 1000, bytesPerSecond: 1 };

let server: Server;
let client: Socket;

beforeEach(async () => {
  server = createHttpServer({ headerSeconds: 1, requestSeconds: 1, bodyBytes: 1 }, new Admission(LIMITS));
  server.on('request', (_, response) => response.end('<>'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1');
});

afterEach(() => {
  client.destroy();
  server.close();
});

async function ask(): Promise<string> {
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  let heard = '';
  while (!heard.includes('<>')) heard += String(await once(client, 'data'));
  return heard;
}

const timeout = async () => ((await once(server, 'timeout')) as [Socket])[0];

describe('an idle connection', () => {
  it('is kept for longer than clients are told', async () => {
    expect(await ask()).toContain('\r\nKeep-Alive: timeout=5\r\n');
    server.keepAliveTimeout = 20;
    for (let time = 0; time < 2; time++) {
      await ask();
      const { destroyed, timeout: next } = await timeout();
      expect([destroyed, next]).toEqual([false, 70_000]);
    }
    await ask();
  });

  it('is closed in the end', async () => {
    server.keepAliveTimeout = 20;
    await ask();
    const socket = await timeout();
    const closed = once(socket, 'close');
    // Seventy seconds later.
    socket.emit('timeout');
    await closed;
  });
});

import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Admission } from '../handlers/admission.ts';
import { sendAnswer } from './send-response.ts';
import { json } from '../handlers/response.ts';

const LIMITS = { bodyBytes: 1000, requests: 10, answerBytes: 1e9, bytesPerSecond: 1000 };
/** More than kernels keep of one connection. */
const LARGE = Buffer.alloc(16_000_000, ' ');
const SMALL = Buffer.alloc(1000, ' ');

let admission: Admission;
let now: number;
let server: Server;
let client: Socket;
let responses: ServerResponse[];

/** A client that reads nothing has asked so often, one behind the other. */
async function ask(count: number): Promise<void> {
  client.pause();
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(count));
  while (responses.length < count) await once(server, 'request');
}
const answer = (index: number, body: Buffer) => {
  const response = responses[index];
  if (response) sendAnswer(response, json(body), false, admission);
  return response;
};
const later = (milliseconds: number) => {
  now += milliseconds;
  admission.look();
};

beforeEach(async () => {
  [now, responses] = [0, []];
  admission = new Admission({ ...LIMITS, memoryBytes: 100_000_000 }, () => now);
  server = createServer((_, response) => responses.push(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
});
afterEach(() => {
  client.destroy();
  server.close();
});

describe('an answer that is not read', () => {
  it('is counted, and so are those behind it, until its client is too slow', async () => {
    await ask(3);
    for (const index of [0, 1, 2]) answer(index, LARGE);
    expect(admission.bytes).toBeGreaterThanOrEqual(3 * LARGE.length);
    expect(admission.waiting).toBe(1);
    const socket = responses[0]?.socket;
    later(4_000);
    expect(socket?.destroyed).toBe(false);
    // By then it should have read what the kernel took at once, and more.
    later(20_000_000);
    expect(socket?.destroyed).toBe(true);
    if (socket) await once(socket, 'close');
    expect([admission.bytes, admission.waiting]).toEqual([0, 0]);
  });

  it('because the one before it is not there yet waits for the server, not for its client', async () => {
    await ask(2);
    const second = answer(1, SMALL);
    expect(admission.bytes).toBeGreaterThanOrEqual(SMALL.length);
    later(1_000_000);
    expect(second?.req.socket.destroyed).toBe(false);
    const finished = second && once(second, 'finish');
    answer(0, SMALL);
    await finished;
    expect([admission.bytes, admission.waiting]).toEqual([0, 0]);
  });

  it('closes its connection where there is no memory to keep it', async () => {
    await ask(8);
    for (const index of responses.keys()) answer(index, LARGE);
    expect(responses[0]?.req.socket.destroyed).toBe(true);
    if (responses[0]) await once(responses[0].req.socket, 'close');
    expect([admission.bytes, admission.waiting]).toEqual([0, 0]);
  });
});

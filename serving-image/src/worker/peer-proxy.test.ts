import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sendAnswer } from '../http/send-response.ts';
import { prepare } from '../http/server.ts';
import { apiRequestOf } from '../handlers/request.ts';
import { Admission } from '../handlers/admission.ts';
import { PeerProxy } from './peer-proxy.ts';

const MiB = 1024 * 1024;
const LIMITS = { bodyBytes: 4 * MiB, requests: 2, answerBytes: 64 * MiB, memoryBytes: 64 * MiB, bytesPerSecond: 1000 };
/** More than kernels keep of two connections. */
const LARGE = Buffer.alloc(24 * MiB, ' ');
const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const HELLO = { chunks: [Buffer.from('hello')], length: 5, jsonLength: undefined };

let folder: string;
/** Of the worker that the client has, and of the one that answers. */
let near: Admission;
let far: Admission;
let now: number;
let socket: Server;
let proxy: PeerProxy;
let front: Server;
let client: Socket;
let answer: (response: ServerResponse) => void;

const next = () => ({ socket: join(folder, 'socket'), url: '/' });
/** Of a request that is here as a whole. */
const whole = (content = HELLO) => ({
  ...apiRequestOf({ headers: {}, socket: {} } as IncomingMessage),
  method: 'POST',
  content,
});
/** @throws Error when it does not come true in time */
async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited for: ${condition.toString()}; ${near.bytes} ${far.bytes}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

beforeEach(async () => {
  now = 0;
  near = new Admission(LIMITS, () => now);
  far = new Admission(LIMITS, () => now);
  folder = await mkdtemp(join(tmpdir(), 'hop-'));
  answer = (response) => sendAnswer(response, { type: 'text/plain', body: LARGE }, false, far);
  socket = createServer((_, response) => answer(response));
  prepare(socket, far);
  await once(socket.listen(next().socket), 'listening');
  proxy = new PeerProxy(
    near,
    () => false,
    () => [],
  );
  front = createServer((request, response) => proxy.pass(request, response, next));
  await once(front.listen(0, '127.0.0.1'), 'listening');
  client = connect((front.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
});
afterEach(async () => {
  client.destroy();
  proxy.keep(new Set());
  front.close();
  socket.close();
  socket.closeAllConnections();
  await rm(folder, { recursive: true });
});

describe('an answer that another worker gives', () => {
  it('is counted in both while its client does not read it, and in none when it has', async () => {
    client.pause();
    client.write(REQUEST);
    await until(() => near.bytes > 0 && far.bytes > 0);
    expect(near.bytes + far.bytes).toBeLessThanOrEqual(LARGE.length + MiB);
    let read = 0;
    client.on('data', (bytes: Buffer) => (read += bytes.length)).resume();
    await until(() => read >= LARGE.length && near.waiting + far.waiting === 0);
    expect([near.bytes, far.bytes]).toEqual([0, 0]);
  });

  it('is given up in both when its client is too slow', async () => {
    client.pause();
    client.write(REQUEST);
    await until(() => near.waiting > 0 && far.waiting > 0);
    now = 1e9;
    near.look();
    await until(() => near.bytes + far.bytes + near.waiting + far.waiting === 0);
    client.resume();
    await until(() => client.destroyed);
  });

  it('to a request that is here as a whole counts with that, for as long as both are kept', async () => {
    let seen = 0;
    answer = (response) => {
      seen = near.bytes;
      sendAnswer(response, { type: 'text/plain', body: LARGE }, false, far);
    };
    expect((await proxy.forward(whole(), next)).body).toHaveLength(LARGE.length);
    expect([seen, near.bytes, near.requests]).toEqual([HELLO.length, 0, 0]);
  });

  it('is refused where there is no memory for it, and leaves nothing behind', async () => {
    near = new Admission({ ...LIMITS, memoryBytes: MiB });
    proxy = new PeerProxy(
      near,
      () => false,
      () => [],
    );
    await expect(proxy.forward(whole(), next)).rejects.toMatchObject({ status: 413 });
    await until(() => far.bytes === 0);
    expect([near.bytes, near.requests]).toEqual([0, 0]);
  });

  it('takes a place while it is waited for', async () => {
    const open: ServerResponse[] = [];
    answer = (response) => open.push(response);
    const target = [proxy.forward(whole(), next), proxy.forward(whole(), next)];
    await until(() => open.length === 2);
    await expect(proxy.forward(whole(), next)).rejects.toMatchObject({ status: 429 });
    for (const response of open) response.end('{}');
    expect((await Promise.all(target)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

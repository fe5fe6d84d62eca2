import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { denseGraphModel } from '../testing/models.ts';
import { Bench, type Running } from '../testing/server.ts';

let bench: Bench;
let server: Running;
beforeAll(async () => {
  bench = await Bench.create();
  await denseGraphModel(join(bench.models, 'dense/1'));
  server = await bench.start({
    MODEL_NAME: 'dense',
    MODEL_ENGINE: 'wasm',
    MAX_BODY_BYTES: '2000000',
    MAX_REQUESTS: '3',
    HEADER_TIMEOUT_SECONDS: '1',
    REQUEST_TIMEOUT_SECONDS: '4',
  });
  await server.logged('worker ready');
}, 60_000);
afterAll(() => bench.dispose());

const INFER = '/v2/models/dense/infer';
const INPUT = { name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] };
const BODY = JSON.stringify({ inputs: [INPUT] });
const HEAD = `POST ${INFER} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;

const port = () => Number(new URL(server.url).port);

/** Opens a connection, writes `text`, and collects all that comes back until it is closed. */
function talk(text: string, then: (socket: Socket) => void = () => undefined): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port(), '127.0.0.1', () => {
      socket.write(text);
      then(socket);
    });
    let all = '';
    socket.setEncoding('utf8').on('data', (data: string) => (all += data));
    socket.on('close', () => resolve(all)).on('error', () => undefined);
  });
}

async function stillServes(): Promise<void> {
  expect((await server.post(INFER, BODY)).status).toBe(200);
}

/** Requests counted so far, by status code. */
async function counted(code: number): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const found = new RegExp(`requests_total\\{protocol="v2",code="${code}"[^}]*\\} (\\d+)`).exec(text);
  return Number(found?.[1] ?? 0);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a request that is too much', () => {
  it.each([
    ['JSON nested deeper than a stack', `{"inputs":${'['.repeat(900_000)}`, 400],
    [
      'lists nested deep in the data',
      `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":${'['.repeat(500)}`,
      400,
    ],
    ['an id of a megabyte', JSON.stringify({ id: 'x'.repeat(1_000_000), inputs: [INPUT] }), 400],
    ['a shape beyond all numbers', JSON.stringify({ inputs: [{ ...INPUT, shape: [2 ** 4, 2 ** 60 + 2] }] }), 400],
    [
      'a shape of rank 300',
      JSON.stringify({ inputs: [{ ...INPUT, shape: Array.from({ length: 300 }, () => 1) }] }),
      400,
    ],
    ['a body over the limit', ' '.repeat(2_000_001), 413],
  ])('is refused in words: %s', async (_, body, status) => {
    const answer = await server.post(INFER, body);
    expect([answer.status, Object.keys(JSON.parse(answer.body) as object)]).toEqual([status, ['error']]);
    expect(answer.body.length).toBeLessThanOrEqual(1024);
    await stillServes();
  });

  it('is refused by its declared length, before a byte of it is asked for', async () => {
    const text = await talk(`${HEAD}Content-Length: 3000000\r\nExpect: 100-continue\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text).toContain('Connection: close');
    const asked = await talk(`${HEAD}Content-Length: ${BODY.length}\r\nExpect: 100-continue\r\n\r\n`, (socket) =>
      socket.once('data', () => {
        socket.write(BODY);
        socket.once('data', () => socket.end());
      }),
    );
    expect(asked).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });

  it('is refused when it comes in a multitude of tiny pieces', async () => {
    const chunk = '6\r\n      \r\n';
    const text = await talk(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(100_000)}`);
    expect(text).toMatch(/^HTTP\/1\.1 413 [^]*too many too small pieces/);
    await stillServes();
  });

  it.each([
    ['extensions of a chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(50_000)}\r\n{}\r\n`, 413],
    ['headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(50_000)}\r\n\r\n`, 431],
    ['bytes that are no HTTP', 'hello\r\n\r\n', 400],
    ['both lengths', `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, 400],
  ])('is refused in JSON, and the connection closed: %s', async (_, text, status) => {
    const answer = await talk(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*Connection: close[^]*\\{"error":`));
    await stillServes();
  });
});

describe('a request that takes too long', () => {
  it.each([
    ['to send its headers', 'POST / HTTP/1.1\r\nHost: x\r\n'],
    ['to send its body', `${HEAD}Content-Length: 100\r\n\r\n{`],
  ])(
    '%s is answered 408',
    async (_, text) => {
      expect(await talk(text)).toMatch(/^HTTP\/1\.1 408 [^]*\{"error":/);
      await stillServes();
    },
    30_000,
  );

  it('for its client is not run', async () => {
    const executions = async () =>
      (
        (await (await fetch(`${server.url}/v2/models/dense/stats`)).json()) as {
          model_stats: [{ execution_count: number }];
        }
      ).model_stats[0].execution_count;
    const before = await executions();
    const body = JSON.stringify({ inputs: [INPUT], parameters: { timeout: 1 } });
    const answer = await server.post(INFER, body);
    expect([answer.status, answer.body]).toEqual([504, expect.stringContaining('it was not run')]);
    expect(await executions()).toBe(before);
    const patient = { inputs: [INPUT], parameters: { timeout: 60_000_000 } };
    expect((await server.post(INFER, patient)).status).toBe(200);
  });
});

describe('clients', () => {
  it('whose bodies are on their way hold no place, and the slowest of more than there are places makes room', async () => {
    const text = `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY.slice(0, 10)}`;
    const sockets: Socket[] = [];
    const begun = Array.from({ length: 4 }, () => talk(text, (socket) => sockets.push(socket)));
    const first = await Promise.race(begun);
    expect(first).toMatch(/^HTTP\/1\.1 503 [^]*arrived most slowly/);
    await stillServes();
    for (const socket of sockets) socket.end(BODY.slice(10));
    const answers = await Promise.all(begun);
    expect(answers.filter((answer) => answer.startsWith('HTTP/1.1 200 '))).toHaveLength(3);
  });

  it('that go away in the middle of their body are counted, and hold no place', async () => {
    const before = await counted(499);
    for (let i = 0; i < 5; i++) {
      await talk('', (socket) => socket.write(`${HEAD}Content-Length: 1000\r\n\r\n{`, () => socket.destroy()));
    }
    await until(async () => (await counted(499)) - before === 5);
    await stillServes();
  });
});

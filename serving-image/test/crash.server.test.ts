import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Clients } from '../testing/clients.ts';
import { denseGraphModel } from '../testing/models.ts';
import { Bench, connectionsOf, until, type Running } from '../testing/server.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.create();
  await denseGraphModel(join(bench.models, 'dense/1'));
}, 60_000);
afterAll(() => bench.dispose());

const BODY = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] };
const INFER = '/v2/models/dense/infer';
const next = () => ({ path: INFER, body: BODY });

async function start(workers: number, env: Record<string, string> = {}): Promise<Running> {
  const server = await bench.start({
    MODEL_NAME: 'dense',
    MODEL_VERSION: '1',
    MODEL_ENGINE: 'wasm',
    WORKERS: String(workers),
    ...env,
  });
  await server.logged('worker ready', workers + Number(env.SPARE_WORKERS ?? 0));
  return server;
}

async function stop(server: Running): Promise<void> {
  server.process.kill('SIGTERM');
  expect(await server.exited).toBe(0);
}

/** Statuses of readiness probes until `stop` is called. */
function probe(server: Running) {
  const statuses = new Set<number>();
  let stopped = false;
  const done = (async () => {
    while (!stopped) {
      statuses.add((await fetch(`${server.admin}/v2/health/ready`)).status);
      await sleep(10);
    }
  })();
  return async () => {
    stopped = true;
    await done;
    return [...statuses];
  };
}

/** Resolves when the workers hold these numbers of connections, in any order. */
async function spread(server: Running, expected: number[]): Promise<void> {
  await until(async () => {
    const held = await Promise.all((await server.workers()).map((pid) => connectionsOf(pid, server)));
    return held.sort((a, b) => a - b);
  }, expected);
}

describe.each(['SIGSEGV', 'SIGABRT', 'SIGKILL'] as const)('a worker that ends by %s under load', (signal) => {
  it('takes nothing with it but the requests in its own hands, which are counted', async () => {
    const server = await start(2);
    const clients = new Clients(16, server.url, next);
    await clients.more(200);
    await spread(server, [8, 8]);
    const statuses = probe(server);
    const [victim = 0] = await server.workers();
    process.kill(victim, signal);
    const ended = await server.logged('worker ended');
    await clients.more(500);
    await server.logged('worker ready', 3);
    await clients.more(500);
    expect(await statuses()).toEqual([200]);

    const failed = clients.all.filter((client) => client.failures.length > 0);
    expect(failed.length).toBeLessThanOrEqual(8);
    expect(failed.every((client) => client.failures.length === 1)).toBe(true);
    const untouched = clients.all.filter((client) => client.failures.length === 0);
    expect(untouched.filter((client) => client.ports.size === 1).length).toBeGreaterThanOrEqual(8);

    expect(ended.lostConnections).toBe(8);
    expect(ended.lostRequests).toBeLessThanOrEqual(clients.failures.length);
    expect(await server.metric(/connections_lost_total/)).toBe(8);
    expect(await server.metric(/requests_lost_total/)).toBe(ended.lostRequests);

    // The new one gets its share of the connections that had gone to the other.
    await spread(server, [8, 8]);
    await clients.stop();
    expect(clients.failures.length).toBeLessThanOrEqual(8);
    await stop(server);
  }, 60_000);
});

describe('a worker that ends', () => {
  it('while it computes loses what it had begun to read, and nothing that only waited for it', async () => {
    const server = await start(1);
    const [only = 0] = await server.workers();
    // Stopped as by a long run: it takes no connection and reads nothing.
    process.kill(only, 'SIGSTOP');
    const waiting = Array.from({ length: 4 }, () => server.post(INFER, BODY));
    await sleep(200);
    process.kill(only, 'SIGKILL');
    const ended = await server.logged('worker ended');
    // No worker serves in this moment: the connections are answered all the same.
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    expect(ended).toMatchObject({ lostRequests: 0, lostConnections: 0 });
    await server.logged('worker ready', 2);
    await stop(server);
  }, 30_000);

  it('leaves what only waited for it to the spare', async () => {
    const server = await start(1, { SPARE_WORKERS: '1' });
    const [first = 0] = await server.workers();
    process.kill(first, 'SIGSTOP');
    const waiting = Array.from({ length: 4 }, () => server.post(INFER, BODY));
    await sleep(200);
    process.kill(first, 'SIGKILL');
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await server.metric(/requests_lost_total/)).toBe(0);
    await server.logged('worker ready', 3);
    await stop(server);
  }, 30_000);

  it('in the middle of a request has that request counted', async () => {
    const server = await start(1);
    const [only = 0] = await server.workers();
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    const closed = new Promise((resolve) => socket.on('close', resolve).on('error', resolve));
    socket.write(`POST ${INFER} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`);
    await until(() => server.metric(/requests_inflight/), 1);
    process.kill(only, 'SIGKILL');
    await closed;
    expect(await server.logged('worker ended')).toMatchObject({ lostRequests: 1, lostConnections: 1 });
    await server.logged('worker ready', 2);
    await stop(server);
  }, 30_000);
});

describe('many connections that are kept open', () => {
  it('are shared evenly', async () => {
    const server = await start(3);
    const sockets = Array.from({ length: 60 }, () => connect(Number(new URL(server.url).port), '127.0.0.1'));
    await spread(server, [20, 20, 20]);
    for (const socket of sockets) socket.destroy();
    await stop(server);
  }, 30_000);
});

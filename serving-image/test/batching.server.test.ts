import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureNative } from '../src/build/native.ts';
import { embeddingSavedModel } from '../testing/models.ts';
import {
  countingSavedModel,
  endlessSavedModel,
  minusMeanGraphModel,
  minusMeanSavedModel,
} from '../testing/shaped-models.ts';
import { Bench, type Running, until } from '../testing/server.ts';

let bench: Bench;
beforeAll(async () => {
  await ensureNative(() => undefined);
  bench = await Bench.create();
  await embeddingSavedModel(join(bench.models, 'embedding/1'));
  await minusMeanSavedModel(join(bench.models, 'saved/1'));
  await minusMeanGraphModel(join(bench.models, 'graph/1'));
  await countingSavedModel(join(bench.models, 'counting/1'));
  await endlessSavedModel(join(bench.models, 'endless/1'));
}, 600_000);
afterAll(() => bench.dispose());

async function serve(env: Record<string, string> = {}): Promise<Running> {
  const server = await bench.start({ MODEL_NAME: 'embedding', ...env });
  await server.logged('worker ready');
  return server;
}

async function stop(server: Running): Promise<void> {
  server.process.kill('SIGTERM');
  await server.exited;
}

/**
 * Sends requests of which all have arrived when the first is read: the worker is held while they are sent, on connections that are
 * its own already. @returns status and body of each
 */
async function together(
  server: Running,
  bodies: string[],
  path = '/v1/models/embedding:predict',
): Promise<[number, string][]> {
  const port = Number(new URL(server.url).port);
  // Each connection is with the worker before anything is asked on it.
  const clients = await Promise.all(bodies.map(() => Client.open(port)));
  const [worker = 0] = await server.workers();
  process.kill(worker, 'SIGSTOP');
  try {
    await until(async () => stateOf(await readFile(`/proc/${worker}/stat`, 'utf8')), 'T');
    for (const [i, body] of bodies.entries()) {
      const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
      await clients[i]?.send(head + body);
    }
  } finally {
    process.kill(worker, 'SIGCONT');
  }
  return Promise.all(clients.map((client) => client.answer()));
}

/** Of a process, by proc(5): T is stopped. */
const stateOf = (stat: string): string | undefined => /\) (\w) /.exec(stat)?.[1];

class Client {
  #text = '';

  private constructor(
    private readonly socket: Socket,
    private readonly ended: Promise<unknown>,
  ) {
    socket.on('data', (data: string) => (this.#text += data));
  }

  static async open(port: number): Promise<Client> {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8').setNoDelay(true);
    const client = new Client(socket, once(socket, 'end'));
    socket.write('GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n');
    while (!client.#text.endsWith('{"live":true}')) await once(socket, 'data');
    client.#text = '';
    return client;
  }

  send(text: string): Promise<void> {
    return new Promise((resolve) => this.socket.write(text, () => resolve()));
  }

  /** Status and body. */
  async answer(): Promise<[number, string]> {
    await this.ended;
    return [Number(this.#text.slice(9, 12)), this.#text.split('\r\n\r\n')[1] ?? ''];
  }
}

interface Batch {
  batch_size: number;
  compute_infer: { count: number };
}

async function batches(server: Running): Promise<[rows: number, runs: number][]> {
  const response = await fetch(`${server.url}/v2/models/embedding/stats`);
  const { model_stats: stats } = (await response.json()) as { model_stats: [{ batch_stats: Batch[] }] };
  return stats[0].batch_stats.map(({ batch_size: rows, compute_infer: { count } }) => [rows, count]);
}

const ask = (...ids: number[]) => JSON.stringify({ instances: ids });

describe('requests that arrive together', () => {
  it('are run together, and each gets its own rows', async () => {
    const server = await serve();
    expect(await together(server, [ask(1), ask(2, 3), ask(0)])).toEqual([
      [200, '{"predictions":[[10.0,11.0]]}'],
      [200, '{"predictions":[[20.0,21.0],[30.0,31.0]]}'],
      [200, '{"predictions":[[0.0,1.0]]}'],
    ]);
    expect(await batches(server)).toEqual([[4, 1]]);
    await stop(server);
  }, 60_000);

  it('do not suffer from one among them that the model refuses', async () => {
    const server = await serve();
    const answers = await together(server, [ask(1), ask(9), ask(2)]);
    expect(answers).toEqual([
      [200, '{"predictions":[[10.0,11.0]]}'],
      [400, '{"error":"the model could not be run on this input: indices[0] = 9 is not in [0, 4)"}'],
      [200, '{"predictions":[[20.0,21.0]]}'],
    ]);
    await stop(server);
  }, 60_000);

  it('are run one by one where batching is turned off', async () => {
    const server = await serve({ MAX_BATCH_ROWS: '1' });
    expect((await together(server, [ask(1), ask(2)])).map(([status]) => status)).toEqual([200, 200]);
    expect(await batches(server)).toEqual([[1, 2]]);
    await stop(server);
  }, 60_000);

  it('are told to come again where too many wait', async () => {
    const server = await serve({ MAX_QUEUE: '2' });
    const answers = await together(server, [ask(1), ask(2), ask(3)]);
    expect(answers.map(([status]) => status)).toEqual([200, 200, 503]);
    expect(answers[2]?.[1]).toBe('{"error":"2 requests wait for the model already; try again later"}');
    await stop(server);
  }, 60_000);
});

describe('rows that depend on one another', () => {
  const rows = Array.from({ length: 16 }, (_, i) => `{"instances":[[${i}.0]]}`);
  const alone = rows.map(() => [200, '{"predictions":[[0.0]]}']);

  it.each([
    ['saved', 'tensorflow'],
    ['graph', 'tensorflow'],
    ['graph', 'wasm'],
    ['graph', 'cpu'],
  ])(
    'are run one by one, which is told: %s model on %s',
    async (name, engine) => {
      const server = await bench.start({ MODEL_NAME: name, MODEL_ENGINE: engine });
      expect((await server.logged('warm-up')).note).toMatch(/requests are run one by one$/);
      await server.logged('worker ready');
      expect(await together(server, rows, `/v1/models/${name}:predict`)).toEqual(alone);
      await stop(server);
    },
    60_000,
  );

  it('are run together where somebody says that they may', async () => {
    const server = await bench.start({ MODEL_NAME: 'saved', BATCHING: 'on' });
    await server.logged('worker ready');
    expect(await together(server, rows, '/v1/models/saved:predict')).not.toEqual(alone);
    await stop(server);
  }, 60_000);

  it('are no concern of others that do not, which are run one by one too where somebody says so', async () => {
    const server = await serve({ BATCHING: 'off' });
    expect((await together(server, [ask(1), ask(2)])).map(([status]) => status)).toEqual([200, 200]);
    expect(await batches(server)).toEqual([[1, 2]]);
    await stop(server);
  }, 60_000);
});

describe('a signature that changes what later requests are answered', () => {
  it('has been asked nothing when its first client asks it', async () => {
    const server = await serve({ MODEL_NAME: 'counting', SERVE_EFFECTS: 'true' });
    const ask = (...x: number[]) => server.post('/v1/models/counting:predict', { inputs: { x } });
    expect((await ask(7)).body).toBe('{"outputs":1}');
    expect((await ask(7, 8)).body).toBe('{"outputs":2}');
    await stop(server);
  }, 60_000);
});

describe('a request that is made up for a model', () => {
  it.each([
    ['never ends', '8', undefined],
    ['aborts the process', '3600', 'SIGABRT' as const],
  ])(
    'and %s tells nothing against it: it is served, its requests one by one',
    async (_, seconds, signal) => {
      const server = await bench.start({
        MODEL_NAME: 'endless',
        MODEL_VERSION: '1',
        LOAD_TIMEOUT_SECONDS: seconds,
        LOG_LEVEL: 'debug',
      });
      if (signal) {
        await server.logged('trying requests made up for the model');
        for (const pid of await server.workers()) process.kill(pid, signal);
      }
      await server.logged('worker ready');
      expect(server.lines.filter(({ msg }) => msg === 'worker ended')).toHaveLength(1);
      expect((await server.logged('warm-up')).note).toMatch(/warmup\.json/);
      expect((await server.logged('warm-up', 2)).note).toMatch(/one by one$/);
      const answer = await server.post('/v1/models/endless:predict', { instances: [[1], [2]] });
      expect(answer.body).toBe('{"predictions":[[1.0],[2.0]]}');
      await stop(server);
    },
    60_000,
  );
});

import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Traffic } from '@modeldeployment/modelpack/traffic';
import { PodInfo } from '../serving-image/testing/pod-info.ts';
import { Bench, type Running } from '../serving-image/testing/server.ts';

/**
 * npm run bench -- forward [--requests N] [--rounds N] [--seconds N] [--rate N] [--engine NAME] [--baseline MAIN.MJS]
 * [--only 'weights latency cost']
 *
 * Two servers on loopback, a stable one and one on trial. Prints how exactly weights are kept, what a forwarded request costs
 * beside one that goes there directly, and what the server costs that forwards nothing; --baseline is a bundle of the server
 * to compare the last with. Figures, no judgements: times depend on the machine.
 */
const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '8' },
    rate: { type: 'string', default: '200' },
    engine: { type: 'string', default: 'wasm' },
    baseline: { type: 'string' },
    only: { type: 'string', default: 'weights latency cost' },
  },
});
const [REQUESTS, ROUNDS, SECONDS, RATE] = [values.requests, values.rounds, values.seconds, values.rate].map(Number) as [
  number,
  number,
  number,
  number,
];
const MODELS = new URL('../models/digits/', import.meta.url).pathname;
const PATH = '/v2/models/digits/infer';

interface Answer {
  version: string;
  ms: number;
}

class Client {
  readonly #agent = new Agent({ keepAlive: true });
  constructor(
    private readonly url: string,
    private readonly body: Buffer,
  ) {}

  ask(): Promise<Answer> {
    const from = performance.now();
    return new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': this.body.length };
      const request = httpRequest(this.url + PATH, { agent: this.#agent, method: 'POST', headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('end', () => {
          const version = /"model_version":"(\d+)"/.exec(text)?.[1];
          if (version === undefined) reject(new Error(`${response.statusCode}: ${text}`));
          else resolve({ version, ms: performance.now() - from });
        });
      });
      request.on('error', reject);
      request.end(this.body);
    });
  }

  /** As fast as answers come, over eight connections. */
  async closed(count: number): Promise<Answer[]> {
    const answers: Answer[] = [];
    let left = count;
    const loop = async () => {
      while (left-- > 0) answers.push(await this.ask());
    };
    await Promise.all(Array.from({ length: 8 }, loop));
    return answers;
  }

  /** At a fixed rate, whatever the answers do. */
  async open(rate: number, seconds: number): Promise<Answer[]> {
    const start = performance.now();
    const asked: Promise<Answer>[] = [];
    while (asked.length < rate * seconds) {
      const due = start + (asked.length * 1000) / rate;
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      asked.push(this.ask());
    }
    return Promise.all(asked);
  }

  close(): void {
    this.#agent.destroy();
  }
}

const quantile = (times: number[], q: number): number =>
  times.sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(q * times.length))] ?? NaN;

const show = (times: number[]): string =>
  `p50 ${quantile(times, 0.5).toFixed(2)} ms  p99 ${quantile(times, 0.99).toFixed(2)} ms  (${times.length} requests)`;

const trafficTo = ({ url }: Running, more: Partial<Traffic>): Traffic => ({
  ...{ trial: 't', stable: 1, target: 2, targetVersion: '2', to: new URL(url).host, weight: 0 },
  ...more,
});

/** CPU time of the workers of a server so far, in milliseconds. */
async function cpu(server: Running): Promise<number> {
  let ticks = 0;
  for (const pid of await server.workers()) {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10;
}

async function accuracy(client: Client, annotate: (more: Partial<Traffic>) => Promise<void>): Promise<void> {
  console.log(`\nWeights, of ${REQUESTS} requests, two workers`);
  for (const weight of [1, 5, 50, 99]) {
    await annotate({ weight, trial: `w${weight}` });
    const answers = await client.closed(REQUESTS);
    const there = answers.filter(({ version }) => version === '2').length;
    const exact = (REQUESTS * weight) / 100;
    console.log(`  ${weight} %: ${there} forwarded, exactly would be ${exact}, off by ${Math.abs(there - exact)}`);
  }
}

/** Both ways at the same time and the same rate, so that whatever else this machine does hits both. */
async function latency(
  clients: { stable: Client; canary: Client },
  annotate: (more: Partial<Traffic>) => Promise<void>,
): Promise<void> {
  const times: Record<'direct' | 'forwarded' | 'own', number[]> = { direct: [], forwarded: [], own: [] };
  const ratios: number[] = [];
  await annotate({ weight: 10, trial: 'latency' });
  for (let round = 0; round < ROUNDS; round++) {
    const [direct, both] = await Promise.all([
      clients.canary.open(RATE / 10, SECONDS),
      clients.stable.open(RATE, SECONDS),
    ]);
    const of = (answers: Answer[], version: string) =>
      answers.filter((one) => one.version === version).map(({ ms }) => ms);
    const [there, forwarded] = [of(direct, '2'), of(both, '2')];
    times.direct.push(...there);
    times.forwarded.push(...forwarded);
    times.own.push(...of(both, '1'));
    ratios.push(quantile(forwarded, 0.99) / quantile(there, 0.99));
  }
  console.log(`\nLatency at ${RATE} requests a second, 10 % forwarded, and as many sent directly at the same time`);
  console.log(`  direct to the server on trial   ${show(times.direct)}`);
  console.log(`  forwarded there                 ${show(times.forwarded)}`);
  console.log(`  answered by the stable server   ${show(times.own)}`);
  const ratio = (q: number) => (quantile(times.forwarded, q) / quantile(times.direct, q)).toFixed(2);
  const sorted = ratios.sort((x, y) => x - y).map((value) => value.toFixed(2));
  console.log(`  forwarded / direct: p50 ${ratio(0.5)}, p99 ${ratio(0.99)}; p99 by round ${sorted.join(' ')}`);
}

/** What one request costs the worker, in µs of CPU: each server in turn, forwards and backwards. */
async function cost(servers: { name: string; server: Running; client: Client }[]): Promise<void> {
  const spent = new Map<string, number[]>(servers.map(({ name }) => [name, []]));
  for (const { client } of servers) await client.closed(REQUESTS / 4);
  for (let round = 0; round < ROUNDS * 2; round++) {
    for (const { name, server, client } of round % 2 === 0 ? servers : [...servers].reverse()) {
      const before = await cpu(server);
      await client.closed(REQUESTS);
      spent.get(name)?.push((1000 * ((await cpu(server)) - before)) / REQUESTS);
    }
  }
  console.log(`\nCPU of the worker for one request, median (lowest to highest) of ${ROUNDS * 2} rounds`);
  for (const [name, all] of spent) {
    const [low, high] = [Math.min(...all), Math.max(...all)];
    console.log(`  ${name.padEnd(32)} ${quantile(all, 0.5).toFixed(1)} µs (${low.toFixed(1)} to ${high.toFixed(1)})`);
  }
}

async function main(): Promise<void> {
  const bench = await Bench.create();
  const info = await PodInfo.create();
  const models = await mkdtemp(join(tmpdir(), 'bench-'));
  for (const version of ['1', '2']) {
    await mkdir(join(models, 'digits'), { recursive: true });
    await cp(join(MODELS, `v${version}`, 'tfjs'), join(models, 'digits', version), { recursive: true });
  }
  const golden = JSON.parse(await readFile(join(MODELS, 'v1/golden.json'), 'utf8')) as { requests: object[] };
  const body = Buffer.from(JSON.stringify({ ...golden.requests[0], outputs: undefined }));
  const env = { MODEL_NAME: 'digits', MODEL_ENGINE: values.engine, MODEL_REPOSITORY: models, LOG_LEVEL: 'info' };
  const start = async (version: string, more: Record<string, string> = {}, program?: string): Promise<Running> => {
    const server = await bench.start({ ...env, MODEL_VERSION: version, MODEL_REVISION: version, ...more }, program);
    await server.logged('worker ready', Number(more.WORKERS ?? 1));
    return server;
  };
  try {
    const canary = await start('2', { WORKERS: '2' });
    const stable = await start('1', { WORKERS: '2', POD_INFO: info.folder });
    const clients = { stable: new Client(stable.url, body), canary: new Client(canary.url, body) };
    let changes = 0;
    const annotate = async (more: Partial<Traffic>): Promise<void> => {
      await info.write(trafficTo(canary, more));
      await stable.logged('traffic', ++changes);
    };
    for (const client of Object.values(clients)) await client.closed(2000);
    const wanted = values.only.split(' ');
    if (wanted.includes('weights')) await accuracy(clients.stable, annotate);
    if (wanted.includes('latency')) await latency(clients, annotate);
    if (!wanted.includes('cost')) return;
    const plain = await start('1', { WORKERS: '1' });
    const zero = await start('1', { WORKERS: '1', POD_INFO: info.folder });
    const all = await PodInfo.create();
    const forwarding = await start('1', { WORKERS: '1', POD_INFO: all.folder });
    await all.write(trafficTo(canary, { weight: 100 }));
    await forwarding.logged('traffic');
    const candidates = [
      { name: 'no annotation', server: plain },
      { name: 'annotation with weight 0', server: zero },
      { name: 'annotation with weight 100', server: forwarding },
      ...(values.baseline === undefined
        ? []
        : [{ name: 'baseline', server: await start('1', { WORKERS: '1' }, values.baseline) }]),
    ];
    await annotate({ weight: 0, trial: 'cost' });
    await cost(candidates.map((one) => ({ ...one, client: new Client(one.server.url, body) })));
    await all.dispose();
  } finally {
    await bench.dispose();
    await info.dispose();
    await rm(models, { recursive: true, force: true });
  }
}

await main();

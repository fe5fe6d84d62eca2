/**
 * npm run soak -- [--requests N]
 *
 * Puts N requests (default 5e6), half of them bad, to a server with two models, and watches what it keeps: tensors, and
 * memory as a line through its measurements, one in every hundredth part. The bad ones are those of the protocol suite, and
 * values that the model itself refuses. Writes docs/benchmarks/soak.md; fails when a good one is not answered 200, a bad one
 * not by a 4xx, a worker has ended, tensors have grown, or memory grows by more than 1 MiB in 1e5 requests.
 *
 * Five million, because V8 collects the old generation of a worker once in about 1.3 million of these requests: less than that
 * shows how garbage gathers until then, and not whether anything is kept.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ensureNative } from '../../serving-image/src/build/native.ts';
import { Bench, type Running } from '../../serving-image/testing/server.ts';
import { Connection } from '../load/connection.ts';
import { MODEL } from '../../conformance/protocol/models.ts';
import { writeSuiteModels } from '../../conformance/protocol/suite-models.ts';
import { badRequests, goodRequests } from './requests.ts';

const { values } = parseArgs({ options: { requests: { type: 'string', default: '5e6' } } });
const REQUESTS = Number(values.requests);
const CONNECTIONS = 16;
const PARTS = 100;
/** Of the measurements, so many at the begin are left out of the line: caches fill, code is compiled. */
const WARM_UP = 0.25;

interface Moment {
  requests: number;
  rssMiB: number;
  tensors: number;
}

const good = goodRequests();
const bad = badRequests();

class Soak {
  readonly moments: Moment[] = [];
  readonly wrong = new Map<string, number>();
  readonly statuses = new Map<number, number>();

  constructor(
    private readonly server: Running,
    private readonly workers: readonly number[],
  ) {}

  async run(): Promise<void> {
    const port = Number(new URL(this.server.url).port);
    const connections = Array.from({ length: CONNECTIONS }, () => new Connection('127.0.0.1', port));
    for (let part = 1; part <= PARTS; part++) {
      const until = Math.round((REQUESTS / PARTS) * part);
      let next = Math.round((REQUESTS / PARTS) * (part - 1));
      await Promise.all(
        connections.map(async (connection) => {
          while (next < until) await this.#ask(connection, next++);
        }),
      );
      this.moments.push({ requests: until, ...(await this.#look()) });
    }
    for (const connection of connections) connection.close();
  }

  /** Even ones are good, odd ones bad. */
  #ask(connection: Connection, turn: number): Promise<void> {
    const kind = turn % 2 === 0 ? good : bad;
    const { title, bytes } = kind[(turn >> 1) % kind.length] as (typeof kind)[0];
    return new Promise((resolve) => {
      connection.send(bytes, (status) => {
        this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
        const right = kind === good ? status === 200 : status >= 400 && status < 500;
        if (!right) this.wrong.set(`${title}: ${status}`, (this.wrong.get(`${title}: ${status}`) ?? 0) + 1);
        resolve();
      });
    });
  }

  async #look(): Promise<Omit<Moment, 'requests'>> {
    let kib = 0;
    for (const pid of this.workers) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      kib += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? NaN);
    }
    const text = await (await fetch(`${this.server.admin}/metrics`)).text();
    const tensors = [...text.matchAll(/^modeldeployment_engine_tensors(?:\{.*\})? (\d+)/gm)].map(([, count]) =>
      Number(count),
    );
    if (tensors.length === 0) throw new Error('the server does not tell how many tensors it holds');
    return { rssMiB: kib / 1024, tensors: tensors.reduce((a, b) => a + b, 0) };
  }
}

/** Of the line with the least squares through the measurements, in MiB for 1e5 requests. */
function slope(moments: readonly Moment[]): number {
  const mean = (of: (moment: Moment) => number) => moments.reduce((sum, one) => sum + of(one), 0) / moments.length;
  const [x, y] = [mean(({ requests }) => requests), mean(({ rssMiB }) => rssMiB)];
  const over = moments.reduce((sum, { requests, rssMiB }) => sum + (requests - x) * (rssMiB - y), 0);
  return (over / moments.reduce((sum, { requests }) => sum + (requests - x) ** 2, 0)) * 1e5;
}

await ensureNative(() => undefined);
const bench = await Bench.create();
try {
  await writeSuiteModels(bench.models, [MODEL.dense, MODEL.lookup]);
  const server = await bench.start({ LOG_LEVEL: 'info' });
  await server.logged('worker ready', 2);
  const workers = await server.workers();
  const soak = new Soak(server, workers);
  const started = performance.now();
  await soak.run();
  const seconds = (performance.now() - started) / 1000;
  const late = soak.moments.slice(Math.round(PARTS * WARM_UP));
  const perHundredThousand = slope(late);
  const tensors = new Set(late.map((moment) => moment.tensors));
  const alive = (await server.workers()).filter((pid) => workers.includes(pid)).length;
  const wrong = [...soak.wrong].map(([what, count]) => `${what}, ${count} times`);
  const fine = wrong.length === 0 && alive === workers.length && tensors.size === 1 && perHundredThousand <= 1;
  const lines = [
    '# Soak',
    '',
    `Made by \`npm run soak -- --requests ${values.requests}\`: ${REQUESTS.toLocaleString('en')} requests in ${seconds.toFixed(0)} s over ${CONNECTIONS} connections to a server with two`,
    `models in TensorFlow, every second one bad: ${bad.length} kinds, from the protocol suite, and values that the model refuses.`,
    '',
    '| | found | goal |',
    '| --- | --: | --: |',
    `| good requests not answered 200, bad ones not by a 4xx | ${[...soak.wrong.values()].reduce((a, b) => a + b, 0)} | 0 |`,
    `| workers that ended | ${workers.length - alive} | 0 |`,
    `| tensors held, after each hundredth part | ${[...tensors].join(', ')} | always the same |`,
    `| memory of the workers | ${late.at(0)?.rssMiB.toFixed(1)} → ${late.at(-1)?.rssMiB.toFixed(1)} MiB | |`,
    `| its growth in 100,000 requests, after the first quarter | ${perHundredThousand.toFixed(2)} MiB | ≤ 1 MiB |`,
    '',
    `Memory after each tenth, MiB: ${soak.moments
      .filter((_, i) => i % (PARTS / 10) === PARTS / 10 - 1)
      .map(({ rssMiB }) => rssMiB.toFixed(1))
      .join(', ')}.`,
    '',
    `Answers: ${[...soak.statuses]
      .sort((a, b) => a[0] - b[0])
      .map(([status, count]) => `${status} × ${count}`)
      .join(', ')}.`,
    '',
  ];
  const page = lines.join('\n');
  await writeFile(new URL('../../docs/benchmarks/soak.md', import.meta.url), page);
  console.log(page);
  for (const line of wrong.slice(0, 20)) console.log(line);
  process.exitCode = fine ? 0 : 1;
} finally {
  await bench.dispose();
}

/**
 * npm run bench -- server [--only NAME,NAME] [--rounds N] [--seconds N] [--report]
 *
 * Our server beside its peers: same weights, answers checked to 1e-5 before any timing, rounds that alternate. The server
 * has core 0, the load core 1; then both have both. Each contestant is measured as it comes and tuned. Writes the figures to
 * docs/benchmarks/raw/ and makes docs/benchmarks/server.md and its plots of all that lie there; --report does only that.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ensureNative } from '../serving-image/src/build/native.ts';
import { Bench } from '../serving-image/testing/server.ts';
import { Progress } from '../tools/progress.ts';
import { LoadGenerator } from './load/index.ts';
import { ours, PEERS, type Stage } from './server/contestants.ts';
import { measureLimits, measurePair, measureSelf, measureStalls, type Pair, type Stalls } from './server/rounds.ts';
import { writeMlp } from './server/mlp.ts';
import type { Machine } from './server/raw.ts';
import { writeReport } from './server/report.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    report: { type: 'boolean', default: false },
  },
});
const DOCS = new URL('../docs/benchmarks/', import.meta.url).pathname;
const RAW = join(DOCS, 'raw');
const rounds = { rounds: Number(values.rounds), seconds: Number(values.seconds) };

async function save(name: string, found: object): Promise<void> {
  await mkdir(RAW, { recursive: true });
  await writeFile(join(RAW, `${name}.json`), `${JSON.stringify(found, undefined, 1)}\n`);
}

/** Part of the cores that is in use, over two seconds in which we do nothing. */
async function busyPart(): Promise<number> {
  const sum = () =>
    cpus().reduce(
      ({ idle, all }, { times }) => ({
        idle: idle + times.idle,
        all: all + Object.values(times).reduce((a, b) => a + b, 0),
      }),
      { idle: 0, all: 0 },
    );
  const before = sum();
  await sleep(2000);
  const after = sum();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

const machine = (busy: number, stalls: readonly Stalls[]): Machine => ({
  busy,
  stalls,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  node: process.versions.node,
  kernel: release(),
  date: new Date().toISOString().slice(0, 10),
  ...rounds,
});

async function measure(stage: Stage, generator: LoadGenerator, progress: Progress): Promise<void> {
  const wanted = (name: string) => values.only === undefined || values.only.split(',').includes(name);
  const busy = await busyPart();
  if (busy > 0.1)
    console.warn(`other work has ${(busy * 100).toFixed(0)} % of the cores: only ratios of one row mean something`);
  await save('machine', machine(busy, await measureStalls(10)));
  if (wanted('limits'))
    await progress.step('limits', async () => save('limits', await measureLimits(stage, generator, rounds)));
  for (const engine of ['tensorflow', 'wasm'] as const) {
    const self = ours(engine);
    if (wanted(self.name))
      await progress.step(self.title, async () => save(self.name, await measureSelf(self, stage, generator, rounds)));
  }
  for (const peer of PEERS) {
    if (!wanted(peer.name)) continue;
    await progress
      .step(peer.title, async () =>
        save(peer.name, await measurePair(ours('tensorflow'), peer, stage, generator, rounds)),
      )
      // One that does not start must not end the others.
      .catch((error: unknown) => console.error((error as Error).message));
  }
}

if (!values.report) {
  await ensureNative(() => undefined);
  const bench = await Bench.create();
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const generator = await LoadGenerator.create();
  try {
    const stage = { folder, program: join(bench.dist, 'main.mjs'), models: await writeMlp(folder) };
    await measure(stage, generator, new Progress());
  } finally {
    await generator.dispose();
    await bench.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}
const raw: Record<string, unknown> = {};
for (const file of await readdir(RAW))
  raw[file.replace('.json', '')] = JSON.parse(await readFile(join(RAW, file), 'utf8'));
const found = PEERS.flatMap(({ name }) => (name in raw ? [[name, raw[name] as Pair] as const] : []));
await writeReport(DOCS, { ...raw, pairs: Object.fromEntries(found) });

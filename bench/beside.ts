/**
 * npm run bench -- beside CHECKOUT [--rounds N] [--seconds N]
 *
 * The server of this checkout beside that of another one, such as the commit before a change: rounds that alternate, on one
 * core each for server and load. Prints ratios; 1.03 is three percent more of it here. CHECKOUT has its node modules installed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureNative } from '../serving-image/src/build/native.ts';
import { Bench } from '../serving-image/testing/server.ts';
import { LoadGenerator } from './load/index.ts';
import { ours, type Contestant, type Stage, type Started } from './server/contestants.ts';
import type { FormName } from './server/forms.ts';
import { Meter, withStarted, type Cell, type Score } from './server/measure.ts';
import { writeMlp } from './server/mlp.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '9' }, seconds: { type: 'string', default: '3' } },
});
const rounds = { rounds: Number(values.rounds), seconds: Number(values.seconds) };

const CELLS: readonly Cell[] = (
  [
    ['v1', 1, 16],
    ['v1', 1, 64],
    ['binary', 1, 16],
    ['v1', 32, 16],
    ['binary', 32, 16],
  ] as const satisfies readonly (readonly [FormName, number, number])[]
).map(([form, rows, connections]) => ({
  name: `${form}, ${rows} rows, ${connections} connections`,
  form,
  rows,
  connections,
}));

/** What another checkout offers of itself. */
interface Checkout {
  ensureNative(log: (line: string) => void): Promise<string>;
  bundleServer(folder: string): Promise<void>;
}

async function bundleOf(checkout: string): Promise<string> {
  const part = (name: string) =>
    import(pathToFileURL(join(checkout, `serving-image/src/build/${name}.ts`)).href) as Promise<Checkout>;
  await (await part('native')).ensureNative(console.log);
  const folder = join(checkout, 'serving-image/dist/beside');
  await (await part('bundle')).bundleServer(folder);
  return join(folder, 'main.mjs');
}

const program = (name: string, path: string): Contestant => {
  const server = ours('tensorflow');
  return {
    ...server,
    name,
    title: name,
    start: (stage, setting) => server.start({ ...stage, program: path }, setting),
  };
};

function line(cell: Cell, here: Score, there: Score): string {
  const ratio = (a: number, b: number) => (a / b).toFixed(3).padStart(8);
  const numbers = [here.rate, there.rate].map((rate) => Math.round(rate).toString().padStart(8)).join('');
  return `${cell.name.padEnd(34)}${numbers}${ratio(here.rate, there.rate)}${ratio(here.latency.p50, there.latency.p50)}${ratio(here.latency.p99, there.latency.p99)}${ratio(here.cpuPer1000, there.cpuPer1000)}`;
}

const [other] = positionals;
if (other === undefined) throw new Error('name the other checkout: npm run bench -- beside CHECKOUT');
await ensureNative(() => undefined);
const bench = await Bench.create();
const folder = await mkdtemp(join(tmpdir(), 'beside-'));
const generator = await LoadGenerator.create();
try {
  const here = join(bench.dist, 'main.mjs');
  const stage: Stage = { folder, program: here, models: await writeMlp(folder) };
  const contestants = [program('here', here), program('there', await bundleOf(resolve(other)))];
  const setting = { cores: '0', workers: 1, tuned: true };
  await withStarted(contestants, stage, setting, async (started: readonly Started[]) => {
    const meter = new Meter(generator, '1');
    console.log(
      `${''.padEnd(34)}${['here', 'there', 'rate', 'p50', 'p99', 'CPU'].map((name) => name.padStart(8)).join('')}`,
    );
    for (const cell of CELLS) {
      const subjects = contestants.map((contestant, i) => ({ contestant, started: started[i] as Started, cell }));
      const [mine, theirs] = await meter.closed(subjects, rounds);
      if (mine && theirs) console.log(line(cell, mine, theirs));
    }
  });
} finally {
  await generator.dispose();
  await bench.dispose();
  await rm(folder, { recursive: true, force: true });
}

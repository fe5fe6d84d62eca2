/**
 * npm run bench -- beside CHECKOUT [--seconds N]
 *
 * The server of this checkout beside that of another one, such as the commit before a change, on one core each for server and load:
 * see server/slices.ts. Prints ratios, as medians with their quartiles; 1.03 is three percent more of it here. CHECKOUT has its node
 * modules installed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureNative } from '../serving-image/src/build/native.ts';
import { Bench } from '../serving-image/testing/server.ts';
import { exec } from '../tools/exec.ts';
import { bytesOf } from './load/index.ts';
import { ours, type Contestant, type Stage, type Started } from './server/contestants.ts';
import { message, type FormName } from './server/forms.ts';
import { withStarted, type Cell } from './server/measure.ts';
import { MLP, pictures, writeMlp } from './server/mlp.ts';
import { takeTurns, type Slice } from './server/slices.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '20' } },
});
const seconds = Number(values.seconds);

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

/** Rows and runs of the model so far, as the server counts them. */
async function countsOf({ port }: Started): Promise<{ rows: number; runs: number }> {
  const reply = await fetch(`http://127.0.0.1:${port}/v2/models/${MLP}/stats`, { headers: { Connection: 'close' } });
  const { model_stats } = (await reply.json()) as {
    model_stats: { inference_count: number; execution_count: number }[];
  };
  const [{ inference_count: rows, execution_count: runs } = { inference_count: NaN, execution_count: NaN }] =
    model_stats;
  return { rows, runs };
}

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(q * values.length)] ?? NaN;

function line(cell: Cell, [here = [], there = []]: readonly Slice[][], batches: readonly number[]): string {
  const micros = (slices: readonly Slice[]) =>
    quantile(
      slices.map(({ cpu }) => cpu),
      0.5,
    )
      .toFixed(1)
      .padStart(9);
  const ratios = (of: (here: Slice, there: Slice) => number) => {
    const all = here.map((slice, i) => of(slice, there[i] as Slice));
    const [low, middle, high] = [0.25, 0.5, 0.75].map((q) => quantile(all, q).toFixed(3));
    return `${middle} [${low} ${high}]`.padStart(23);
  };
  const cpu = ratios((a, b) => a.cpu / b.cpu);
  const rate = ratios((a, b) => b.wall / a.wall);
  const sizes = batches.map((rows) => rows.toFixed(1).padStart(8)).join('');
  return `${cell.name.padEnd(34)}${String(here.length).padStart(7)}${micros(here)}${micros(there)}${cpu}${rate}${sizes}`;
}

const [other] = positionals;
if (other === undefined) throw new Error('name the other checkout: npm run bench -- beside CHECKOUT');
await ensureNative(() => undefined);
const bench = await Bench.create();
const folder = await mkdtemp(join(tmpdir(), 'beside-'));
try {
  const here = join(bench.dist, 'main.mjs');
  const stage: Stage = { folder, program: here, models: await writeMlp(folder) };
  const contestants = [program('here', here), program('there', await bundleOf(resolve(other)))];
  const setting = { cores: '0', workers: 1, tuned: true };
  // The load's core: this process sends it.
  await exec('taskset', ['-a', '-c', '-p', '1', String(process.pid)]);
  await withStarted(contestants, stage, setting, async (started) => {
    const columns = ['slices', 'µs here', 'there'].map((name, i) => name.padStart(i === 0 ? 7 : 9));
    console.log(
      `${''.padEnd(34)}${columns.join('')}${'CPU'.padStart(23)}${'rate'.padStart(23)}${'rows in a batch'.padStart(16)}`,
    );
    for (const cell of CELLS) {
      const request = bytesOf(message(cell.form, pictures(cell.rows, 'four')));
      const before = await Promise.all(started.map(countsOf));
      const slices = await takeTurns(started, { request, connections: cell.connections, seconds });
      const after = await Promise.all(started.map(countsOf));
      const batches = after.map(
        ({ rows, runs }, i) => (rows - (before[i]?.rows ?? 0)) / (runs - (before[i]?.runs ?? 0)),
      );
      console.log(line(cell, slices, batches));
    }
  });
} finally {
  await bench.dispose();
  await rm(folder, { recursive: true, force: true });
}

/** What is measured of our server, of a peer beside it, and of the machine. */
import { WORKER_FLAGS, workerEnvironment } from '../../serving-image/src/supervisor/worker-environment.ts';
import { exec } from '../../tools/exec.ts';
import { bytesOf, type LoadGenerator } from '../load/index.ts';
import type { Contestant, Setting, Stage, Started } from './contestants.ts';
import { LIMITS, startEcho } from './echo.ts';
import { message, type FormName } from './forms.ts';
import { Meter, withStarted, type Cell, type Measured, type Rounds, type Score, type Subject } from './measure.ts';
import { MLP, pictures } from './mlp.ts';

const SERVER_CORE = '0';
const LOAD_CORE = '1';
const BOTH = '0,1';
const CONNECTIONS = [1, 16, 64, 256];
/** So many may be on their way at once in an open loop. */
const OPEN_CONNECTIONS = 256;

const one: Setting = { cores: SERVER_CORE, workers: 1, tuned: true };
const untuned: Setting = { ...one, tuned: false };
const whole: Setting = { cores: BOTH, workers: 2, tuned: true };

const cellOf = (form: FormName, rows: number, connections: number): Cell => ({
  name: `${form} b=${rows} c=${connections}`,
  form,
  rows,
  connections,
});

export interface Pair {
  /** Tuned, on one core. */
  peer: Measured;
  ours: Measured;
  /** As it comes, on one core. */
  untuned: Measured;
  untunedOurs: Measured;
  wholeBox: { peer: Score; ours: Score };
}

export async function measurePair(
  self: Contestant,
  peer: Contestant,
  stage: Stage,
  generator: LoadGenerator,
  rounds: Rounds,
): Promise<Pair> {
  const [form = 'plain'] = peer.forms;
  const alone = new Meter(generator, LOAD_CORE);
  const cells = [...CONNECTIONS.map((c) => cellOf(form, 1, c)), cellOf(form, 32, 16)];
  if (peer.forms.includes('binary')) cells.push(cellOf('binary', 32, 16));
  const tuned = await withStarted([self, peer], stage, one, async (started) => {
    const both = await beside([self, peer], started, cells, alone, rounds);
    const [mine, theirs] = both;
    const peak = peakOf(theirs, form);
    const subjects = [self, peer].map((contestant, i) => ({
      contestant,
      started: started[i] as Started,
      cell: cellOf(form, 1, OPEN_CONNECTIONS),
    }));
    for (const share of [0.5, 0.9, 1])
      theirs.open[`${share * 100} %`] = await alone.open(subjects[1] as Subject, peak * share, rounds);
    mine.open['peak of the peer'] = await alone.open(subjects[0] as Subject, peak, rounds);
    return both;
  });
  const few = [cellOf(form, 1, 16)];
  const plain = await withStarted([self, peer], stage, untuned, (started) =>
    beside([self, peer], started, few, alone, rounds),
  );
  const box = await withStarted([self, peer], stage, whole, async (started) => {
    const cell = cellOf(form, 1, 64);
    const subjects = [self, peer].map((contestant, i) => ({ contestant, started: started[i] as Started, cell }));
    return new Meter(generator, BOTH).closed(subjects, rounds);
  });
  return {
    ours: tuned[0],
    peer: tuned[1],
    untunedOurs: plain[0],
    untuned: plain[1],
    wholeBox: { ours: box[0] as Score, peer: box[1] as Score },
  };
}

async function beside(
  contestants: readonly [Contestant, Contestant],
  started: readonly Started[],
  cells: readonly Cell[],
  meter: Meter,
  rounds: Rounds,
): Promise<[Measured, Measured]> {
  const found = contestants.map(({ name, title, forms }, i): Measured => {
    const { startSeconds = NaN } = started[i] ?? {};
    return { name, title, form: forms[0] ?? 'plain', startSeconds, pssMiB: NaN, cells: {}, open: {} };
  });
  for (const cell of cells) {
    const subjects = contestants.map((contestant, i) => ({ contestant, started: started[i] as Started, cell }));
    const scores = await meter.closed(subjects, rounds);
    found.forEach((one, i) => (one.cells[cell.name] = scores[i] as Score));
  }
  for (const [i, one] of found.entries()) one.pssMiB = (await started[i]?.process.pssMiB()) ?? NaN;
  return found as [Measured, Measured];
}

const peakOf = ({ cells }: Measured, form: FormName): number =>
  Math.max(...Object.entries(cells).map(([name, { rate }]) => (name.startsWith(`${form} b=1 `) ? rate : 0)));

/** Our server by itself: all forms, and open loops at shares of its own peak. */
export async function measureSelf(self: Contestant, stage: Stage, generator: LoadGenerator, rounds: Rounds) {
  const meter = new Meter(generator, LOAD_CORE);
  const cells = [
    ...CONNECTIONS.map((c) => cellOf('v1', 1, c)),
    ...(['v2', 'binary'] as const).map((form) => cellOf(form, 1, 16)),
    ...(['v1', 'v2', 'binary'] as const).flatMap((form) => [cellOf(form, 32, 1), cellOf(form, 32, 16)]),
  ];
  return withStarted([self], stage, one, async ([started]) => {
    if (!started) throw new Error('nothing was started');
    const [found] = await beside([self, self], [started], cells.slice(0, 0), meter, rounds);
    for (const cell of cells) {
      const [score] = await meter.closed([{ contestant: self, started, cell }], rounds);
      if (score) found.cells[cell.name] = score;
    }
    found.pssMiB = await started.process.pssMiB();
    const cell = cellOf('v1', 1, OPEN_CONNECTIONS);
    const peak = peakOf(found, 'v1');
    for (const share of [0.5, 0.9])
      found.open[`${share * 100} %`] = await meter.open({ contestant: self, started, cell }, peak * share, rounds);
    return found;
  });
}

export interface Limits {
  /** Rates and times of an echo of the same bytes. */
  net: Record<string, Score>;
  http: Record<string, Score>;
  /** CPU of one run of the model by itself, in microseconds. */
  predict: Record<string, number>;
}

/** How long the machine lets nobody run on one core. */
export interface Stalls {
  /** Of the time. */
  part: number;
  longestMs: number;
}

/** Of the core of the server and that of the load, both in use. */
export function measureStalls(seconds: number): Promise<Stalls[]> {
  const watch = [process.execPath, ...LIMITS, 'stalls', String(seconds)];
  return Promise.all(
    [SERVER_CORE, LOAD_CORE].map(async (core) => JSON.parse(await exec('taskset', ['-c', core, ...watch])) as Stalls),
  );
}

export async function measureLimits(stage: Stage, generator: LoadGenerator, rounds: Rounds): Promise<Limits> {
  const text = await exec(
    'taskset',
    ['-c', SERVER_CORE, process.execPath, ...WORKER_FLAGS, ...LIMITS, 'predict', stage.models.savedModel],
    { env: workerEnvironment({ name: MLP, version: '1' }) },
  );
  const found: Limits = { net: {}, http: {}, predict: JSON.parse(text) as Record<string, number> };
  const meter = new Meter(generator, LOAD_CORE);
  for (const kind of ['net', 'http'] as const) {
    for (const [rows, connections] of [
      [1, 1],
      [1, 16],
      [1, 64],
      [32, 16],
    ] as const) {
      const cell = cellOf('v1', rows, connections);
      const made = message('v1', pictures(rows, 'four'));
      const echo = await startEcho(kind, bytesOf(made).length, SERVER_CORE, stage.folder);
      const contestant: Contestant = {
        name: kind,
        title: kind,
        forms: ['v1'],
        start: () => Promise.reject(new Error()),
      };
      try {
        const [score] = await meter.closed([{ contestant, started: echo, cell }], rounds);
        if (score) found[kind][cell.name] = score;
      } finally {
        await echo.process.stop();
      }
    }
  }
  return found;
}

/**
 * npm run bench -- overload [--seconds N]
 *
 * More requests than can be answered: twice, five and ten times the peak of a model of about 10 million multiplications, in an
 * open loop. How many are answered all the same, how long those take, how soon the others are refused, and when all is well
 * again. Run one by one, and in batches. Writes docs/benchmarks/overload.md.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureNative } from '../serving-image/src/build/native.ts';
import { Bench } from '../serving-image/testing/server.ts';
import { bytesOf, LoadGenerator, type Load, type Result } from './load/index.ts';
import { ours, type Stage, type Started } from './server/contestants.ts';
import { startEcho } from './server/echo.ts';
import { message } from './server/forms.ts';
import { pictures, writeLargeMlp } from './server/mlp.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '5' } } });
const SECONDS = Number(values.seconds);
const REQUEST = message('v1', pictures(1, 'whole'));
const FACTORS = [2, 5, 10] as const;
const GOODPUT = { 2: 0.95, 5: 0.9, 10: 0.85 } as const;
/** More than both can hold: what is refused must not wait for a connection of the generator. */
const CONNECTIONS = 1500;
/** `peakConnections`: fewer than the queue holds, so that nothing is refused when the peak is measured. */
const SETTINGS = [
  { title: 'Run one by one', env: { MAX_BATCH_ROWS: '1', MAX_QUEUE: '64' }, peakConnections: 8 },
  { title: 'In batches, as it comes', env: {}, peakConnections: 64 },
];

interface Overload {
  factor: (typeof FACTORS)[number];
  /** Answers with 200 in a second, as a part of the peak. */
  goodput: number;
  acceptedP99: number;
  shedP99: number;
  /** Seconds from the end of the overload until nothing is refused and times are as before. */
  recovery: number;
  refusals: number;
  /** CPU of the server for each, in microseconds, if an answer took what it takes at the peak. */
  refusalCpu: number;
  /** Neither 200 nor 429 nor 503. */
  other: number;
}

interface Found {
  title: string;
  env: Readonly<Record<string, string>>;
  peak: number;
  /** CPU of the server for an answer at its peak, in microseconds. */
  answerCpu: number;
  unloadedP99: number;
  overloads: Overload[];
}

type Setting = (typeof SETTINGS)[number];
type Timeline = Result['timeline'];

const sum = (timeline: Timeline, kind: 'ok' | 'shed' | 'other') =>
  timeline.reduce((all, moment) => all + moment[kind], 0);

async function measure(
  generator: LoadGenerator,
  started: Started,
  { title, env, peakConnections }: Setting,
): Promise<Found> {
  const requestFile = await generator.request(REQUEST);
  const run = async (load: Partial<Load>) => {
    const before = await started.process.cpuSeconds();
    const whole = {
      port: started.port,
      requestFile,
      connections: CONNECTIONS,
      seconds: SECONDS,
      warmupSeconds: 1,
      ...load,
    };
    const result = await generator.run(whole, '1');
    return { ...result, cpuSeconds: (await started.process.cpuSeconds()) - before };
  };
  await run({ connections: peakConnections });
  const best = await run({ connections: peakConnections });
  const peak = best.rate;
  const answerCpu = best.cpuSeconds / sum(best.timeline, 'ok');
  const calm = await run({ rate: peak / 2 });
  const unloadedP99 = calm.ok.p99;
  const overloads: Overload[] = [];
  for (const factor of FACTORS) {
    const phases = [{ afterSeconds: 1 + SECONDS, rate: peak / 2 }];
    // Counted are the seconds of overload; what comes behind them is in the timeline.
    const under = await run({ rate: peak * factor });
    const back = await run({ rate: peak * factor, seconds: SECONDS + AFTER, phases });
    const during = under.timeline.slice(10, (1 + SECONDS) * 10);
    const refusals = sum(under.timeline, 'shed');
    overloads.push({
      factor,
      goodput: sum(during, 'ok') / SECONDS / peak,
      acceptedP99: under.ok.p99,
      shedP99: refusals > 0 ? under.shed.p99 : 0,
      recovery: recovery(back.timeline.slice((1 + SECONDS) * 10), unloadedP99),
      refusals,
      refusalCpu: 1e6 * ((under.cpuSeconds - sum(under.timeline, 'ok') * answerCpu) / refusals),
      other: sum(under.timeline, 'other'),
    });
  }
  return { title, env, peak, answerCpu: 1e6 * answerCpu, unloadedP99, overloads };
}

/** CPU of a bare socket for a request that it reads and throws away, and some bytes for it, in microseconds, as many at once. */
async function cheapest(generator: LoadGenerator, folder: string): Promise<number> {
  const requestFile = await generator.request(REQUEST);
  const { port, process: echo } = await startEcho('net', bytesOf(REQUEST).length, '0', folder);
  try {
    const before = await echo.cpuSeconds();
    const load = { port, requestFile, connections: CONNECTIONS, seconds: SECONDS, rate: 20_000 };
    const { timeline } = await generator.run(load, '1');
    return (1e6 * ((await echo.cpuSeconds()) - before)) / sum(timeline, 'ok');
  } finally {
    await echo.stop();
  }
}

/** Seconds that are watched behind an overload. */
const AFTER = 5;

/** So many calm tenths of a second in a row are the end of an overload: a short queue is full now and then at any load. */
const CALM = 5;

/** Seconds until nothing is refused or takes more than three times its time. */
function recovery(timeline: Timeline, unloadedP99: number): number {
  const calm = timeline.map(({ shed, other, worstMs }) => shed + other === 0 && worstMs <= 3 * unloadedP99);
  const from = calm.findIndex((_, i) => i + CALM <= calm.length && calm.slice(i, i + CALM).every(Boolean));
  return from < 0 ? Infinity : from / 10;
}

const yes = (reached: boolean) => (reached ? '' : ' ✗');
const percent = (part: number) => `${(part * 100).toFixed(0)} %`;
const ms = (value: number) => `${value.toFixed(1)} ms`;

function page(all: readonly Found[], echoCpu: number): string {
  // Where refusals are most of the work, their cost is not lost in the noise of the rest.
  const most = all.flatMap(({ overloads }) => overloads).reduce((a, b) => (b.refusals > a.refusals ? b : a));
  const lines = [
    '# Overload',
    '',
    'Made by `npm run bench -- overload`: requests of one picture come at random times of a fixed rate, two, five and ten times as many as',
    'the server can answer, on one core, for a model of about 10 million multiplications. Goals: 95, 90 and 85 % of the peak are still',
    'answered; those answers take at most twice the p99 at half of the peak; a refusal takes at most 10 ms; 2 s later all is as before. ✗',
    'marks what is missed.',
    '',
    'A refusal costs CPU too: a request has to be read before anything can be said to it. A bare socket of node, which reads as many bytes',
    `and answers fixed text, takes ${echoCpu.toFixed(0)} µs for that here, and a refusal ${most.refusalCpu.toFixed(0)}. "Possible" is what it would leave of the peak if a refusal cost no`,
    'more than that. Where refusals would take more than four fifths of the core, a fifth is kept for the model, and who is not read yet',
    `waits, in the end for one of the ${CONNECTIONS} connections of the generator, which has a core of its own and needs most of it by then.`,
    '',
  ];
  for (const { title, env, peak, answerCpu, unloadedP99, overloads } of all) {
    const settings = Object.entries(env).map(([name, value]) => `\`${name}=${value}\``);
    const possible = (factor: number) => Math.max(0, (1e6 - factor * peak * echoCpu) / (1e6 - peak * echoCpu));
    lines.push(
      `## ${title}`,
      '',
      `${settings.length > 0 ? settings.join(', ') : 'No settings'}. Peak ${peak.toFixed(0)} requests in a second, ${answerCpu.toFixed(0)} µs of CPU each; at half of it p99 is ${ms(unloadedP99)}.`,
      '',
      '| load | answered, of the peak | possible | p99 of answers | p99 of refusals | recovery | other failures |',
      '| --- | --: | --: | --: | --: | --: | --: |',
      ...overloads.map(
        ({ factor, goodput, acceptedP99, shedP99, recovery: seconds, other }) =>
          `| ${factor} × | ${percent(goodput)}${yes(goodput >= GOODPUT[factor])} | ${percent(possible(factor))} | ${ms(acceptedP99)}${yes(acceptedP99 <= 2 * unloadedP99)} | ${ms(shedP99)}${yes(shedP99 <= 10)} | ${seconds === Infinity ? `> ${AFTER}` : seconds.toFixed(1)} s${yes(seconds <= 2)} | ${other}${yes(other === 0)} |`,
      ),
      '',
    );
  }
  return lines.join('\n');
}

await ensureNative(() => undefined);
const bench = await Bench.create();
const folder = await mkdtemp(join(tmpdir(), 'bench-'));
const generator = await LoadGenerator.create();
try {
  const repository = join(folder, 'large');
  await writeLargeMlp(repository);
  const models = { savedModel: repository, tfjs: repository, peers: repository };
  const stage: Stage = { folder, program: join(bench.dist, 'main.mjs'), models };
  const found: Found[] = [];
  for (const setting of SETTINGS) {
    const started = await ours('tensorflow', setting.env).start(stage, { cores: '0', workers: 1, tuned: true });
    try {
      found.push(await measure(generator, started, setting));
    } finally {
      await started.process.stop();
    }
  }
  const docs = new URL('../docs/benchmarks/', import.meta.url).pathname;
  await mkdir(docs, { recursive: true });
  const text = page(found, await cheapest(generator, folder));
  await writeFile(join(docs, 'overload.md'), text);
  console.log(text);
} finally {
  await generator.dispose();
  await bench.dispose();
  await rm(folder, { recursive: true, force: true });
}

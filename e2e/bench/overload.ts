/**
 * npm run bench -- overload [--seconds N]
 *
 * More requests than can be answered: twice, five and ten times the peak of a model of about 10 million multiplications, in an
 * open loop. How many are answered all the same, how long those take, how soon the others are refused, and when all is well
 * again. With the queue as it comes, and with one that holds a single batch. Writes docs/benchmarks/overload.md.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureNative } from '../../serving-image/src/build/native.ts';
import { Bench } from '../../serving-image/src/testing/server.ts';
import { LoadGenerator, type Result } from './load/index.ts';
import { ours, type Stage, type Started } from './server/contestants.ts';
import { message } from './server/forms.ts';
import { pictures, writeLargeMlp } from './server/mlp.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '5' } } });
const SECONDS = Number(values.seconds);
const FACTORS = [2, 5, 10] as const;
const GOODPUT = { 2: 0.95, 5: 0.9, 10: 0.85 } as const;
/** More than both can hold: what is refused must not wait for a connection of the generator. */
const CONNECTIONS = 1500;
const QUEUES = [
  { title: 'the queue as it comes (`MAX_QUEUE=512`)', env: {} },
  { title: 'a queue of one batch (`MAX_QUEUE=32`)', env: { MAX_QUEUE: '32' } },
];

interface Overload {
  factor: (typeof FACTORS)[number];
  /** Answers with 200 in a second, as a part of the peak. */
  goodput: number;
  acceptedP99: number;
  shedP99: number;
  /** Seconds from the end of the overload until nothing is refused and times are as before. */
  recovery: number;
  /** Neither 200 nor 429 nor 503. */
  other: number;
}

interface Found {
  title: string;
  peak: number;
  unloadedP99: number;
  overloads: Overload[];
}

async function measure(generator: LoadGenerator, { port }: Started, title: string): Promise<Found> {
  const requestFile = await generator.request(message('v1', pictures(1, 'whole')));
  const run = (load: object) =>
    generator.run({ port, requestFile, connections: CONNECTIONS, seconds: SECONDS, warmupSeconds: 1, ...load }, '1');
  const { rate: peak } = await run({ connections: 64 });
  const calm = await run({ rate: peak / 2 });
  const unloadedP99 = calm.ok.p99;
  const overloads: Overload[] = [];
  for (const factor of FACTORS) {
    const phases = [{ afterSeconds: 1 + SECONDS, rate: peak / 2 }];
    // Counted are the seconds of overload; what comes behind them is in the timeline.
    const under = await run({ rate: peak * factor });
    const back = await run({ rate: peak * factor, seconds: SECONDS + 5, phases });
    const { 200: ok = 0, 429: many = 0, 503: full = 0, ...others } = under.statuses;
    overloads.push({
      factor,
      goodput: ok / SECONDS / peak,
      acceptedP99: under.ok.p99,
      shedP99: many + full > 0 ? under.shed.p99 : 0,
      recovery: recovery(back.timeline.slice((1 + SECONDS) * 10), unloadedP99),
      other: Object.values(others).reduce((a, b) => a + b, 0),
    });
  }
  return { title, peak, unloadedP99, overloads };
}

/** Seconds until the last tenth of a second in which something was refused or took more than twice its time. */
function recovery(timeline: Result['timeline'], unloadedP99: number): number {
  const bad = timeline.findLastIndex(({ shed, other, worstMs }) => shed + other > 0 || worstMs > 3 * unloadedP99);
  return (bad + 1) / 10;
}

const yes = (reached: boolean) => (reached ? '' : ' ✗');
const percent = (part: number) => `${(part * 100).toFixed(0)} %`;
const ms = (value: number) => `${value.toFixed(1)} ms`;

function page(all: readonly Found[]): string {
  const lines = [
    '# Overload',
    '',
    'Made by `npm run bench -- overload`: requests of one picture come at random times of a fixed rate, two, five and ten times as many as',
    'the server can answer, on one core, for a model of about 10 million multiplications. Goals: 95, 90 and 85 % of the peak are still',
    'answered; those answers take at most twice the p99 at half of the peak; a refusal takes at most 10 ms; 2 s later all is as before. ✗',
    'marks what is missed.',
    '',
  ];
  for (const { title, peak, unloadedP99, overloads } of all) {
    lines.push(
      `## With ${title}`,
      '',
      `Peak ${peak.toFixed(0)} requests in a second; at half of it p99 is ${ms(unloadedP99)}.`,
      '',
      '| load | answered, of the peak | p99 of answers | p99 of refusals | recovery | other failures |',
      '| --- | --: | --: | --: | --: | --: |',
      ...overloads.map(
        ({ factor, goodput, acceptedP99, shedP99, recovery: seconds, other }) =>
          `| ${factor} × | ${percent(goodput)}${yes(goodput >= GOODPUT[factor])} | ${ms(acceptedP99)}${yes(acceptedP99 <= 2 * unloadedP99)} | ${ms(shedP99)}${yes(shedP99 <= 10)} | ${seconds.toFixed(1)} s${yes(seconds <= 2)} | ${other}${yes(other === 0)} |`,
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
  for (const { title, env } of QUEUES) {
    const started = await ours('tensorflow', env).start(stage, { cores: '0', workers: 1, tuned: true });
    try {
      found.push(await measure(generator, started, title));
    } finally {
      await started.process.stop();
    }
  }
  const docs = new URL('../../docs/benchmarks/', import.meta.url).pathname;
  await mkdir(docs, { recursive: true });
  await writeFile(join(docs, 'overload.md'), page(found));
  console.log(page(found));
} finally {
  await generator.dispose();
  await bench.dispose();
  await rm(folder, { recursive: true, force: true });
}

/**
 * npm run bench -- abuse [--seconds N] [--only TEXT]
 *
 * What good clients notice while others attack: each attack runs in a process of its own, sends at most 10 MB/s and ends after
 * some seconds; beside it a client asks over a kept connection and over new ones. Writes docs/benchmarks/abuse.md.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { BUNDLING } from '../serving-image/src/build/bundle.ts';
import { ATTACKS, type Attack } from '../serving-image/testing/attacks.ts';
import { denseGraphModel } from '../serving-image/testing/models.ts';
import { Bench, type Running } from '../serving-image/testing/server.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, only: { type: 'string', default: '' } },
});
const SECONDS = Number(values.seconds);
const BYTES_PER_SECOND = 10_000_000;
const WORKERS = 2;
const GOAL = { answered: 0.99, slower: 3, memoryMiB: 256, lost: 0 };
/** A good client asks so often, in milliseconds, and waits so long. */
const EVERY_MS = 25;
const PATIENCE_MS = 5_000;

const BODY = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] });
const request = (connection: string) =>
  `POST /v2/models/dense/infer HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

interface Seen {
  asked: number;
  answered: number;
  /** In milliseconds; of what was not answered the time until that was clear. */
  times: number[];
}

/** Asks for so long, half over connections that are new. */
async function ask(port: number, seconds: number): Promise<Seen> {
  const seen: Seen = { asked: 0, answered: 0, times: [] };
  const until = performance.now() + seconds * 1000;
  const client = async (kept: boolean) => {
    const open = () => connect(port, '127.0.0.1').on('error', () => undefined);
    let socket = open();
    while (performance.now() < until) {
      if (!kept || socket.destroyed) socket = open();
      const began = performance.now();
      seen.asked++;
      if (await answers(socket, request(kept ? 'keep-alive' : 'close'))) seen.answered++;
      else socket.destroy();
      seen.times.push(performance.now() - began);
      if (!kept) socket.destroy();
      await sleep(EVERY_MS);
    }
    socket.destroy();
  };
  await Promise.all([client(true), client(true), client(false), client(false)]);
  return seen;
}

function answers(socket: ReturnType<typeof connect>, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => end(false), PATIENCE_MS);
    const onData = (data: Buffer) => end(data.toString('latin1').startsWith('HTTP/1.1 200 '));
    const onEnd = () => end(false);
    const end = (good: boolean) => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onEnd);
      resolve(good);
    };
    socket.on('data', onData).on('close', onEnd);
    socket.write(text);
  });
}

const p99 = ({ times }: Seen): number => [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;

/** Memory of the largest worker, in MiB. */
async function memory(workers: readonly number[]): Promise<number> {
  const all = await Promise.all(
    workers.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    }),
  );
  return Math.max(0, ...all);
}

interface Found {
  attack: Attack;
  seen: Seen;
  memoryMiB: number;
  lost: number;
  megabytesPerSecond: number;
}

async function attackOnce(server: Running, attack: Attack, program: string, idleMiB: number): Promise<Found> {
  const workers = await server.workers();
  const [http, grpc] = [new URL(server.url).port, server.grpc.split(':')[1]].map(Number);
  const port = attack.port === 'http' ? http : grpc;
  const child = fork(program, [attack.name, String(port), String(attack.connections), String(BYTES_PER_SECOND)], {
    execArgv: [],
  });
  let rate = 0;
  child.on('message', ({ bytesPerSecond }: { bytesPerSecond: number }) => (rate = bytesPerSecond));
  let most = 0;
  const sampling = setInterval(() => void memory(workers).then((mib) => (most = Math.max(most, mib))), 100);
  await once(child, 'message');
  // Time to come to its strength.
  await sleep(1000);
  const seen = await ask(http ?? 0, SECONDS);
  clearInterval(sampling);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await ended;
  const now = await server.workers();
  const lost = workers.filter((pid) => !now.includes(pid)).length;
  return { attack, seen, memoryMiB: Math.max(0, most - idleMiB), lost, megabytesPerSecond: rate / 1e6 };
}

const mark = (reached: boolean) => (reached ? '' : ' ✗');

function page(found: readonly Found[], quiet: Seen): string {
  const rows = found.map(({ attack, seen, memoryMiB, lost, megabytesPerSecond }) => {
    const answered = seen.answered / seen.asked;
    const slower = p99(seen) / p99(quiet);
    const cells = [
      `${attack.port === 'grpc' ? 'gRPC: ' : ''}${attack.name}`,
      String(attack.connections),
      `${megabytesPerSecond.toFixed(1)} MB/s`,
      `${(100 * answered).toFixed(1)} %${mark(answered >= GOAL.answered)}`,
      `${slower.toFixed(1)} ×${mark(slower <= GOAL.slower)}`,
      `${memoryMiB.toFixed(0)} MiB${mark(memoryMiB <= GOAL.memoryMiB)}`,
      `${lost}${mark(lost === GOAL.lost)}`,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '# Abuse',
    '',
    `Made by \`npm run bench -- abuse\`: ${found.length} attacks, one after the other, ${SECONDS} seconds each, at most 10 MB/s, over loopback; the`,
    `attacker, the good clients and the server with ${WORKERS} workers share ${availableParallelism()} cores. Beside each attack four good clients ask for a small model, two over`,
    `connections that are kept. In quiet their p99 is ${p99(quiet).toFixed(1)} ms. Goals: 99 % of the good requests are answered, with a p99 of at most ${GOAL.slower} times`,
    `the quiet one; the largest worker takes at most ${GOAL.memoryMiB} MiB over idle; no worker is lost. ✗ marks what is missed.`,
    '',
    '| attack | connections | sent | good answers | p99, over quiet | memory over idle | workers lost |',
    '| --- | --: | --: | --: | --: | --: | --: |',
    ...rows,
    '',
  ].join('\n');
}

const bench = await Bench.create();
try {
  const program = join(bench.dist, 'attacker.mjs');
  const entry = fileURLToPath(new URL('abuse/attacker.ts', import.meta.url));
  await build({ ...BUNDLING, entryPoints: [entry], outfile: program });
  await denseGraphModel(join(bench.models, 'dense/1'));
  const server = await bench.start({ MODEL_NAME: 'dense', MODEL_ENGINE: 'wasm', WORKERS: String(WORKERS) });
  await server.logged('worker ready', WORKERS);
  const port = Number(new URL(server.url).port);
  await ask(port, 2);
  const quiet = await ask(port, SECONDS);
  const idleMiB = await memory(await server.workers());
  const found: Found[] = [];
  for (const attack of ATTACKS.filter(({ name }) => name.includes(values.only))) {
    found.push(await attackOnce(server, attack, program, idleMiB));
    console.log(page(found.slice(-1), quiet).split('\n').at(-2));
    // What it left behind is closed by then.
    await sleep(2000);
  }
  const text = page(found, quiet);
  console.log(text);
  if (values.only === '') await writeFile(new URL('../docs/benchmarks/abuse.md', import.meta.url), text);
} finally {
  await bench.dispose();
}

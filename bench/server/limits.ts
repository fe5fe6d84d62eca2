/**
 * What the machine can do at best, each as a process of its own: `net`, an echo that answers fixed bytes to so many bytes;
 * `http`, node:http that reads a body and answers fixed text; `predict`, our engine on a tensor that is already there; `stalls`,
 * nothing but reading the clock: no server can answer while that stands still.
 */
import { createServer as createHttp } from 'node:http';
import { createServer as createNet } from 'node:net';
import { startEngine } from '../../serving-image/src/engines/index.ts';
import { findModel } from '../../serving-image/src/loading/repository.ts';
import { expected, INPUT, MLP, pictures } from './mlp.ts';
import type { Stalls } from './rounds.ts';

const [what = '', argument = ''] = process.argv.slice(2);
const ANSWER = JSON.stringify({ predictions: [expected(pictures(1, 'four'))] });

function net(port: number, requestBytes: number): void {
  const reply = `HTTP/1.1 200 OK\r\nContent-Length: ${ANSWER.length}\r\n\r\n${ANSWER}`;
  createNet((socket) => {
    let received = 0;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.length;
      for (; received >= requestBytes; received -= requestBytes) socket.write(reply);
    });
  }).listen(port, '127.0.0.1');
}

function http(port: number): void {
  createHttp((request, response) => {
    request.on('data', () => undefined);
    request.on('end', () => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': ANSWER.length });
      response.end(ANSWER);
    });
  }).listen(port, '127.0.0.1');
}

/** Prints microseconds of CPU of one run with 1 and with 32 rows. */
async function predict(repository: string): Promise<void> {
  const engine = await startEngine('tensorflow');
  const model = await engine.load(await findModel({ repository, name: MLP, version: '1', format: 'auto' }));
  const cost: Record<number, number> = {};
  for (const rows of [1, 32]) {
    const data = Float32Array.from(pictures(rows, 'four').flat());
    const input = { name: INPUT.name, dtype: INPUT.dtype, shape: [rows, 784], data };
    const run = () => model.predict('serving_default', [input]);
    for (let i = 0; i < 2000; i++) await run();
    const best: number[] = [];
    for (let round = 0; round < 10; round++) {
      const { user, system } = process.cpuUsage();
      for (let i = 0; i < 1000; i++) await run();
      const spent = process.cpuUsage();
      best.push((spent.user + spent.system - user - system) / 1000);
    }
    cost[rows] = best.sort((a, b) => a - b)[5] ?? NaN;
  }
  process.stdout.write(JSON.stringify(cost), () => process.exit());
}

/** Anything shorter is the clock's, or an interrupt's. */
const SHORTEST_STALL_MS = 0.5;

/** Prints how long this process stood still. */
function stalls(seconds: number): void {
  const start = performance.now();
  const until = start + seconds * 1000;
  let [last, lost, longestMs] = [start, 0, 0];
  while (last < until) {
    const now = performance.now();
    const gap = now - last;
    if (gap > SHORTEST_STALL_MS) lost += gap;
    if (gap > longestMs) longestMs = gap;
    last = now;
  }
  console.log(JSON.stringify({ part: lost / (last - start), longestMs } satisfies Stalls));
}

if (what === 'net') net(Number(argument), Number(process.argv[4]));
else if (what === 'http') http(Number(argument));
else if (what === 'stalls') stalls(Number(argument));
else await predict(argument);

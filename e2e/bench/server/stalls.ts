/**
 * How long a machine lets nobody run: a process that does nothing but read the clock, on each core at once, counts the time in
 * which it stood still. No server can answer meanwhile, so no percentile of one that is asked all the time can be better.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Of one core. */
export interface Stalls {
  /** Of the time. */
  part: number;
  longestMs: number;
}

/** Anything shorter is the clock's, or an interrupt's. */
const SHORTEST_MS = 0.5;

function watch(seconds: number): Stalls {
  const start = performance.now();
  const until = start + seconds * 1000;
  let [last, lost, longestMs] = [start, 0, 0];
  while (last < until) {
    const now = performance.now();
    const gap = now - last;
    if (gap > SHORTEST_MS) lost += gap;
    if (gap > longestMs) longestMs = gap;
    last = now;
  }
  return { part: lost / (last - start), longestMs };
}

/** @param cores numbers of cores */
export function stallsOf(cores: readonly number[], seconds: number): Promise<Stalls[]> {
  const program = [process.execPath, '--import', 'tsx', fileURLToPath(import.meta.url), String(seconds)];
  return Promise.all(
    cores.map(async (core) => {
      const { stdout } = await promisify(execFile)('taskset', ['-c', String(core), ...program]);
      return JSON.parse(stdout) as Stalls;
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(watch(Number(process.argv[2]))));

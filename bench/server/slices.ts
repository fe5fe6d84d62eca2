/**
 * Servers beside each other in slices of some milliseconds that take turns on one core. A machine that others use, too, is now slow
 * and now quick, for seconds at a time; of two slices that follow each other both meet the same. So single ratios scatter, and
 * their median does not.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Connection } from '../load/connection.ts';
import type { Started } from './contestants.ts';

export interface Slice {
  /** CPU of the server for one request, in microseconds. */
  cpu: number;
  /** The time one request takes of the slice, in microseconds. */
  wall: number;
}

export interface Turns {
  request: Buffer;
  connections: number;
  seconds: number;
}

const WARM_UP_SECONDS = 2;
const SLICE_SECONDS = 0.03;

/** @returns the slices of each server; those with the same index followed each other */
export async function takeTurns(
  started: readonly Started[],
  { request, connections, seconds }: Turns,
): Promise<Slice[][]> {
  const servers = await Promise.all(started.map((one) => Server.of(one, connections)));
  try {
    const rates: number[] = [];
    for (const server of servers) rates.push(await server.warmUp(request));
    const count = Math.max(2 * connections, Math.round(Math.min(...rates) * SLICE_SECONDS));
    const slices = servers.map((): Slice[] => []);
    const until = performance.now() + seconds * 1000;
    for (let turn = 0; performance.now() < until; turn++) {
      const order = servers.map((_, i) => i);
      for (const i of turn % 2 === 0 ? order : order.reverse())
        slices[i]?.push((await servers[i]?.slice(request, count)) as Slice);
    }
    return slices;
  } finally {
    for (const server of servers) server.close();
  }
}

class Server {
  private constructor(
    private readonly processes: readonly number[],
    private readonly connections: readonly Connection[],
  ) {}

  static async of({ port, process }: Started, count: number): Promise<Server> {
    const connections = Array.from({ length: count }, () => new Connection('127.0.0.1', port));
    await Promise.all(connections.map((connection) => connection.open()));
    return new Server(await process.processes(), connections);
  }

  /** @returns requests answered in a second */
  async warmUp(request: Buffer): Promise<number> {
    const began = performance.now();
    const until = began + WARM_UP_SECONDS * 1000;
    let answered = 0;
    while (performance.now() < until) {
      await this.#send(request, 100);
      answered += 100;
    }
    return (answered / (performance.now() - began)) * 1000;
  }

  async slice(request: Buffer, count: number): Promise<Slice> {
    const cpu = cpuOf(this.processes);
    const began = performance.now();
    await this.#send(request, count);
    const took = performance.now() - began;
    return { cpu: (cpuOf(this.processes) - cpu) / 1000 / count, wall: (took * 1000) / count };
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  /** So many requests, over all connections. Rejects when one is not answered with 200. */
  #send(request: Buffer, count: number): Promise<void> {
    let [left, answered] = [count, 0];
    return new Promise((resolve, reject) => {
      const next = (connection: Connection): void => {
        if (left === 0) return;
        left--;
        connection.send(request, (status) => {
          if (status !== 200) return reject(new Error(`a server answered ${status}`));
          if (++answered === count) resolve();
          else next(connection);
        });
      };
      for (const connection of this.connections) next(connection);
    });
  }
}

/** CPU time of all threads of processes, in nanoseconds: /proc/PID/stat counts in hundredths of a second. */
function cpuOf(processes: readonly number[]): number {
  let sum = 0;
  for (const pid of processes)
    for (const thread of readdirSync(`/proc/${pid}/task`))
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return sum;
}

/** A server under measurement: a process group of its own, pinned to cores. */
import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Command {
  file: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd?: string;
}

/** TICKS of /proc/…/stat in a second. */
const TICKS = 100;

/** They lead groups of their own, so that a signal for this program does not reach them. */
const running = new Set<PeerProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void Promise.all([...running].map((one) => one.stop())).finally(() => process.exit(1));
  });
}

export class PeerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly log: string,
  ) {}

  /** @param cores as taskset takes them, such as `0` or `0,1`; @param log file for what it prints */
  static start({ file, args, env, cwd }: Command, cores: string, log: string): PeerProcess {
    const out = openSync(log, 'w');
    const child = spawn('taskset', ['-c', cores, file, ...args], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      ...(cwd !== undefined && { cwd }),
      detached: true,
      stdio: ['ignore', out, out],
    });
    const started = new PeerProcess(child, log);
    running.add(started);
    return started;
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** The last lines it printed. */
  said(): string {
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-40).join('\n');
  }

  /** Itself and all processes below it, even those in sessions of their own. */
  async processes(): Promise<number[]> {
    const parents = new Map<number, number>();
    for (const name of await readdir('/proc')) {
      const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '') : '';
      if (stat !== '') parents.set(Number(name), Number(afterName(stat)[1]));
    }
    const found = [this.child.pid ?? 0];
    for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
    return found;
  }

  /** CPU time of all its processes so far, in seconds. */
  async cpuSeconds(): Promise<number> {
    let ticks = 0;
    for (const pid of await this.processes()) {
      const fields = afterName(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''));
      ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
    }
    return ticks / TICKS;
  }

  /** Memory of all its processes, each shared page divided by those that share it, in MiB. */
  async pssMiB(): Promise<number> {
    let kib = 0;
    for (const pid of await this.processes()) {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
      kib += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
    }
    return kib / 1024;
  }

  /** Asks it to end, then makes it. */
  async stop(): Promise<void> {
    running.delete(this);
    const pids = await this.processes();
    const signal = (name: NodeJS.Signals) => {
      for (const pid of pids) {
        try {
          process.kill(pid, name);
        } catch {
          // It has ended already.
        }
      }
    };
    signal('SIGTERM');
    for (let i = 0; i < 50 && !this.ended; i++) await sleep(100);
    signal('SIGKILL');
  }
}

/** The fields behind the name in brackets: state, parent, … */
const afterName = (stat: string): string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ');

/** The first of a run of ports that nobody listens on now. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Asks until the path is answered 200. @returns how long that took, in seconds */
export async function untilReady(process: PeerProcess, url: string, request: RequestInit = {}): Promise<number> {
  const started = performance.now();
  for (;;) {
    const reply = await fetch(url, request).catch(() => undefined);
    await reply?.arrayBuffer();
    if (reply?.status === 200) return (performance.now() - started) / 1000;
    if (process.ended || performance.now() - started > 180_000)
      throw new Error(`no 200 from ${url} (${reply?.status ?? 'no answer'}):\n${process.said()}`);
    await sleep(20);
  }
}

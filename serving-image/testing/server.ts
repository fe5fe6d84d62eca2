/** Runs the real server, as a process of its own, on free loopback ports. Test code only. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, mkdir, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inspect, isDeepStrictEqual } from 'node:util';
import { bundleServer } from '../src/build/bundle.ts';

const PATIENCE_MS = 15_000;

type LogLine = Record<string, unknown> & { msg: string };

export interface Running {
  /** Of the model's port, as `http://127.0.0.1:…`. */
  url: string;
  admin: string;
  /** Of gRPC, as `127.0.0.1:…`. */
  grpc: string;
  process: ChildProcess;
  lines: LogLine[];
  /** Resolves with the exit code. */
  exited: Promise<number | null>;
  /** Resolves with the next line with this message, or one that was written already. */
  logged(msg: string, times?: number): Promise<LogLine>;
  post(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: string; headers: Headers }>;
  workers(): Promise<number[]>;
  /** Value of the first series on the admin port whose name and labels match; undefined when there is none. */
  metric(series: RegExp): Promise<number | undefined>;
}

/** A bundle of the server and a folder for models, shared by the tests of one file. */
export class Bench {
  readonly #running: Running[] = [];

  private constructor(
    readonly dist: string,
    readonly models: string,
  ) {}

  static async create(): Promise<Bench> {
    // Inside the checkout, where the addon is found.
    const parent = fileURLToPath(new URL('../dist', import.meta.url));
    await mkdir(parent, { recursive: true });
    const dist = await mkdtemp(join(parent, 'test-'));
    await bundleServer(dist);
    return new Bench(dist, await mkdtemp(join(tmpdir(), 'serving-image-')));
  }

  async dispose(): Promise<void> {
    for (const { process: child } of this.#running) child.kill('SIGKILL');
    await Promise.all(this.#running.map(({ exited }) => exited));
    await rm(this.dist, { recursive: true, force: true });
    await rm(this.models, { recursive: true, force: true });
  }

  /** Where the termination message of servers started here is written. */
  get terminationLog(): string {
    return join(this.models, 'termination-log');
  }

  async terminationMessage(): Promise<{ reason: string; message: string }> {
    return JSON.parse(await readFile(this.terminationLog, 'utf8')) as { reason: string; message: string };
  }

  /** Starts a server; resolves once it listens, or has ended. */
  async start(
    env: Record<string, string>,
    program = join(this.dist, 'main.mjs'),
    flags: readonly string[] = [],
  ): Promise<Running> {
    const child = spawn(process.execPath, [...flags, program, 'serve'], {
      env: {
        PATH: process.env.PATH,
        MODEL_REPOSITORY: this.models,
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        ADMIN_PORT: '0',
        HOST: '127.0.0.1',
        WORKERS: '1',
        DRAIN_SECONDS: '0',
        LOG_LEVEL: 'info',
        TERMINATION_LOG: this.terminationLog,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
    const lines: LogLine[] = [];
    const waiting = new Set<() => void>();
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(JSON.parse(line) as LogLine);
      for (const wake of waiting) wake();
    });
    const logged = (msg: string, times = 1): Promise<LogLine> =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = lines.filter((line) => line.msg === msg)[times - 1];
          if (found) resolve(found);
          if (found) waiting.delete(check);
        };
        waiting.add(check);
        check();
        void exited.then((code) =>
          reject(new Error(`the server ended with ${code} before "${msg}": ${JSON.stringify(lines)}`)),
        );
      });
    const running: Running = {
      url: '',
      admin: '',
      grpc: '',
      process: child,
      lines,
      exited,
      logged,
      post: (path, body, headers = {}) => post(`${running.url}${path}`, body, headers),
      workers: () => children(child.pid ?? 0),
      metric: async (series) => {
        const text = await (await fetch(`${running.admin}/metrics`)).text();
        const line = text.split('\n').find((candidate) => !candidate.startsWith('#') && series.test(candidate));
        return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
      },
    };
    this.#running.push(running);
    const listening = await logged('listening').catch(() => undefined);
    running.url = `http://127.0.0.1:${Number(listening?.http)}`;
    running.grpc = `127.0.0.1:${Number(listening?.grpc)}`;
    running.admin = `http://127.0.0.1:${Number(listening?.admin)}`;
    return running;
  }
}

async function post(url: string, body: unknown, headers: Record<string, string>) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

async function children(pid: number): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    // The fields after the name in brackets: state, parent.
    if (Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]) === pid) found.push(Number(name));
  }
  return found;
}

/** Asks until the answer is the expected one. @throws Error with the last answer when that takes too long */
export async function until<T>(ask: () => Promise<T>, expected: T): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (isDeepStrictEqual(answer, expected)) return;
    if (performance.now() > deadline) throw new Error(`still ${inspect(answer)}, expected ${inspect(expected)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Connections from clients that a worker holds: its sockets on the server's port for REST, or at another address of it. */
export async function connectionsOf(pid: number, server: Running, at = server.url): Promise<number> {
  const port = Number(/\d+$/.exec(at)?.[0]).toString(16).toUpperCase().padStart(4, '0');
  const table = await readFile(`/proc/${pid}/net/tcp`, 'utf8');
  const fields = table.split('\n').map((line) => line.trim().split(/\s+/));
  const inodes = new Set(fields.filter(([, local]) => local?.endsWith(`:${port}`)).map((field) => field[9]));
  const links = (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1])).length;
}

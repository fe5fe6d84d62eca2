/** Runs loads in a process of their own, bundled once: its start must not cost what is measured. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLING } from '../../serving-image/src/build/bundle.ts';
import { exec } from '../../tools/exec.ts';
import type { Load, Result } from './result.ts';

export * from './result.ts';

export interface Message {
  /** POST when absent. */
  method?: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

export class LoadGenerator {
  #files = 0;

  private constructor(
    private readonly folder: string,
    private readonly program: string,
  ) {}

  static async create(): Promise<LoadGenerator> {
    const folder = await mkdtemp(join(tmpdir(), 'load-'));
    const program = join(folder, 'generator.mjs');
    const entry = fileURLToPath(new URL('generator.ts', import.meta.url));
    await build({ ...BUNDLING, entryPoints: [entry], outfile: program });
    return new LoadGenerator(folder, program);
  }

  /** Writes the bytes of a request, for `Load.requestFile`. */
  async request(message: Message): Promise<string> {
    const file = join(this.folder, `request-${this.#files++}`);
    await writeFile(file, bytesOf(message));
    return file;
  }

  /** @param cores as taskset takes them */
  async run(load: Load, cores: string): Promise<Result> {
    const text = await exec('taskset', ['-c', cores, process.execPath, this.program, JSON.stringify(load)]);
    return JSON.parse(text) as Result;
  }

  dispose(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** All of a request, as it goes over the wire. */
export function bytesOf({ method = 'POST', path, headers, body }: Message): Buffer {
  const lines = Object.entries({ Host: 'localhost', ...headers, 'Content-Length': body.length });
  const head = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

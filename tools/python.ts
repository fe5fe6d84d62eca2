import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { exec } from './exec.ts';
import { cacheFolder } from './cache-folder.ts';

/** What pip is to install, and whether also what that asks for. */
export interface Wanted {
  list: string;
  alone?: true;
}

/**
 * @param interpreter that the environment is made with
 * @returns the folder of a Python environment of this name, kept as long as its lists stay the same
 */
export async function pythonEnvironment(
  name: string,
  wanted: readonly Wanted[],
  interpreter = 'python3',
): Promise<string> {
  const cache = cacheFolder();
  const venv = join(cache, name);
  const python = join(venv, 'bin/python');
  const contents = await Promise.all(wanted.map(({ list }) => readFile(list)));
  const hash = createHash('sha256').update(contents.join()).digest('hex');
  const stamp = join(venv, 'installed');
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === hash) return venv;
  await exec(interpreter, ['-m', 'venv', '--clear', venv]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--find-links', join(cache, 'wheels')];
  for (const { list, alone } of wanted) await exec(python, [...pip, ...(alone ? ['--no-deps'] : []), '-r', list]);
  await writeFile(stamp, hash);
  return venv;
}

const CLIENTS = new URL('../conformance/clients/', import.meta.url).pathname;

/** @returns a Python with TensorFlow, Keras and the clients of inference servers in it, all of them pinned */
export async function clientsPython(): Promise<string> {
  const wanted = [
    { list: join(CLIENTS, 'requirements.txt') },
    { list: join(CLIENTS, 'requirements-stubs.txt'), alone: true as const },
  ];
  return join(await pythonEnvironment('clients-venv', wanted), 'bin/python');
}

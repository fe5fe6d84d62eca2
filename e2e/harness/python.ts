import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { exec } from './exec.ts';

const CACHE = join(homedir(), '.cache/modeldeployment');

/** What pip is to install, and whether also what that asks for. */
export interface Wanted {
  list: string;
  alone?: true;
}

/** @returns the folder of a Python environment of this name, kept as long as its lists stay the same */
export async function pythonEnvironment(name: string, wanted: readonly Wanted[]): Promise<string> {
  const venv = join(CACHE, name);
  const python = join(venv, 'bin/python');
  const contents = await Promise.all(wanted.map(({ list }) => readFile(list)));
  const hash = createHash('sha256').update(contents.join()).digest('hex');
  const stamp = join(venv, 'installed');
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === hash) return venv;
  await exec('python3', ['-m', 'venv', '--clear', venv]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--find-links', join(CACHE, 'wheels')];
  for (const { list, alone } of wanted) await exec(python, [...pip, ...(alone ? ['--no-deps'] : []), '-r', list]);
  await writeFile(stamp, hash);
  return venv;
}

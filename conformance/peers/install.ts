/**
 * The servers that ours is compared with, each in an environment of its own in the cache, from the pinned lists beside this
 * file: `npm run peers [NAME…]`. About 4 GB in all.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { exec } from '../../tools/exec.ts';
import { pythonEnvironment } from '../../tools/python.ts';
import { cacheFolder } from '../../tools/cache-folder.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
export const ENVIRONMENTS = [
  'mlserver',
  'kserve',
  'bentoml',
  'fastapi',
  'litserve',
  'pytriton',
  'ray',
  'node',
] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

const NODE_FILES = ['package.json', 'package-lock.json', 'express.mjs', 'fastify.mjs'].map((file) =>
  join(HERE, 'node', file),
);

/** PyTriton's stub wants the shared library of the interpreter, which Debian's own has. */
const PYTHON: Partial<Record<Environment, string>> = { pytriton: '/usr/bin/python3.11' };

/** Installs what is missing or old. @returns the folder of the environment */
export function ensureEnvironment(name: Environment): Promise<string> {
  if (name === 'node') return nodeEnvironment();
  const list = join(HERE, `requirements/${name}.txt`);
  return pythonEnvironment(join('peers', name), [{ list, alone: true }], PYTHON[name]);
}

async function nodeEnvironment(): Promise<string> {
  const folder = join(cacheFolder(), 'peers/node');
  const hash = createHash('sha256');
  for (const file of NODE_FILES) hash.update(readFileSync(file));
  const wanted = hash.digest('hex');
  const stamp = join(folder, '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return folder;
  await mkdir(folder, { recursive: true });
  for (const file of NODE_FILES) await copyFile(file, join(folder, basename(file)));
  await exec('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
  await writeFile(stamp, wanted);
  return folder;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const chosen = process.argv.slice(2);
  for (const name of ENVIRONMENTS)
    if (chosen.length === 0 || chosen.includes(name)) console.log(`${name}: ${await ensureEnvironment(name)}`);
}

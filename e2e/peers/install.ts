/**
 * The servers that ours is compared with, each in an environment of its own in the cache, from the pinned lists beside this
 * file: `npm run peers [NAME…]`. About 4 GB in all.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exec } from '../harness/exec.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CACHE =
  process.env.MODELDEPLOYMENT_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'modeldeployment');

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
export async function ensureEnvironment(name: Environment): Promise<string> {
  const folder = join(CACHE, 'peers', name);
  const list = join(HERE, `requirements/${name}.txt`);
  const hash = createHash('sha256');
  for (const file of name === 'node' ? NODE_FILES : [list]) hash.update(readFileSync(file));
  const wanted = hash.digest('hex');
  const stamp = join(folder, '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return folder;
  console.log(`installing ${name} into ${folder}`);
  if (name === 'node') {
    await mkdir(folder, { recursive: true });
    for (const file of NODE_FILES) await copyFile(file, join(folder, basename(file)));
    await exec('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
  } else {
    if (!existsSync(join(folder, 'bin/python'))) await exec(PYTHON[name] ?? 'python3', ['-m', 'venv', folder]);
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-deps'];
    await exec(join(folder, 'bin/python'), ['-m', 'pip', 'install', ...quiet, '-r', list]);
  }
  await writeFile(stamp, wanted);
  return folder;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const chosen = process.argv.slice(2);
  for (const name of ENVIRONMENTS)
    if (chosen.length === 0 || chosen.includes(name)) console.log(`${name}: ${await ensureEnvironment(name)}`);
}

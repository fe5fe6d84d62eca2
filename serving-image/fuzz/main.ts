/**
 * npm run fuzz -- [--minutes N] [--only NAME,NAME]
 *
 * Coverage-guided fuzzing (jazzer.js, libFuzzer) of the targets, the minutes shared by them, beginning with the inputs in
 * corpus/. What reaches new code is added there; what breaks a target is printed, and added too, so that the unit test fails
 * until it is mended.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { BUNDLING } from '../src/build/bundle.ts';
import { readCorpus, writeCorpus } from './corpus.ts';
import { loosen } from './loosen.ts';
import { TARGETS } from './targets.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, only: { type: 'string' } } });
const names = Object.keys(TARGETS).filter((name) => values.only === undefined || values.only.split(',').includes(name));
const seconds = Math.round((Number(values.minutes) * 60) / names.length);
const CLI = join(dirname(createRequire(import.meta.url).resolve('@jazzer.js/core')), 'cli.js');
const LONGEST = 4096;

const folder = await mkdtemp(join(tmpdir(), 'fuzz-'));
const preload = loosen(folder);

/** @returns the last lines that jazzer printed, and whether the target held */
function jazzer(folder: string, args: readonly string[]): Promise<{ held: boolean; said: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...(preload !== undefined && { LD_PRELOAD: preload }) };
    const child = spawn(process.execPath, [CLI, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const keep = (text: string) => void (said = (said + text).slice(-20_000));
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => resolve({ held: code === 0, said }));
  });
}

const inputsIn = async (folder: string, prefix = ''): Promise<Buffer[]> => {
  const files = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  return Promise.all(files.map((name) => readFile(join(folder, name))));
};

async function fuzz(name: string, folder: string): Promise<boolean> {
  const [corpus, smallest, crashes] = ['corpus', 'smallest', 'crashes'].map((part) => join(folder, name, part)) as [
    string,
    string,
    string,
  ];
  for (const path of [corpus, smallest, crashes]) await mkdir(path, { recursive: true });
  const known = await readCorpus(name);
  await Promise.all(known.map((bytes, i) => writeFile(join(corpus, `known-${i}`), bytes)));
  const bundle = join(folder, `${name}.cjs`);
  await build({
    ...BUNDLING,
    format: 'cjs',
    stdin: {
      contents: `import { TARGETS } from './targets.ts'; export const fuzz = TARGETS[${JSON.stringify(name)}];`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
      loader: 'ts',
    },
    outfile: bundle,
  });
  const target = [bundle, '--sync', '--includes', name, '--disableBugDetectors', '.*'];
  const run = await jazzer(folder, [
    ...target,
    corpus,
    '--',
    `-max_total_time=${seconds}`,
    `-max_len=${LONGEST}`,
    `-artifact_prefix=${crashes}/`,
  ]);
  const found = await inputsIn(crashes);
  // The smallest set of inputs that reaches as much.
  await jazzer(folder, [...target, smallest, corpus, '--', '-merge=1', `-max_len=${LONGEST}`]);
  const kept = await inputsIn(smallest);
  await writeCorpus(name, [...(kept.length > 0 ? kept : known), ...found]);
  const runs = /Done (\d+) runs/.exec(run.said)?.[1] ?? [...run.said.matchAll(/#(\d+)/g)].at(-1)?.[1] ?? '?';
  const coverage = [...run.said.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? '?';
  console.log(
    `${name}: ${runs} inputs in ${seconds} s, ${coverage} edges, ${kept.length} inputs kept (${known.length} before)`,
  );
  if (!run.held)
    console.log(`${run.said.slice(-4000)}\n${found.map((bytes) => `  ${bytes.toString('base64')}`).join('\n')}`);
  return run.held;
}

try {
  for (const name of names) if (!(await fuzz(name, folder))) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

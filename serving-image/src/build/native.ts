import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const NATIVE = fileURLToPath(new URL('../../native', import.meta.url));
const SCRIPT = join(NATIVE, 'build.sh');
const TF_VERSION = '2.21.0';

type Log = (line: string) => void;

/**
 * Makes TensorFlow's native half available to this checkout: builds it into the cache when it is not there (about a
 * minute, and a download of 270 MB), and links node_modules/@tensorflow/tfjs-node to it.
 * @returns the folder, with `deps/` and `lib/`
 */
export async function ensureNative(log: Log): Promise<string> {
  const folder = await ensureFolder(log);
  for (const part of ['deps', 'lib']) link(join(folder, part), join(packageFolder(), part));
  return folder;
}

async function ensureFolder(log: Log): Promise<string> {
  const cache =
    process.env.MODELDEPLOYMENT_CACHE ??
    join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'modeldeployment');
  const folder = join(cache, 'tfjs-node', key());
  if (existsSync(join(folder, 'lib/napi-v8/session.node'))) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const wheels = join(cache, 'wheels');
  await run(
    'bash',
    [SCRIPT, packageFolder(), folder],
    { TF_VERSION: process.env.TF_VERSION ?? TF_VERSION, WHEEL_DIR: wheels },
    log,
  );
  return folder;
}

const packageFolder = (): string =>
  dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node/package.json'));

/** Everything the result depends on. */
function key(): string {
  const hash = createHash('sha256');
  hash.update(`${process.platform} ${process.arch} ${process.env.TF_VERSION ?? TF_VERSION}\n`);
  for (const name of ['build.sh', 'session.cc', 'numbers.cc']) hash.update(readFileSync(join(NATIVE, name)));
  const sources = join(packageFolder(), 'binding');
  for (const name of readdirSync(sources).sort()) hash.update(readFileSync(join(sources, name)));
  return hash.digest('hex').slice(0, 16);
}

/** Several setups may run side by side: a link that is right already is left alone. */
function link(target: string, path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() && readlinkSync(path) === target) return;
  rmSync(path, { recursive: true, force: true });
  try {
    symlinkSync(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function run(command: string, args: string[], env: Record<string, string>, log: Log): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const tail: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        log(line);
        tail.push(line);
        if (tail.length > 20) tail.shift();
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(
            `building TensorFlow's addon failed (${args[0] ?? command} ended with ${code}):\n${tail.join('\n')}`,
          ),
        );
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${await ensureNative((line) => process.stderr.write(`${line}\n`))}\n`);
}

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENV, FAILURE, type FailureReport, ModelError, type ModelReport, PATH } from '@modeldeployment/modelpack';
import { readSourceConfig, type SourceConfig } from './config.ts';
import { copyFolder, describeFolder, sourceFolder } from './folder.ts';
import { fetchLayers, openRegistry, resolveImage } from './oci.ts';
import { Ticker } from './ticker.ts';

/**
 * The commands `fetch` and `resolve` of the serving image. Each ends with one line in the termination message: what the
 * model is, or why it cannot be had. They load no engine and stream everything, whatever the size of the model.
 */

/** Name of the file that says which bytes a version folder holds; its presence means that the folder is complete. */
const MARKER = '.digest';
const PARTIAL = '.partial-';
/** Pauses between attempts after a passing failure; when they are used up the container ends and the kubelet tries again. */
const RETRY_MS = [500, 2_000, 5_000];

export const fetchModel = (env: NodeJS.ProcessEnv): Promise<number> =>
  command(env, async () => {
    const config = readSourceConfig(env, 'fetch');
    return patiently(() => fetchOnce(config));
  });

export const resolveModel = (env: NodeJS.ProcessEnv): Promise<number> =>
  command(env, async () => {
    const config = readSourceConfig(env, 'resolve');
    return patiently(() => resolveOnce(config));
  });

async function command(env: NodeJS.ProcessEnv, run: () => Promise<ModelReport>): Promise<number> {
  const say = (message: ModelReport | FailureReport): void => {
    const line = JSON.stringify(message);
    console.log(line);
    // Outside a pod there is no such file, and nobody to read it.
    try {
      writeFileSync(env[ENV.terminationLog] ?? PATH.terminationLog, line);
    } catch {
      return;
    }
  };
  try {
    say(await run());
    return 0;
  } catch (error) {
    const known = explain(error as Error);
    say({ reason: known.reason, message: known.message.slice(0, 1500) });
    return 1;
  }
}

function explain(error: Error): ModelError {
  if (error instanceof ModelError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new ModelError('DiskFull', 'no space left for the model; the node or the volume is full');
  return new ModelError('SourceUnavailable', error.message, { cause: error });
}

/** Tries again after failures that may pass. */
async function patiently<T>(run: () => Promise<T>): Promise<T> {
  for (const pause of RETRY_MS) {
    try {
      return await run();
    } catch (error) {
      const known = explain(error as Error);
      if (FAILURE[known.reason].definite || known.reason === 'Unauthorized' || known.reason === 'DiskFull') throw known;
      console.log(JSON.stringify({ msg: 'trying again', reason: known.reason, cause: known.message, inMs: pause }));
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return run();
}

async function resolveOnce(config: SourceConfig): Promise<ModelReport> {
  const { uri } = config;
  if (uri.scheme === 'pvc') return describeFolder(uri, config);
  const registry = await openRegistry(uri, config);
  try {
    const { digest, bytes } = await resolveImage(registry, uri.digest ?? uri.tag ?? '');
    return { digest, bytes };
  } finally {
    registry.close();
  }
}

async function fetchOnce(config: SourceConfig): Promise<ModelReport> {
  const root = join(config.repository, config.name);
  const target = join(root, config.version);
  const present = await readFile(join(target, MARKER), 'utf8').catch(() => undefined);
  if (present !== undefined && (config.digest === undefined || JSON.parse(present).digest === config.digest)) {
    return JSON.parse(present) as ModelReport;
  }
  await mkdir(root, { recursive: true });
  await removeLeftovers(root);
  const partial = join(root, `${PARTIAL}${randomBytes(6).toString('hex')}`);
  await mkdir(partial);
  try {
    const report = await download(config, partial);
    await writeFile(join(partial, MARKER), JSON.stringify(report));
    await flush(partial);
    await rm(target, { recursive: true, force: true });
    await rename(partial, target);
    await flush(root);
    return report;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** Fetches into an empty folder and verifies; nothing of it is served before it is renamed into place. */
async function download(config: SourceConfig, folder: string): Promise<ModelReport> {
  const { uri } = config;
  if (uri.scheme === 'pvc') {
    const from = await sourceFolder(uri, config);
    const ticker = new Ticker('copying', undefined);
    const report = await copyFolder(from, folder, {
      maxBytes: config.maxBytes,
      progress: (n) => ticker.add(n),
    }).finally(() => ticker.stop());
    if (config.digest !== undefined && report.digest !== config.digest) {
      throw new ModelError(
        'DigestMismatch',
        `${config.text} holds ${report.digest} now, the revision was made from ${config.digest}; the folder was changed in place`,
      );
    }
    return report;
  }
  const registry = await openRegistry(uri, config);
  try {
    const { digest, image, bytes } = await resolveImage(registry, config.digest ?? uri.digest ?? uri.tag ?? '');
    const ticker = new Ticker('fetching', bytes);
    const done = await fetchLayers(registry, image, folder, {
      maxBytes: config.maxBytes,
      progress: (n) => ticker.add(n),
    }).finally(() => ticker.stop());
    return { digest, ...done };
  } finally {
    registry.close();
  }
}

/** What an earlier attempt left behind when it was killed. */
async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (name.startsWith(PARTIAL)) await rm(join(root, name), { recursive: true, force: true });
  }
}

/** Makes a rename durable: after a power cut the folder is there whole or not at all. */
async function flush(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

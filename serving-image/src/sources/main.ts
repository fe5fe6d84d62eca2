/**
 * The commands `fetch` and `resolve` of the serving image. Each ends with one line in the termination message: what the
 * model is, or why it cannot be had. They load no engine and stream everything, whatever the size of the model.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ENV,
  type FailureReport,
  ModelError,
  type ModelReport,
  PATH,
  printable,
  retry,
  toModelError,
  treeDigest,
} from '@modeldeployment/modelpack';
import { readSourceConfig, type SourceConfig } from './config.ts';
import { copyFolder, sourceFolder } from './folder.ts';
import { log, withProgress } from './log.ts';
import { checkSecret, fetchLayers, openRegistry, resolveImage } from './oci.ts';
import { place, present } from './place.ts';

/** The kubelet keeps 4096 bytes; JSON may double what a message holds. */
const LONGEST_MESSAGE = 1500;

/** Fetches, verifies and puts the model into the repository. Answers the exit code; never throws. */
export const fetchModel = (env: NodeJS.ProcessEnv): Promise<number> =>
  command(env, async () => {
    const config = readSourceConfig(env, 'fetch');
    const root = join(config.repository, config.name);
    const there = await present(join(root, config.version), config.digest);
    if (there !== undefined) return there;
    return patiently(() => place(root, config.version, config.digest, (folder) => download(config, folder)));
  });

/** Finds the digest and the size of a model without fetching it. Answers the exit code; never throws. */
export const resolveModel = (env: NodeJS.ProcessEnv): Promise<number> =>
  command(env, async () => {
    const config = readSourceConfig(env, 'resolve');
    return patiently(() => lookUp(config));
  });

async function command(env: NodeJS.ProcessEnv, run: () => Promise<ModelReport>): Promise<number> {
  const say = (message: ModelReport | FailureReport): void => {
    log(message);
    // Outside a pod there is no such file, and nobody to read it.
    try {
      writeFileSync(env[ENV.terminationLog] ?? PATH.terminationLog, JSON.stringify(message));
    } catch {
      return;
    }
  };
  try {
    say(await run());
    return 0;
  } catch (error) {
    const { reason, message } = toModelError(error);
    say({ reason, message: printable(message, LONGEST_MESSAGE) });
    return 1;
  }
}

const patiently = <T>(run: () => Promise<T>): Promise<T> =>
  retry(run, {
    onPause: ({ reason, message }, inMs) => log({ msg: 'trying again', reason, cause: message, inMs }),
  });

async function lookUp(config: SourceConfig): Promise<ModelReport> {
  const { uri } = config;
  if (uri.scheme === 'pvc') {
    const folder = await sourceFolder(uri, config.source);
    return withProgress('reading', undefined, (add) => treeDigest(folder, add));
  }
  await checkSecret(config);
  const registry = openRegistry(uri, config);
  try {
    const { digest, bytes } = await resolveImage(registry, uri, undefined, config.maxBytes);
    return { digest, bytes };
  } finally {
    registry.close();
  }
}

/** Fills an empty folder with the model, and verifies it. */
async function download(config: SourceConfig, folder: string): Promise<ModelReport> {
  const { uri, maxBytes } = config;
  if (uri.scheme === 'pvc') {
    const from = await sourceFolder(uri, config.source);
    const report = await withProgress('copying', undefined, (progress) =>
      copyFolder(from, folder, { maxBytes, progress }),
    );
    if (config.digest === undefined || report.digest === config.digest) return report;
    const words = `${config.text} holds ${report.digest} now, the revision was made from ${config.digest}`;
    throw new ModelError('DigestMismatch', `${words}; the folder was changed in place: give each version its own`);
  }
  await checkSecret(config);
  const registry = openRegistry(uri, config);
  try {
    const { digest, image, bytes } = await resolveImage(registry, uri, config.digest, maxBytes);
    const done = await withProgress('fetching', bytes, (progress) =>
      fetchLayers(registry, image, folder, { maxBytes, progress }),
    );
    return { digest, ...done };
  } finally {
    registry.close();
  }
}

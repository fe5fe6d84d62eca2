import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from '@modeldeployment/modelpack';
import { examineModel } from '@modeldeployment/modelpack/examine';
import {
  MODEL_NAME,
  parseRules,
  RULES_FILE,
  VERSION,
  type ModelListing,
  type VersionFolder,
} from '../model/selection.ts';
import { type ModelFolder, type ModelFormat } from '../model/types.ts';
import { FatalError } from '../errors.ts';

export interface Choice {
  repository: string;
  name: string;
  version: string;
  format: ModelFormat | 'auto';
  /** Whether signatures that change what later requests are answered are served too. */
  effects?: boolean;
}

/**
 * Finds one version of a model in a repository `<name>/<version>/…` and reads its signatures, without loading it.
 * @throws FatalError ModelNotFound, ModelMalformed, ModelRefused
 */
export async function findModel(choice: Choice): Promise<ModelFolder> {
  const { name, version } = choice;
  const directory = join(choice.repository, name, version);
  const wanted = choice.format === 'auto' ? undefined : choice.format;
  await folders(directory);
  const { info, ...examined } = await examineModel(directory, {
    format: wanted,
    effects: choice.effects ?? false,
  }).catch((error: unknown) => {
    if (error instanceof ModelError) throw new FatalError(error.reason, error.message, { cause: error });
    throw error;
  });
  return { name, version, directory, format: info.format, tags: info.tags ?? [], ...examined };
}

/** How a repository is listed. */
export interface Listing {
  /** One model alone. */
  only?: string | undefined;
  /** A version is another one also when its files have been written anew. */
  byContent?: boolean;
}

/**
 * The models of a repository and their versions, or one of them alone. A folder without versions is no model, unless it
 * is asked for by name or holds rules.
 * @throws FatalError ModelNotFound when the repository, or the model asked for by name, cannot be read
 */
export async function listModels(repository: string, how: Listing = {}): Promise<ModelListing[]> {
  const { only } = how;
  const names = only === undefined ? (await folders(repository)).filter((name) => MODEL_NAME.test(name)) : [only];
  const listings = await Promise.all(names.sort().map((name) => listModel(join(repository, name), name, how)));
  return listings.filter((listing) => listing !== undefined);
}

/** Every version that lies there. @throws FatalError ModelNotFound */
export async function versionsIn(repository: string, only?: string): Promise<{ name: string; version: string }[]> {
  const listings = await listModels(repository, { only });
  return listings.flatMap(({ name, versions }) => versions.map(({ version }) => ({ name, version })));
}

async function listModel(directory: string, name: string, how: Listing): Promise<ModelListing | undefined> {
  const { only, byContent = false } = how;
  try {
    const rules = await readRules(join(directory, RULES_FILE), `${name}/${RULES_FILE}`);
    const names = (await folders(directory)).filter((version) => VERSION.test(version));
    const versions = (
      await Promise.all(names.map((version) => identify(join(directory, version), version, byContent)))
    ).flat();
    if (versions.length === 0 && rules === undefined && only === undefined) return undefined;
    return { name, versions, rules: rules ?? { labels: {} } };
  } catch (error) {
    // It went away while it was looked at.
    if (only === undefined) return undefined;
    throw error;
  }
}

async function identify(path: string, version: string, byContent: boolean): Promise<VersionFolder[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return [];
  const written = byContent ? [await lastWritten(path)] : [];
  return [{ version, identity: [found.dev, found.ino, ...written].join(':') }];
}

/** When the youngest file of a folder was written, in milliseconds since 1970; what goes away meanwhile does not count. */
async function lastWritten(path: string): Promise<number> {
  const names = await readdir(path, { recursive: true }).catch(() => []);
  const times = names.map(async (name) => (await stat(join(path, name)).catch(() => undefined))?.mtimeMs ?? 0);
  return Math.max(0, ...(await Promise.all(times)));
}

async function readRules(path: string, name: string): Promise<ModelListing['rules'] | undefined> {
  try {
    return parseRules(await readFile(path, 'utf8'), name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return { problem: (error as Error).message };
  }
}

async function folders(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    // A volume of Kubernetes shows its folders as links.
    return entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map((entry) => entry.name);
  } catch (error) {
    throw new FatalError(
      'ModelNotFound',
      `cannot read the model folder ${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}); the layout is <repository>/<name>/<version>/`,
    );
  }
}

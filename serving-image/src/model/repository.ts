import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeModel, detectFormat, ModelError, type ModelInfo } from '@modeldeployment/modelpack';
import { ALLOWED_OPERATIONS } from './allowed-operations.gen.ts';
import { FatalError, type ModelFolder, type ModelFormat } from './types.ts';

export interface Choice {
  repository: string;
  name: string | undefined;
  version: string | undefined;
  format: ModelFormat | 'auto';
}

/**
 * Finds the one model to serve in a repository `<name>/<version>/…` and reads its signatures, without loading it.
 * @throws FatalError ModelNotFound, ModelMalformed, ModelRefused
 */
export async function findModel(choice: Choice): Promise<ModelFolder> {
  const name = choice.name ?? (await onlyModel(choice.repository));
  const version = choice.version ?? (await highestVersion(join(choice.repository, name)));
  const directory = join(choice.repository, name, version);
  const wanted = choice.format === 'auto' ? undefined : choice.format;
  await folders(directory);
  const info = await describe(directory, wanted);
  const refused = refusedOperations(info);
  if (refused.length > 0) {
    throw new FatalError(
      'ModelRefused',
      `the model uses ${refused.slice(0, 5).join(', ')}, which a served model may not: only operations that compute are allowed, none that reach files, network or Python`,
    );
  }
  const signatures = new Map(Object.entries(info.signatures));
  if (signatures.size === 0)
    throw new FatalError('ModelMalformed', 'the model has no signature to call; export it for serving');
  return { name, version, directory, format: info.format, signatures };
}

/** Operations of a SavedModel that are not allowed: it is a program, and runs with the server's rights. Pure. */
export function refusedOperations({ format, operations }: Pick<ModelInfo, 'format' | 'operations'>): string[] {
  return format === 'SavedModel' ? (operations ?? []).filter((name) => !ALLOWED_OPERATIONS.has(name)) : [];
}

async function describe(directory: string, format: ModelFormat | undefined): Promise<ModelInfo> {
  try {
    const found = await detectFormat(directory);
    if (format !== undefined && format !== found) {
      throw new FatalError('ModelMalformed', `the model is a ${found}, but its format is set to ${format}`);
    }
    return await describeModel(directory, found);
  } catch (error) {
    if (error instanceof ModelError) throw new FatalError(error.reason, error.message, { cause: error });
    throw error;
  }
}

async function onlyModel(repository: string): Promise<string> {
  const names = (await folders(repository)).filter((name) => !name.startsWith('.'));
  if (names.length === 1 && names[0] !== undefined) return names[0];
  const found = names.length === 0 ? 'none' : names.slice(0, 5).join(', ');
  throw new FatalError(
    'ModelNotFound',
    `MODEL_NAME is not set and ${repository} does not hold exactly one model (found ${found})`,
  );
}

async function highestVersion(directory: string): Promise<string> {
  const versions = (await folders(directory)).filter((name) => /^\d{1,18}$/.test(name));
  const [highest] = versions.sort((a, b) => (BigInt(b) > BigInt(a) ? 1 : -1));
  if (highest !== undefined) return highest;
  throw new FatalError(
    'ModelNotFound',
    `${directory} holds no version; put the model into a folder with a number as its name, such as ${join(directory, '1')}`,
  );
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

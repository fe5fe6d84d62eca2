/** A model repository of one test, and versions that arrive in it. Test code only. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { denseGraphModel } from './models.ts';

/** A request that every version made here answers. */
export const BODY = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] };

let folders = 0;

/** An empty one in this folder. */
export async function emptyRepository(parent: string): Promise<string> {
  const repository = join(parent, `repository-${folders++}`);
  await mkdir(repository);
  return repository;
}

/** A version arrives as one that is fetched does: complete, by a rename. `path` is `NAME/VERSION`. */
export async function arriveIn(
  repository: string,
  path: string,
  spoil?: (folder: string) => Promise<void>,
): Promise<void> {
  const parts = path.split('/');
  const staged = join(repository, parts[0] ?? '', `.staged-${parts[1]}`);
  await denseGraphModel(staged);
  await spoil?.(staged);
  await rename(staged, join(repository, path));
}

/** Spoils a version: its warm-up finds other answers than it is told to. */
export const withWrongGolden = (folder: string): Promise<void> =>
  writeFile(
    join(folder, 'golden.json'),
    JSON.stringify({ requests: [{ ...BODY, outputs: [{ name: 'y', data: [0, 0] }] }] }),
  );

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lstat } from 'node:fs/promises';
import { ModelError } from './failure.ts';

/** One file of a model; `path` is relative to its folder, with `/`. */
export interface ModelFile {
  path: string;
  size: number;
}

/** All files below a folder, sorted by path. Links and devices are refused: a model is plain files. */
export async function listFiles(folder: string): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  const walk = async (relative: string): Promise<void> => {
    for (const entry of await readdir(join(folder, relative), { withFileTypes: true })) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) files.push({ path, size: (await lstat(join(folder, path))).size });
      else
        throw new ModelError(
          'ModelMalformed',
          `${path} is neither a file nor a folder; a model consists of plain files`,
        );
    }
  };
  await walk('');
  return files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** sha256 of a file, as hexadecimal digits. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/**
 * Digest of a folder: the sha256 of one line `<sha256 of the file> <size> <path>\n` for each file, sorted by path. It
 * depends on names and bytes only, not on times, owners or the order of the directory.
 */
export async function treeDigest(folder: string): Promise<{ digest: string; bytes: number; files: number }> {
  const files = await listFiles(folder);
  const hash = createHash('sha256');
  for (const { path, size } of files) hash.update(treeLine(await sha256File(join(folder, path)), size, path));
  return {
    digest: `sha256:${hash.digest('hex')}`,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    files: files.length,
  };
}

/** One line of a tree digest. */
export const treeLine = (sha256: string, size: number, path: string): string => `${sha256} ${size} ${path}\n`;

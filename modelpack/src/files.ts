import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream, type ReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from './failure.ts';

/** One file of a model; `path` is relative to its folder, with `/`. */
export interface ModelFile {
  path: string;
  size: number;
}

/** ext4 makes this folder, readable for root only, at the root of every volume. */
const NOT_A_MODEL = 'lost+found';

/**
 * All files below a folder, sorted by path (by UTF-16 code units, as JavaScript compares). Links, devices and names
 * that could be misread are refused: a model is plain files. Throws ModelError ModelNotFound or ModelMalformed.
 */
export async function listFiles(folder: string): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  let entries = 0;
  const walk = async (relative: string): Promise<void> => {
    for (const entry of await readdir(join(folder, relative), { withFileTypes: true })) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (path === NOT_A_MODEL) continue;
      if (!isModelPath(path)) {
        throw new ModelError(
          'ModelMalformed',
          `the name ${JSON.stringify(path)} is not allowed in a model; rename the file`,
        );
      }
      if (++entries > MAX_ENTRIES || !isBoundedPath(path)) {
        const words = `a model has at most ${MAX_ENTRIES} files and folders, ${BOUNDS_OF_PATHS}; ${folder} has more`;
        throw new ModelError('ModelMalformed', words);
      }
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) files.push({ path, size: (await lstat(join(folder, path))).size });
      else {
        const words = `${path} is neither a file nor a folder; a model consists of plain files, so copy what a link points to`;
        throw new ModelError('ModelMalformed', words);
      }
    }
  };
  await walk('').catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new ModelError('ModelNotFound', `there is no folder ${folder}`, { cause: error });
    if (code === 'ENOTDIR')
      throw new ModelError('ModelMalformed', `${folder} is not a folder; name the one it lies in`);
    throw error;
  });
  return files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** Whether a relative path stays inside its folder on every system, and has one reading only. Pure. */
export function isModelPath(path: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\\\u0000-\u001f\u007f]/.test(path)) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !part.startsWith('.wh.'));
}

/** Far more than any model that is saved today has, and far less than what fills a disk with folders. */
export const MAX_ENTRIES = 100_000;
const MAX_DEPTH = 32;
const MAX_PATH_BYTES = 1024;

/** Whether a path is no deeper and no longer than a model's may be. Pure. */
export const isBoundedPath = (path: string): boolean =>
  Buffer.byteLength(path) <= MAX_PATH_BYTES && path.split('/').length <= MAX_DEPTH;

export const BOUNDS_OF_PATHS = `at most ${MAX_DEPTH} folders deep and ${MAX_PATH_BYTES} bytes long`;

/** Opens a file of a model; a link that took its place since it was listed is not followed. */
export const openFile = (folder: string, path: string): ReadStream =>
  createReadStream(join(folder, path), { flags: (constants.O_RDONLY | constants.O_NOFOLLOW) as unknown as string });

/**
 * Digest of a folder: the sha256 of one line `<sha256 of the file> <size> <path>\n` for each file, sorted by path. It
 * depends on names and bytes only, not on times, owners or the order of the directory.
 */
export class TreeDigest {
  private readonly hash: Hash = createHash('sha256');
  private bytes = 0;
  private files = 0;

  /** Files must come in the order of `listFiles`; `sha256` is hexadecimal. */
  add(path: string, size: number, sha256: string): void {
    this.hash.update(`${sha256} ${size} ${path}\n`);
    this.bytes += size;
    this.files++;
  }

  finish(): { digest: string; bytes: number; files: number } {
    return { digest: `sha256:${this.hash.digest('hex')}`, bytes: this.bytes, files: this.files };
  }
}

/** The tree digest of a folder (see TreeDigest), and what it holds. `progress` is told each number of bytes read. */
export async function treeDigest(
  folder: string,
  progress?: (bytes: number) => void,
): Promise<{ digest: string; bytes: number; files: number }> {
  const tree = new TreeDigest();
  for (const { path } of await listFiles(folder)) {
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of openFile(folder, path)) {
      hash.update(chunk as Buffer);
      size += (chunk as Buffer).length;
      progress?.((chunk as Buffer).length);
    }
    tree.add(path, size, hash.digest('hex'));
  }
  return tree.finish();
}

import { createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openPromise, type Entry } from 'yauzl';
import { ModelError } from '../failure.ts';
import { isBoundedPath, isModelPath, MAX_ENTRIES } from '../files.ts';

/** Weights hardly shrink: all files of a zip together are at most so many times as large as it, or so small that it does not matter. */
const TIGHTEST = 100;
const HARMLESS_BYTES = 256 * 1024 * 1024;

/** Files of a zip, `/` between folders. Throws ModelError ModelMalformed. */
export async function listZip(file: string): Promise<string[]> {
  const paths: string[] = [];
  await eachFile(file, (path) => {
    paths.push(path);
    return Promise.resolve();
  });
  return paths;
}

/** Unpacks a zip into an empty folder. What leads out of it, or unpacks to far more than it is, is refused (ModelMalformed). */
export async function unzip(file: string, folder: string): Promise<void> {
  const most = Math.max(HARMLESS_BYTES, (await stat(file)).size * TIGHTEST);
  let bytes = 0;
  await eachFile(file, async (path, entry, open) => {
    bytes += entry.uncompressedSize;
    if (bytes > most) throw damaged(file, `it unpacks to more than ${most} bytes, which no model does`);
    await mkdir(dirname(join(folder, path)), { recursive: true });
    // The stream fails when it is longer than the entry says.
    await pipeline(await open(), createWriteStream(join(folder, path), { flags: 'wx' }));
  });
}

type Visit = (path: string, entry: Entry, open: () => Promise<Readable>) => Promise<void>;

async function eachFile(file: string, visit: Visit): Promise<void> {
  try {
    const zip = await openPromise(file, { autoClose: false });
    try {
      if (zip.entryCount > MAX_ENTRIES)
        throw damaged(file, `it has ${zip.entryCount} entries, more than ${MAX_ENTRIES}`);
      for await (const entry of zip.eachEntry()) {
        const { fileName: path } = entry;
        if (path.endsWith('/') || NOT_A_MODEL.test(path)) continue;
        if (!isModelPath(path) || !isBoundedPath(path))
          throw damaged(file, `it holds the name ${JSON.stringify(path)}`);
        await visit(path, entry, () => zip.openReadStreamPromise(entry));
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    if (error instanceof ModelError || (error as NodeJS.ErrnoException).code?.startsWith('E') === true) throw error;
    throw damaged(file, (error as Error).message, error);
  }
}

/** What macOS adds to what it packs. */
const NOT_A_MODEL = /(^|\/)(__MACOSX\/|\.DS_Store$)/;

const damaged = (file: string, why: string, cause?: unknown): ModelError =>
  new ModelError('ModelMalformed', `the zip ${file} cannot be unpacked: ${why}; copy or pack it again`, { cause });

import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelReport } from '@modeldeployment/modelpack';

/**
 * A version folder in the model repository is there whole or not at all:
 *
 *   <name>/.partial-<random>/   being filled; whatever is left of an attempt that was killed is removed by the next one
 *   <name>/<version>/           renamed into place when verified and on the disk
 *   <name>/<version>/.digest    which bytes it holds, as JSON; written before the rename
 */
const MARKER = '.digest';
const PARTIAL = '.partial-';

interface Mark extends ModelReport {
  /** What was asked for: the digest of an index is not that of the image found through it. */
  asked?: string | undefined;
}

/** What the version folder holds, if it holds what is asked for. */
export async function present(target: string, asked: string | undefined): Promise<ModelReport | undefined> {
  try {
    const { digest, bytes, files, asked: before } = JSON.parse(await readFile(join(target, MARKER), 'utf8')) as Mark;
    if (asked !== undefined && asked !== digest && asked !== before) return undefined;
    return { digest, bytes, ...(files === undefined ? {} : { files }) };
  } catch {
    // No marker, or not one of ours: then the folder is made anew.
    return undefined;
  }
}

/** Lets `fill` fill an empty folder and puts that in the place of the version folder; nothing is left if it fails. */
export async function place(
  root: string,
  version: string,
  asked: string | undefined,
  fill: (folder: string) => Promise<ModelReport>,
): Promise<ModelReport> {
  await mkdir(root, { recursive: true });
  await removeLeftovers(root);
  const partial = join(root, `${PARTIAL}${randomBytes(6).toString('hex')}`);
  await mkdir(partial);
  try {
    const report = await fill(partial);
    const mark: Mark = { ...report, asked };
    await writeFile(join(partial, MARKER), JSON.stringify(mark), { flush: true });
    await flushFolders(partial);
    await rm(join(root, version), { recursive: true, force: true });
    await rename(partial, join(root, version));
    await flush(root);
    return report;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (name.startsWith(PARTIAL)) await rm(join(root, name), { recursive: true, force: true });
  }
}

async function flushFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await flushFolders(join(folder, entry.name));
  }
  await flush(folder);
}

/** Makes the names in a folder durable; the bytes of its files have been flushed when they were written. */
async function flush(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

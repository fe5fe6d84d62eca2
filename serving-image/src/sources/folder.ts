import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { listFiles, ModelError, openFile, type PvcUri, TreeDigest } from '@modeldeployment/modelpack';

/**
 * The folder that a pvc:// address names, below the place where its whole claim is mounted: the path stays in the
 * address, so that a missing folder is our message and not a container that cannot be created. Throws ModelError.
 */
export async function sourceFolder({ claim, path }: PvcUri, mount: string): Promise<string> {
  const root = await resolved(mount);
  if (root === undefined) {
    throw new ModelError('SourceUnavailable', `the volume of claim ${claim} is not mounted at ${mount}`);
  }
  const folder = await resolved(join(root, path));
  if (folder === undefined) {
    throw new ModelError('ModelNotFound', `the volume of claim ${claim} has no folder /${path}; check the uri`);
  }
  if (folder !== root && !folder.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new ModelError('ModelMalformed', `/${path} in the volume of claim ${claim} is a link that leads out of it`);
  }
  return folder;
}

async function resolved(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Copies a folder, and answers the tree digest of the very bytes that were copied. */
export async function copyFolder(
  from: string,
  to: string,
  options: { maxBytes: number; progress: (bytes: number) => void },
): Promise<{ digest: string; bytes: number; files: number }> {
  const files = await listFiles(from);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total > options.maxBytes) {
    throw new ModelError('ModelMalformed', `the model has ${total} bytes, more than the ${options.maxBytes} allowed`);
  }
  const tree = new TreeDigest();
  for (const { path } of files) {
    const hash = createHash('sha256');
    let size = 0;
    const count = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        size += chunk.length;
        options.progress(chunk.length);
        done(null, chunk);
      },
    });
    await mkdir(dirname(join(to, path)), { recursive: true });
    const target = createWriteStream(join(to, path), { flags: 'wx', mode: 0o644, flush: true });
    await pipeline(openFile(from, path), count, target);
    tree.add(path, size, hash.digest('hex'));
  }
  return tree.finish();
}

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { listFiles, ModelError, type PvcUri, treeDigest, treeLine } from '@modeldeployment/modelpack';
import type { SourceConfig } from './config.ts';

/** The folder of the mounted claim that the address names. Throws ModelError ModelNotFound. */
export async function sourceFolder(uri: PvcUri, config: SourceConfig): Promise<string> {
  const folder = join(config.source, uri.path);
  await access(folder).catch(() => {
    throw new ModelError('ModelNotFound', `the volume of claim ${uri.claim} has no folder /${uri.path}`);
  });
  return folder;
}

export const describeFolder = async (uri: PvcUri, config: SourceConfig) => treeDigest(await sourceFolder(uri, config));

/** Copies a folder and answers the tree digest of the very bytes that were copied. */
export async function copyFolder(
  from: string,
  to: string,
  options: { maxBytes: number; progress: (bytes: number) => void },
): Promise<{ digest: string; bytes: number; files: number }> {
  const files = await listFiles(from);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total > options.maxBytes)
    throw new ModelError('ModelMalformed', `the model has ${total} bytes, more than the ${options.maxBytes} allowed`);
  const tree = createHash('sha256');
  let bytes = 0;
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
    await pipeline(
      createReadStream(join(from, path)),
      count,
      createWriteStream(join(to, path), { flags: 'wx', mode: 0o644 }),
    );
    tree.update(treeLine(hash.digest('hex'), size, path));
    bytes += size;
  }
  return { digest: `sha256:${tree.digest('hex')}`, bytes, files: files.length };
}

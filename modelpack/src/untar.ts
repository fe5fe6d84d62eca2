import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import tar from 'tar-stream';
import { ModelError } from './failure.ts';

export interface UntarLimits {
  maxBytes: number;
  maxFiles: number;
}

export interface Extracted {
  bytes: number;
  files: number;
}

/**
 * Writes the files of a tar below a folder. Names that lead outside, links, devices and whiteouts are refused
 * (ModelMalformed), and so is more than the limits allow: a small archive may unpack to a full disk.
 */
export async function untar(
  source: Readable,
  compressed: boolean,
  folder: string,
  limits: UntarLimits,
): Promise<Extracted> {
  const extract = tar.extract();
  const done: Extracted = { bytes: 0, files: 0 };
  const feeding = compressed ? pipeline(source, createGunzip(), extract) : pipeline(source, extract);
  const reading = (async (): Promise<void> => {
    for await (const entry of extract) {
      const { name, type, size } = entry.header;
      if (type === 'directory') {
        entry.resume();
        continue;
      }
      const path = safePath(name, type ?? 'file');
      done.files++;
      done.bytes += size ?? 0;
      if (done.files > limits.maxFiles || done.bytes > limits.maxBytes) {
        throw new ModelError(
          'ModelMalformed',
          `the model unpacks to more than ${limits.maxFiles} files or ${limits.maxBytes} bytes`,
        );
      }
      await mkdir(dirname(join(folder, path)), { recursive: true });
      // No layer may replace a file of another: what is served must be what was listed.
      await pipeline(entry, createWriteStream(join(folder, path), { flags: 'wx', mode: 0o644 }));
    }
  })();
  const results = await Promise.allSettled([reading, feeding]);
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
  const first = errors.find((error) => error instanceof ModelError) ?? errors[0];
  if (first !== undefined) throw explain(first);
  return done;
}

function safePath(name: string, type: string): string {
  const path = name.replace(/^\.\//, '');
  if (type !== 'file' && type !== 'contiguous-file') {
    throw new ModelError(
      'ModelMalformed',
      `the archive holds ${JSON.stringify(name)} of type ${type}; only plain files are accepted`,
    );
  }
  const parts = path.split('/');
  if (
    path.includes('\\') ||
    path.includes('\0') ||
    parts.some((part) => part === '' || part === '.' || part === '..' || part.startsWith('.wh.'))
  ) {
    throw new ModelError('ModelMalformed', `the archive holds the name ${JSON.stringify(name)}, which is not allowed`);
  }
  return path;
}

function explain(error: Error): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof ModelError || code === 'ENOSPC') return error;
  if (code === 'EEXIST')
    return new ModelError('ModelMalformed', 'two layers of the model hold the same file', { cause: error });
  if (code?.startsWith('Z_') === true || /tar|header|Unexpected end/i.test(error.message)) {
    return new ModelError('ModelMalformed', `the archive is damaged: ${error.message}`, { cause: error });
  }
  return error;
}

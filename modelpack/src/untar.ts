import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import tar from 'tar-stream';
import { ModelError } from './failure.ts';
import { isModelPath, type ModelFile } from './files.ts';

export interface UntarLimits {
  maxBytes: number;
  maxFiles: number;
}

export interface Extracted {
  bytes: number;
  files: number;
}

export interface ArchiveEntry extends ModelFile {
  /**
   * Must be read to its end before the next entry is asked for. A stream of Node's, made from that of tar-stream: Node's
   * `pipeline` would wait for ever for one of those that has failed already.
   */
  content: Readable;
}

/**
 * The files of a tar, in its order. Names that lead outside, links, devices and whiteouts are refused
 * (ModelMalformed), and so is an archive that is damaged or cut off.
 */
export async function* readArchive(source: Readable, compressed: boolean): AsyncGenerator<ArchiveEntry> {
  const extract = tar.extract();
  const feeding = compressed ? pipeline(source, createGunzip(), extract) : pipeline(source, extract);
  // Told below; until then nobody waits for it.
  feeding.catch(() => undefined);
  try {
    for await (const entry of extract) {
      const { name, type, size = 0 } = entry.header;
      const path = checkedPath(name, type);
      if (type === 'directory') entry.resume();
      else yield { path, size, content: Readable.from(entry) };
    }
    await feeding;
  } catch (error) {
    // The archive ends early when its source fails: then that is the cause.
    const cause: unknown = await feeding.then(
      () => error,
      (failure: unknown) => failure,
    );
    throw explain(error instanceof ModelError ? error : (cause as Error));
  }
}

/**
 * Writes the files of a tar below a folder, and to the disk before it returns. More than the limits allow is refused
 * (ModelMalformed): a small archive may unpack to a full disk.
 */
export async function untar(
  source: Readable,
  compressed: boolean,
  folder: string,
  limits: UntarLimits,
): Promise<Extracted> {
  const done: Extracted = { bytes: 0, files: 0 };
  for await (const { path, size, content } of readArchive(source, compressed)) {
    done.files++;
    done.bytes += size;
    if (done.files > limits.maxFiles || done.bytes > limits.maxBytes) {
      const words = `the model unpacks to more than ${limits.maxFiles} files or ${limits.maxBytes} bytes`;
      throw new ModelError('ModelMalformed', words);
    }
    await mkdir(dirname(join(folder, path)), { recursive: true });
    // No layer may replace a file of another: what is served must be what was listed.
    const file = createWriteStream(join(folder, path), { flags: 'wx', mode: 0o644, flush: true });
    await pipeline(content, file).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new ModelError('ModelMalformed', `the model holds the file ${path} twice`, { cause: error });
    });
  }
  return done;
}

function checkedPath(name: string, type: string | null | undefined): string {
  // A type that is not known comes as null; it may be a sparse file, whose bytes are not what they seem.
  if (type !== 'file' && type !== 'contiguous-file' && type !== 'directory') {
    const words = `the archive holds ${JSON.stringify(name)} of type ${type ?? 'unknown'}; only plain files are accepted`;
    throw new ModelError('ModelMalformed', words);
  }
  const path = name.replace(/^\.\//, '').replace(type === 'directory' ? /\/$/ : '', '');
  const root = type === 'directory' && (path === '' || path === '.');
  if (!root && !isModelPath(path)) {
    throw new ModelError('ModelMalformed', `the archive holds the name ${JSON.stringify(name)}, which is not allowed`);
  }
  return path;
}

function explain(error: Error): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof ModelError) return error;
  if (code?.startsWith('Z_') === true || /tar|header|Unexpected end/i.test(error.message)) {
    return new ModelError('ModelMalformed', `the archive is damaged: ${error.message}`, { cause: error });
  }
  return error;
}

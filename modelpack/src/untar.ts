import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import tar from 'tar-stream';
import { ModelError } from './failure.ts';
import { BOUNDS_OF_PATHS, isBoundedPath, isModelPath, MAX_ENTRIES, type ModelFile } from './files.ts';

export interface UntarLimits {
  maxBytes: number;
  /** Files and folders, also those that are only named in a path. */
  maxFiles: number;
  /** Folders of the layers before, which are there already; added to. */
  folders?: Set<string>;
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
 * (ModelMalformed), and so is an archive that is damaged or cut off, one with more entries than a model may have, of
 * whatever type, and one that unpacks to more than `maxBytes` in all, headers included.
 */
export async function* readArchive(
  source: Readable,
  compressed: boolean,
  { maxBytes, maxFiles }: Pick<UntarLimits, 'maxBytes' | 'maxFiles'> = { maxBytes: Infinity, maxFiles: MAX_ENTRIES },
): AsyncGenerator<ArchiveEntry> {
  const extract = tar.extract();
  const counted = count(maxBytes + maxFiles * HEADERS_OF_ENTRY);
  const feeding = compressed ? pipeline(source, createGunzip(), counted, extract) : pipeline(source, counted, extract);
  // Told below; until then nobody waits for it.
  feeding.catch(() => undefined);
  let entries = 0;
  try {
    for await (const entry of extract) {
      if (++entries > maxFiles) throw tooMuch(`${maxFiles} entries`);
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
  const { folders = new Set<string>() } = limits;
  for await (const { path, size, content } of readArchive(source, compressed, limits)) {
    done.files++;
    done.bytes += size;
    for (let above = dirname(path); above !== '.' && !folders.has(above); above = dirname(above)) folders.add(above);
    if (done.files + folders.size > limits.maxFiles || done.bytes > limits.maxBytes)
      throw tooMuch(`${limits.maxFiles} files and folders or ${limits.maxBytes} bytes`);
    await mkdir(dirname(join(folder, path)), { recursive: true });
    // No layer may replace a file of another: what is served must be what was listed.
    const file = createWriteStream(join(folder, path), { flags: 'wx', mode: 0o644, flush: true });
    await pipeline(content, file).catch(async (error: unknown) => {
      // A file that is being opened would appear after we are done.
      if (!file.closed) await once(file, 'close');
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new ModelError('ModelMalformed', `the model holds the file ${path} twice`, { cause: error });
    });
  }
  return done;
}

/** A tar says of an entry at most so much besides its bytes: two headers, and a name as long as it may be. */
const HEADERS_OF_ENTRY = 2560;

/** Lets so many bytes through, and fails at the next. */
const count = (most: number): Transform => {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > most) done(tooMuch(`${most} bytes`));
      else done(null, chunk);
    },
  });
};

const tooMuch = (limit: string): ModelError =>
  new ModelError('ModelMalformed', `the model unpacks to more than ${limit}`);

/** For images that are built by hand, on top of others with links in them. */
const HOW_TO_PACK =
  "An image of a model holds the model's files at its root and nothing else: push it with kubectl mdep push, or build it FROM scratch with COPY model/ /";

function checkedPath(name: string, type: string | null | undefined): string {
  // A type that is not known comes as null; it may be a sparse file, whose bytes are not what they seem.
  if (type !== 'file' && type !== 'contiguous-file' && type !== 'directory') {
    const words = `the archive holds ${JSON.stringify(name.slice(0, 100))} of type ${type ?? 'unknown'}; only plain files are accepted. ${HOW_TO_PACK}`;
    throw new ModelError('ModelMalformed', words);
  }
  const path = name.replace(/^\.\//, '').replace(type === 'directory' ? /\/$/ : '', '');
  const root = type === 'directory' && (path === '' || path === '.');
  if (!root && !isBoundedPath(path)) {
    const words = `the archive holds the name ${JSON.stringify(name.slice(0, 100))}…; names are ${BOUNDS_OF_PATHS}`;
    throw new ModelError('ModelMalformed', words);
  }
  if (!root && !isModelPath(path)) {
    throw new ModelError(
      'ModelMalformed',
      `the archive holds the name ${JSON.stringify(name)}, which is not allowed. ${HOW_TO_PACK}`,
    );
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

import { createHash } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import { ModelError, toModelError } from './failure.ts';
import type { Descriptor } from './image.ts';

/** What `oras push` writes beside a file: its name, and of a folder that it is to be unpacked. */
const TITLE = 'org.opencontainers.image.title';
const UNPACK = 'io.deis.oras.content.unpack';

const fileIn = ({ annotations = {} }: Descriptor): string | undefined =>
  annotations[UNPACK] === 'true' ? undefined : annotations[TITLE];

/** Whether the tar in a layer is compressed. Throws ModelError ModelMalformed for what is no tar that we can read. */
export function isCompressed(layer: Descriptor): boolean {
  const { mediaType, digest } = layer;
  if (fileIn(layer) !== undefined) return false;
  if (mediaType.endsWith('tar+gzip') || mediaType.endsWith('tar.gzip')) return true;
  if (mediaType.endsWith('.tar')) return false;
  const words = `layer ${digest} is a ${mediaType}; a model consists of layers that are tars, plain or gzip (see kubectl mdep push)`;
  throw new ModelError('ModelMalformed', words);
}

/** The content of a layer that is one file, as `oras push` writes it, as the tar that it stands for; others as they are. */
export function asArchive(content: Readable, layer: Descriptor): Readable {
  const name = fileIn(layer);
  if (name === undefined) return content;
  const pack = tar.pack();
  const entry = pack.entry({ name, size: layer.size }, (error) => {
    if (!error) pack.finalize();
  });
  pipeline(content, entry).catch((error: unknown) => pack.destroy(error as Error));
  return Readable.from(pack);
}

/**
 * Hands a blob to `consume` while it arrives, and checks its size and sha256: what `consume` made of it counts only when
 * this returns. Throws DigestMismatch when the bytes are not those of the descriptor, SourceUnavailable or FetchTimeout
 * when they stop coming, else what `consume` threw.
 */
export async function readLayer<T>(
  body: Readable,
  layer: Descriptor,
  consume: (content: Readable) => Promise<T>,
  progress?: (bytes: number) => void,
): Promise<T> {
  const content = new PassThrough();
  // A failure of the consumer is told by its promise.
  content.on('error', () => undefined);
  let failure: ModelError | undefined;
  const consumed = consume(asArchive(content, layer))
    .catch((error: unknown) => {
      failure = toModelError(error);
    })
    .finally(() => content.destroy());
  try {
    await transfer(body, layer, content, () => failure, progress);
    content.end();
  } catch (error) {
    content.destroy(error as Error);
    await consumed;
    throw error;
  }
  const result = await consumed;
  if (failure !== undefined) throw failure;
  return result as T;
}

async function transfer(
  body: Readable,
  { digest, size }: Descriptor,
  content: PassThrough,
  failureOf: () => ModelError | undefined,
  progress?: (bytes: number) => void,
): Promise<void> {
  const hash = createHash('sha256');
  let received = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      hash.update(chunk);
      received += chunk.length;
      if (received > size) throw mismatch(digest, `more than ${size} bytes`);
      progress?.(chunk.length);
      const failure = failureOf();
      // Wrong bytes show first as a damaged archive. Whether they are wrong is the better answer, so read on.
      if (failure !== undefined && failure.reason !== 'ModelMalformed') throw failure;
      if (!content.destroyed && !content.write(chunk)) await writable(content);
    }
  } catch (error) {
    if (error instanceof ModelError) throw error;
    const words = `the download of ${digest} broke off after ${received} of ${size} bytes: ${(error as Error).message}`;
    throw new ModelError('SourceUnavailable', words, { cause: error });
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (received !== size) throw mismatch(digest, `${received} of ${size} bytes`);
  if (found !== digest) throw mismatch(digest, `bytes with the digest ${found}`);
}

const writable = (stream: PassThrough): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      stream.off('drain', go).off('close', go);
      resolve();
    };
    stream.once('drain', go).once('close', go);
  });

const mismatch = (digest: string, got: string): ModelError =>
  new ModelError(
    'DigestMismatch',
    `blob ${digest} came as ${got}; the registry's copy is damaged, push the model again`,
  );

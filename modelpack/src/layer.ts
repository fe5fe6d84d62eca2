import { createHash } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import { ModelError, toModelError } from './failure.ts';
import type { Descriptor } from './image.ts';

/** Whether the tar in a layer is compressed. Throws ModelError ModelMalformed for what is no tar that we can read. */
export function isCompressed({ mediaType, digest }: Descriptor): boolean {
  if (mediaType.endsWith('tar+gzip') || mediaType.endsWith('tar.gzip')) return true;
  if (mediaType.endsWith('.tar')) return false;
  const words = `layer ${digest} is a ${mediaType}; a model consists of layers that are tars, plain or gzip (see kubectl mdep push)`;
  throw new ModelError('ModelMalformed', words);
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
  const consumed = consume(content)
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

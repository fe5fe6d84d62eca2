import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  digestOf,
  type Descriptor,
  type ImageManifest,
  ModelError,
  type OciUri,
  readCredentials,
  readManifest,
  Registry,
  untar,
} from '@modeldeployment/modelpack';
import type { SourceConfig } from './config.ts';

const MAX_FILES = 100_000;

/** A model in a registry, by manifest digest. */
export interface ResolvedImage {
  /** Of the image manifest itself, also when the tag names an index. */
  digest: string;
  image: ImageManifest;
  bytes: number;
}

export async function openRegistry(uri: OciUri, config: SourceConfig): Promise<Registry> {
  return new Registry({
    registry: uri.registry,
    repository: uri.repository,
    plainHttp: config.plainHttp(uri.registry),
    credentials: await readCredentials(config.dockerConfig, uri.registry),
    stallMs: config.stallMs,
  });
}

/** Reads the manifest that a tag or digest names; what was asked for by digest must have it. */
export async function resolveImage(registry: Registry, reference: string): Promise<ResolvedImage> {
  const { bytes, mediaType } = await registry.getManifest(reference);
  const digest = digestOf(bytes);
  if (reference.startsWith('sha256:') && digest !== reference) {
    throw new ModelError(
      'DigestMismatch',
      `the registry answered the manifest ${reference} with other bytes (${digest})`,
    );
  }
  const content = readManifest(bytes, mediaType);
  if ('entry' in content) return resolveImage(registry, content.entry);
  return { digest, image: content.image, bytes: content.image.layers.reduce((sum, { size }) => sum + size, 0) };
}

/** Downloads and unpacks all layers into `folder`; every blob must have its size and sha256. */
export async function fetchLayers(
  registry: Registry,
  image: ImageManifest,
  folder: string,
  options: { maxBytes: number; progress: (bytes: number) => void },
): Promise<{ bytes: number; files: number }> {
  const total = { bytes: 0, files: 0 };
  for (const layer of image.layers) {
    const compressed = compression(layer);
    const check = new Verified(layer, options.progress);
    const stream = Readable.from(check.pass(await registry.openBlob(layer.digest)));
    const limits = { maxBytes: options.maxBytes - total.bytes, maxFiles: MAX_FILES - total.files };
    let failure: unknown;
    const done = await untar(stream, compressed, folder, limits).catch((error: unknown) => {
      failure = error;
      return { bytes: 0, files: 0 };
    });
    // Damaged bytes show first as a damaged archive; that they are not the right bytes is the better reason.
    await check.finish(stream, failure);
    total.bytes += done.bytes;
    total.files += done.files;
  }
  return total;
}

function compression(layer: Descriptor): boolean {
  if (layer.mediaType.endsWith('tar+gzip') || layer.mediaType.endsWith('tar.gzip')) return true;
  if (layer.mediaType.endsWith('.tar')) return false;
  throw new ModelError(
    'ModelMalformed',
    `layer ${layer.digest} is a ${layer.mediaType}; a model consists of tar layers`,
  );
}

/** Counts and hashes a blob on its way. */
class Verified {
  private readonly hash = createHash('sha256');
  private size = 0;
  private error: unknown;

  constructor(
    private readonly layer: Descriptor,
    private readonly progress: (bytes: number) => void,
  ) {}

  async *pass(source: Readable): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of source) {
        const bytes = chunk as Buffer;
        this.hash.update(bytes);
        this.size += bytes.length;
        this.progress(bytes.length);
        if (this.size > this.layer.size) throw this.mismatch(`more than ${this.layer.size} bytes`);
        yield bytes;
      }
    } catch (error) {
      this.error = error instanceof ModelError ? error : this.broken(error as Error);
      throw this.error;
    }
  }

  /** After the archive was read (or could not be): is it what the manifest names? */
  async finish(rest: Readable, failure: unknown): Promise<void> {
    if (this.error !== undefined) throw this.error;
    if (failure !== undefined && (failure as NodeJS.ErrnoException).code === 'ENOSPC') throw failure;
    if (!rest.destroyed) for await (const _ of rest);
    const digest = `sha256:${this.hash.digest('hex')}`;
    if (this.size === this.layer.size && digest !== this.layer.digest)
      throw this.mismatch(`bytes with the digest ${digest}`);
    if (failure !== undefined) throw failure;
    if (this.size !== this.layer.size) throw this.mismatch(`${this.size} of ${this.layer.size} bytes`);
  }

  private mismatch(got: string): ModelError {
    return new ModelError(
      'DigestMismatch',
      `blob ${this.layer.digest} came as ${got}; the registry's copy is damaged, push the model again`,
    );
  }

  /** A connection that closes early may be cured by another try; a blob that is short on the server is not. */
  private broken(error: Error): ModelError {
    return new ModelError(
      'SourceUnavailable',
      `the download of ${this.layer.digest} broke off after ${this.size} of ${this.layer.size} bytes: ${error.message}`,
      { cause: error },
    );
  }
}

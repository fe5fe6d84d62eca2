import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import { ModelError } from './failure.ts';
import type { ModelFile } from './files.ts';

/**
 * A model as an ordinary OCI image: its layers are uncompressed tars of the model's files at the root of the file
 * system, so that any registry stores it and any node can mount it. Nothing in it depends on the time or the user, so
 * the same folder has the same digest. The layers are not compressed: weights hardly shrink, and an uncompressed layer
 * is written to disk as it arrives.
 */
export const MEDIA = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

export const ANNOTATION_FORMAT = 'dev.modelserving.format';

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

export interface ImageManifest {
  schemaVersion: 2;
  mediaType: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations?: Record<string, string>;
}

const USER = 65532;

/** The tar of some files of a folder; the same files give the same bytes. */
export function tarOf(folder: string, files: readonly ModelFile[]): Readable {
  const pack = tar.pack();
  const write = async (): Promise<void> => {
    for (const { path, size } of files) {
      const entry = pack.entry({
        name: path,
        size,
        mode: 0o644,
        uid: USER,
        gid: USER,
        mtime: new Date(0),
        type: 'file',
      });
      await pipeline(createReadStream(join(folder, path)), entry as unknown as NodeJS.WritableStream);
    }
    pack.finalize();
  };
  write().catch((error: unknown) => pack.destroy(error as Error));
  return Readable.from(pack as unknown as AsyncIterable<Buffer>);
}

/** Digest and size of a stream. */
export async function describeStream(stream: Readable): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of stream) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Configuration blob and manifest for layers that are described already. */
export function makeManifest(
  layers: readonly Descriptor[],
  annotations: Record<string, string>,
): { config: Buffer; manifest: Buffer } {
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    }),
  );
  const image: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    config: { mediaType: MEDIA.config, digest: digestOf(config), size: config.length },
    layers: [...layers],
    annotations,
  };
  return { config, manifest: Buffer.from(JSON.stringify(image)) };
}

/** Files up to this size share one layer; a larger one (weights) gets its own, so that a change elsewhere reuses it. */
const SHARED_LAYER_LIMIT = 16 * 1024 * 1024;

export function groupIntoLayers(files: readonly ModelFile[]): ModelFile[][] {
  const small = files.filter(({ size }) => size <= SHARED_LAYER_LIMIT);
  const large = files.filter(({ size }) => size > SHARED_LAYER_LIMIT);
  return [...(small.length > 0 ? [small] : []), ...large.map((file) => [file])];
}

/** Reads an image manifest; an index is answered with its entry for linux/amd64, or its only one. */
export function readManifest(bytes: Buffer, mediaType: string): { image: ImageManifest } | { entry: string } {
  let value: Partial<ImageManifest> & {
    manifests?: (Descriptor & { platform?: { os?: string; architecture?: string } })[];
  };
  try {
    value = JSON.parse(bytes.toString()) as typeof value;
  } catch (cause) {
    throw new ModelError('ModelMalformed', 'the manifest is not JSON', { cause });
  }
  if (value.manifests !== undefined) {
    const entry =
      value.manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64') ??
      (value.manifests.length === 1 ? value.manifests[0] : undefined);
    if (entry === undefined) throw new ModelError('ModelMalformed', 'the image index has no entry for linux/amd64');
    return { entry: entry.digest };
  }
  if (!Array.isArray(value.layers) || value.layers.length === 0) {
    throw new ModelError('ModelMalformed', `the image has no layers (${mediaType || 'no media type'})`);
  }
  return { image: value as ImageManifest };
}

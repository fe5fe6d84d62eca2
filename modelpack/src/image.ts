import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import { ModelError } from './failure.ts';
import { type ModelFile, openFile } from './files.ts';

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

/** Of a layer: it holds what the model was converted from. A tar like the others, so that whoever does not know it unpacks it too. */
export const ANNOTATION_ORIGINAL = 'dev.modelserving.original';

/** Where such files lie when they are unpacked. */
export const ORIGINAL_FOLDER = 'original';

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

export interface ImageManifest {
  schemaVersion: 2;
  mediaType: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations?: Record<string, string>;
}

/** What a server needs: not the files that the model was converted from. */
export const servedLayers = ({ layers }: ImageManifest): Descriptor[] =>
  layers.filter(({ annotations }) => annotations?.[ANNOTATION_ORIGINAL] === undefined);

const USER = 65532;

/** The tar of some files of a folder, each after the folders it lies in; the same files give the same bytes. `under`: a folder for them. */
export function tarOf(folder: string, files: readonly ModelFile[], under = ''): Readable {
  const pack = tar.pack();
  const owner = { uid: USER, gid: USER, mtime: new Date(0) };
  const write = async (): Promise<void> => {
    const named = files.map((file) => ({ ...file, path: under + file.path }));
    for (const name of foldersOf(named)) pack.entry({ ...owner, name: `${name}/`, mode: 0o755, type: 'directory' });
    for (const { path, size } of files) {
      const entry = pack.entry({ ...owner, name: under + path, size, mode: 0o644, type: 'file' });
      await pipeline(openFile(folder, path), entry);
    }
    pack.finalize();
  };
  write().catch((error: unknown) => pack.destroy(error as Error));
  return Readable.from(pack);
}

/** All folders above some files, each after the one it lies in. */
function foldersOf(files: readonly ModelFile[]): string[] {
  const steps = files.flatMap(({ path }) =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, i, parts) => parts.slice(0, i + 1).join('/')),
  );
  return [...new Set(steps)].sort();
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
export const SHARED_LAYER_LIMIT = 16 * 1024 * 1024;

export function groupIntoLayers(files: readonly ModelFile[]): ModelFile[][] {
  const small = files.filter(({ size }) => size <= SHARED_LAYER_LIMIT);
  const large = files.filter(({ size }) => size > SHARED_LAYER_LIMIT);
  return [...(small.length > 0 ? [small] : []), ...large.map((file) => [file])];
}

/**
 * Reads an image manifest; an index is answered with its entry for linux/amd64, or its only one. Throws ModelError
 * ModelMalformed.
 */
export function readManifest(bytes: Buffer, mediaType: string): { image: ImageManifest } | { entry: string } {
  let value: Partial<ImageManifest> & {
    manifests?: Entry[];
  };
  try {
    value = JSON.parse(bytes.toString()) as typeof value;
  } catch (cause) {
    throw new ModelError('ModelMalformed', 'the manifest is not JSON', { cause });
  }
  if (Array.isArray(value.manifests)) {
    const images = value.manifests.filter((entry) => !isAttestation(entry));
    const entry =
      images.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64') ??
      (images.length === 1 ? images[0] : undefined);
    if (entry === undefined) {
      const found = images.map(({ platform }) => `${platform?.os ?? '?'}/${platform?.architecture ?? '?'}`).join(', ');
      const words = `the image index has no entry for linux/amd64, and ${images.length} others (${found}); push a single image`;
      throw new ModelError('ModelMalformed', words);
    }
    return { entry: checked(entry).digest };
  }
  if (!Array.isArray(value.layers) || value.layers.length === 0) {
    throw new ModelError(
      'ModelMalformed',
      `the image has no layers (${mediaType === '' ? 'no media type' : mediaType})`,
    );
  }
  value.layers.forEach(checked);
  return { image: value as ImageManifest };
}

type Entry = Descriptor & { platform?: { os?: string; architecture?: string } };

/** What builders tell of an image stands beside it in the index, for a platform that there is not. */
const isAttestation = ({ platform, annotations }: Entry): boolean =>
  annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' ||
  (platform?.os === 'unknown' && platform.architecture === 'unknown');

/** A digest becomes part of an address, and a size is compared: neither may be anything else. */
function checked(descriptor: Descriptor): Descriptor {
  const { digest, size, mediaType } = descriptor;
  const sound = /^sha256:[0-9a-f]{64}$/.test(digest) && Number.isSafeInteger(size) && size >= 0;
  if (sound && typeof mediaType === 'string') return descriptor;
  throw new ModelError('ModelMalformed', 'the manifest names a blob without a sha256 digest, size or media type');
}

/**
 * The image that a tag or digest names, with the digest of its manifest. What was asked for by digest must have it, and
 * so must the entry of an index. Throws ModelError.
 */
export async function findImage(
  getManifest: (reference: string) => Promise<{ bytes: Buffer; mediaType: string }>,
  reference: string,
): Promise<{ digest: string; image: ImageManifest; bytes: number }> {
  let { digest, content } = await readVerified(getManifest, reference);
  if ('entry' in content) ({ digest, content } = await readVerified(getManifest, content.entry));
  if ('entry' in content)
    throw new ModelError('ModelMalformed', 'the image is an index of indexes; push a single image');
  const { image } = content;
  return { digest, image, bytes: servedLayers(image).reduce((sum, { size }) => sum + size, 0) };
}

async function readVerified(
  getManifest: (reference: string) => Promise<{ bytes: Buffer; mediaType: string }>,
  reference: string,
) {
  const { bytes, mediaType } = await getManifest(reference);
  const digest = digestOf(bytes);
  if (reference.startsWith('sha256:') && digest !== reference) {
    throw new ModelError(
      'DigestMismatch',
      `the registry answered the manifest ${reference} with other bytes (${digest})`,
    );
  }
  return { digest, content: readManifest(bytes, mediaType) };
}

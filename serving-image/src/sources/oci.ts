import {
  findImage,
  type ImageManifest,
  isCompressed,
  ModelError,
  type OciUri,
  readCredentials,
  readLayer,
  Registry,
  untar,
} from '@modeldeployment/modelpack';
import type { SourceConfig } from './config.ts';

const MAX_FILES = 100_000;

export const openRegistry = (uri: OciUri, config: SourceConfig): Registry =>
  new Registry({
    registry: uri.registry,
    repository: uri.repository,
    plainHttp: config.plainHttp(uri.registry),
    credentials: () => readCredentials(config.dockerConfig, uri.registry),
    stallMs: config.stallMs,
  });

/** The image behind an address, by the digest that was asked for, if any. Throws ModelError. */
export async function resolveImage(registry: Registry, uri: OciUri, digest: string | undefined, maxBytes: number) {
  const found = await findImage((reference) => registry.getManifest(reference), digest ?? uri.digest ?? uri.tag ?? '');
  if (found.bytes > maxBytes) {
    throw new ModelError('ModelMalformed', `the model has ${found.bytes} bytes, more than the ${maxBytes} allowed`);
  }
  return found;
}

/** Downloads and unpacks all layers into `folder`; every blob must have its size and sha256. Throws ModelError. */
export async function fetchLayers(
  registry: Registry,
  image: ImageManifest,
  folder: string,
  options: { maxBytes: number; progress: (bytes: number) => void },
): Promise<{ bytes: number; files: number }> {
  const total = { bytes: 0, files: 0 };
  // What cannot be unpacked is found out before the first byte is fetched.
  image.layers.forEach(isCompressed);
  for (const layer of image.layers) {
    const limits = { maxBytes: options.maxBytes - total.bytes, maxFiles: MAX_FILES - total.files };
    const done = await readLayer(
      await registry.openBlob(layer.digest),
      layer,
      (content) => untar(content, isCompressed(layer), folder, limits),
      options.progress,
    );
    total.bytes += done.bytes;
    total.files += done.files;
  }
  return total;
}

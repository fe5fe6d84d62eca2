import {
  findImage,
  type ImageManifest,
  isCompressed,
  knownHosts,
  MAX_ENTRIES,
  ModelError,
  type OciUri,
  readCredentials,
  readLayer,
  Registry,
  servedLayers,
  untar,
} from '@modeldeployment/modelpack';
import type { SourceConfig } from './config.ts';

/** As many as a container runtime would take, and more than any model needs: each costs a request. */
const MAX_LAYERS = 1000;

export const openRegistry = (uri: OciUri, config: SourceConfig): Registry =>
  new Registry({
    registry: uri.registry,
    repository: uri.repository,
    plainHttp: config.plainHttp(uri.registry),
    credentials: () => readCredentials(config.dockerConfig, uri.registry),
    withoutCredentials: () => whyNone(config, uri.registry),
    stallMs: config.stallMs,
  });

/**
 * A Secret that is missing, or has not the one key, does not keep the container from starting: so its name is told here
 * within seconds, and not by whoever waits for a container that never starts. Throws ModelError ContainerConfigError.
 */
export async function checkSecret({ dockerConfig, secretName }: SourceConfig): Promise<void> {
  if (dockerConfig === undefined || secretName === undefined || (await knownHosts(dockerConfig)) !== undefined) return;
  const words = `Secret ${secretName} is missing, or has no key .dockerconfigjson; create it in the namespace of the model, of type kubernetes.io/dockerconfigjson`;
  throw new ModelError('ContainerConfigError', words);
}

/** What is wrong with the Secret that was named, when it has nothing for the registry. */
async function whyNone({ dockerConfig, secretName }: SourceConfig, registry: string): Promise<string | undefined> {
  if (dockerConfig === undefined || secretName === undefined) return undefined;
  const hosts = await knownHosts(dockerConfig);
  const has =
    hosts === undefined || hosts.length === 0 ? 'no credentials' : `credentials for ${hosts.slice(0, 5).join(', ')}`;
  return `Secret ${secretName} has ${has}, none for ${registry}, the registry in the uri`;
}

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
  const folders = new Set<string>();
  if (image.layers.length > MAX_LAYERS)
    throw new ModelError('ModelMalformed', `the image has ${image.layers.length} layers, more than ${MAX_LAYERS}`);
  // What cannot be unpacked is found out before the first byte is fetched.
  const layers = servedLayers(image);
  layers.forEach(isCompressed);
  for (const layer of layers) {
    const limits = { maxBytes: options.maxBytes - total.bytes, maxFiles: MAX_ENTRIES - total.files, folders };
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

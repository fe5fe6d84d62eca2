import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { homedir } from 'node:os';
import { readCredentials, Registry } from '@modeldeployment/modelpack';

/** An image that was built, as a folder in OCI layout. */
export interface Image {
  name: string;
  tag: string;
  layout: string;
}

/** Where we push, and by which name the nodes of the cluster pull the same. */
export interface ImageRegistry {
  push: string;
  pull: string;
  plainHttp: boolean;
}

interface Descriptor {
  digest: string;
  size: number;
  mediaType: string;
}

/** Uploads what the registry does not have yet. Answers the reference under which the cluster pulls it. */
export async function pushImage({ name, tag, layout }: Image, registry: ImageRegistry): Promise<string> {
  const blob = (digest: string) => join(layout, 'blobs', digest.replace(':', '/'));
  const [host, ...path] = registry.push.split('/');
  const target = new Registry({
    registry: host ?? '',
    repository: [...path, name].join('/'),
    plainHttp: registry.plainHttp,
    // Those of docker login, for a registry of the user's own.
    credentials: () => readCredentials(process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), host ?? ''),
  });
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
  const [found] = index.manifests;
  if (found === undefined) throw new Error(`${layout} holds no image`);
  const bytes = readFileSync(blob(found.digest));
  const manifest = JSON.parse(bytes.toString()) as { config: Descriptor; layers: Descriptor[] };
  try {
    for (const { digest, size } of [...manifest.layers, manifest.config]) {
      if (!(await target.hasBlob(digest))) await target.putBlob(digest, size, () => createReadStream(blob(digest)));
    }
    await target.putManifest(tag, bytes, found.mediaType);
  } finally {
    target.close();
  }
  return `${registry.pull}/${name}:${tag}`;
}

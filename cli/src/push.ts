import { Transform } from 'node:stream';
import {
  ANNOTATION_FORMAT,
  describeModel,
  describeStream,
  type Descriptor,
  digestOf,
  groupIntoLayers,
  listFiles,
  makeManifest,
  MEDIA,
  ModelError,
  type Registry,
  tarOf,
} from '@modeldeployment/modelpack';
import { openRegistry, parseOci } from './connect.ts';
import { bytesOf, formatSignatures, Meter } from './format.ts';

/** Packs a model folder and pushes it; blobs that the registry has already are not sent again. */
export async function push(folder: string, address: string, options: { plainHttp: boolean }): Promise<void> {
  const uri = parseOci(address);
  if (uri.tag === undefined)
    throw new ModelError('BadConfiguration', `${address} has no tag to push to; end it with :1, for example`);
  const info = await describeModel(folder);
  const files = await listFiles(folder);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  console.log(`${folder}: ${info.format}, ${files.length} files, ${bytesOf(size)}`);
  console.log(formatSignatures(info));

  const groups = groupIntoLayers(files);
  const layers: Descriptor[] = [];
  for (const group of groups) layers.push({ mediaType: MEDIA.layer, ...(await describeStream(tarOf(folder, group))) });
  const { config, manifest } = makeManifest(layers, { [ANNOTATION_FORMAT]: info.format });
  const registry = await openRegistry(uri, options.plainHttp);
  try {
    for (const [i, layer] of layers.entries()) await pushBlob(registry, layer, () => tarOf(folder, groups[i] ?? []));
    await pushBlob(registry, { mediaType: MEDIA.config, digest: digestOf(config), size: config.length }, () => config);
    await registry.putManifest(uri.tag, manifest, MEDIA.manifest);
  } finally {
    registry.close();
  }
  const digest = digestOf(manifest);
  console.log(
    `\npushed ${address}\ndigest ${digest}\n\nTo serve exactly these bytes:\n${snippet(uri.repository, address, digest)}`,
  );
}

async function pushBlob(
  registry: Registry,
  { digest, size }: Descriptor,
  open: () => ReturnType<typeof tarOf> | Buffer,
): Promise<void> {
  const short = digest.slice(0, 19);
  if (await registry.hasBlob(digest)) {
    console.log(`${short}  ${bytesOf(size)}  already there`);
    return;
  }
  const meter = new Meter(short, size);
  await registry.putBlob(digest, size, () => {
    const body = open();
    if (Buffer.isBuffer(body)) return body;
    const count = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        meter.add(chunk.length);
        done(null, chunk);
      },
    });
    body.on('error', (error) => count.destroy(error));
    return body.pipe(count);
  });
  meter.done();
}

function snippet(repository: string, address: string, digest: string): string {
  const name =
    repository
      .split('/')
      .at(-1)
      ?.replaceAll(/[^a-z0-9-]/g, '-') ?? 'model';
  return [
    '  apiVersion: modelserving.dev/v1alpha1',
    '  kind: ModelDeployment',
    `  metadata: {name: ${name}}`,
    '  spec:',
    '    model:',
    `      uri: ${address}`,
    `      digest: ${digest}`,
  ].join('\n');
}

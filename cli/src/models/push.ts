import { Transform } from 'node:stream';
import {
  ANNOTATION_FORMAT,
  checkComplete,
  describeModel,
  describeStream,
  type Descriptor,
  digestOf,
  groupIntoLayers,
  listFiles,
  makeManifest,
  MEDIA,
  ModelError,
  type ModelInfo,
  type Registry,
  retry,
  tarOf,
} from '@modeldeployment/modelpack';
import { openRegistry, parseOci } from './connect.ts';
import { bytesOf, formatSignatures, Meter } from './format.ts';

type Content = ReturnType<typeof tarOf> | Buffer;

/** Packs a model folder and pushes it; blobs that the registry has already are not sent again. */
export async function push(
  folder: string,
  address: string,
  options: { plainHttp: boolean; check: boolean },
): Promise<void> {
  const uri = parseOci(address);
  if (uri.tag === undefined || uri.digest !== undefined) {
    throw new ModelError(
      'BadConfiguration',
      `${address} does not end with a tag to push to; end it with :1, for example`,
    );
  }
  const files = await listFiles(folder);
  if (files.length === 0) throw new ModelError('ModelMalformed', `the folder ${folder} is empty`);
  const info = options.check ? await checkedModel(folder) : undefined;
  const size = files.reduce((sum, file) => sum + file.size, 0);
  console.log(`${folder}: ${info?.format ?? 'not checked'}, ${files.length} files, ${bytesOf(size)}`);
  if (info !== undefined) console.log(formatSignatures(info));

  const groups = groupIntoLayers(files);
  const layers: Descriptor[] = [];
  for (const group of groups) layers.push({ mediaType: MEDIA.layer, ...(await describeStream(tarOf(folder, group))) });
  const { config, manifest } = makeManifest(layers, info === undefined ? {} : { [ANNOTATION_FORMAT]: info.format });
  const registry = openRegistry(uri, options.plainHttp);
  try {
    for (const [i, layer] of layers.entries()) await pushBlob(registry, layer, () => tarOf(folder, groups[i] ?? []));
    await pushBlob(registry, { mediaType: MEDIA.config, digest: digestOf(config), size: config.length }, () => config);
    await patiently(() => registry.putManifest(uri.tag ?? '', manifest, MEDIA.manifest));
  } finally {
    registry.close();
  }
  const digest = digestOf(manifest);
  console.log(`\npushed   ${address}\ndigest   ${digest}\naddress  ${address}@${digest}`);
  console.log(
    `\nTo serve exactly these bytes, also when the tag has moved on:\n\n${snippet(uri.repository, address, digest)}`,
  );
}

async function checkedModel(folder: string): Promise<ModelInfo> {
  const info = await describeModel(folder);
  await checkComplete(folder, info);
  if (Object.keys(info.signatures).length > 0) return info;
  const words = 'the model has no signature, so nobody could call it; export it with one (model.export in Keras)';
  throw new ModelError('ModelMalformed', words);
}

async function pushBlob(registry: Registry, { digest, size }: Descriptor, open: () => Content): Promise<void> {
  const short = digest.slice(0, 19);
  await patiently(async () => {
    if (await registry.hasBlob(digest)) {
      console.error(`${short}  ${bytesOf(size)}  already there`);
      return;
    }
    let meter = new Meter(short, size);
    await registry.putBlob(digest, size, () => {
      meter = new Meter(short, size);
      return counted(open(), meter);
    });
    meter.done();
  });
}

function counted(content: Content, meter: Meter): Content {
  if (Buffer.isBuffer(content)) return content;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      meter.add(chunk.length);
      done(null, chunk);
    },
  });
  content.on('error', (error) => count.destroy(error));
  return content.pipe(count);
}

const patiently = <T>(run: () => Promise<T>): Promise<T> =>
  retry(run, { onPause: ({ message }, ms) => console.error(`${message}; trying again in ${ms / 1000} s`) });

/** A manifest that can be applied as it is. */
function snippet(repository: string, address: string, digest: string): string {
  const last = repository.split('/').at(-1) ?? '';
  return [
    'apiVersion: modelserving.dev/v1alpha1',
    'kind: ModelDeployment',
    'metadata:',
    `  name: ${last.replaceAll(/[^a-z0-9]+/g, '-')}`,
    'spec:',
    '  model:',
    `    uri: ${address}`,
    `    digest: ${digest}`,
  ].join('\n');
}

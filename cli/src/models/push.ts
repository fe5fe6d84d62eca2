import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import {
  ANNOTATION_FORMAT,
  ANNOTATION_ORIGINAL,
  describeStream,
  type Descriptor,
  digestOf,
  groupIntoLayers,
  listFiles,
  makeManifest,
  MEDIA,
  type ModelFile,
  ModelError,
  ORIGINAL_FOLDER,
  type Registry,
  retry,
  tarOf,
} from '@modeldeployment/modelpack';
import { type PreparedModel, prepareModel } from '@modeldeployment/modelpack/prepare';
import { openRegistry, parseOci } from './connect.ts';
import { checkedModel } from './check.ts';
import { bytesOf, formatSignatures, Meter } from './format.ts';

type Content = ReturnType<typeof tarOf> | Buffer;

/** Packs a model and pushes it; blobs that the registry has already are not sent again. */
export async function push(
  path: string,
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
  const prepared = options.check ? await prepareModel(path) : unchecked(path);
  try {
    const { parts, annotations } = await partsOf(path, prepared, options.check);
    const digest = await pushImage(openRegistry(uri, options.plainHttp), uri.tag, parts, annotations);
    console.log(`\npushed   ${address}\ndigest   ${digest}\naddress  ${address}@${digest}`);
    console.log(
      `\nTo serve exactly these bytes, also when the tag has moved on:\n\n${snippet(uri.repository, address, digest)}`,
    );
  } finally {
    await prepared.close();
  }
}

const unchecked = (folder: string): PreparedModel => ({ folder, close: () => Promise.resolve() });

/** What becomes one layer: files of a folder. */
interface Part {
  layer: Descriptor;
  open: () => ReturnType<typeof tarOf>;
}

async function partsOf(path: string, { folder, original, layers, note }: PreparedModel, check: boolean) {
  const files = await listFiles(folder);
  if (files.length === 0) throw new ModelError('ModelMalformed', `the folder ${folder} is empty`);
  const info = check ? await checkedModel(folder) : undefined;
  const from = layers === undefined ? '' : `, converted from Keras ${layers.kerasVersion ?? ''}`.trimEnd();
  console.log(`${path}: ${info?.format ?? 'not checked'}${from}, ${files.length} files, ${bytesOf(sizeOf(files))}`);
  if (info !== undefined) console.log(formatSignatures(info));
  if (note !== undefined) console.log(note);
  const parts: Part[] = [];
  const add = async (
    from: string,
    group: readonly ModelFile[],
    under: string,
    annotations?: Descriptor['annotations'],
  ) => {
    const open = () => tarOf(from, group, under);
    const layer = { mediaType: MEDIA.layer, ...(await describeStream(open())), ...(annotations && { annotations }) };
    parts.push({ layer, open });
  };
  for (const group of groupIntoLayers(files)) await add(folder, group, '');
  if (original !== undefined) {
    const kept = await Promise.all(original.paths.map((one) => fileAt(original.folder, one)));
    const annotations = { [ANNOTATION_ORIGINAL]: original.paths[0] ?? '' };
    for (const group of groupIntoLayers(kept)) await add(original.folder, group, `${ORIGINAL_FOLDER}/`, annotations);
    console.log(`the original is kept beside it, in a layer that servers do not load: ${bytesOf(sizeOf(kept))}`);
  }
  return { parts, annotations: info === undefined ? {} : { [ANNOTATION_FORMAT]: info.format } };
}

const fileAt = async (folder: string, path: string): Promise<ModelFile> => ({
  path,
  size: (await stat(join(folder, path))).size,
});
const sizeOf = (files: readonly ModelFile[]): number => files.reduce((sum, { size }) => sum + size, 0);

/** Answers the digest of the manifest. */
async function pushImage(
  registry: Registry,
  tag: string,
  parts: readonly Part[],
  annotations: Record<string, string>,
): Promise<string> {
  const { config, manifest } = makeManifest(
    parts.map(({ layer }) => layer),
    annotations,
  );
  try {
    for (const { layer, open } of parts) await pushBlob(registry, layer, open);
    await pushBlob(registry, { mediaType: MEDIA.config, digest: digestOf(config), size: config.length }, () => config);
    await patiently(() => registry.putManifest(tag, manifest, MEDIA.manifest));
  } finally {
    registry.close();
  }
  return digestOf(manifest);
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

import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  ANNOTATION_FORMAT,
  ANNOTATION_ORIGINAL,
  asArchive,
  type Descriptor,
  findImage,
  isCompressed,
  listFiles,
  type ModelFile,
  readArchive,
  type Registry,
  servedLayers,
  SHARED_LAYER_LIMIT,
  treeDigest,
} from '@modeldeployment/modelpack';
import { prepareModel } from '@modeldeployment/modelpack/prepare';
import { checkedModel, type CheckedModel } from './check.ts';
import { openRegistry, parseOci } from './connect.ts';
import { bytesOf, formatSignatures } from './format.ts';
import { layersOf, type LayerReport } from './keras-layers.ts';

interface Report extends CheckedModel {
  /** Of the image manifest, or of the folder's tree. */
  digest: string;
  bytes: number;
  files: ModelFile[];
  layers?: Descriptor[];
  /** Why it is not converted. */
  note?: string;
  /** Of which it was converted: the files, and their layers. */
  original?: { files: string[]; kerasVersion?: string | undefined; layers?: LayerReport[] };
}

/** Files that tell format and signature. */
const TELLING = new Set(['saved_model.pb', 'model.json']);

/** Prints what a model is, in a file, in a folder or in a registry. */
export async function inspect(model: string, options: { plainHttp: boolean; json: boolean }): Promise<void> {
  const report = model.includes('://') ? await inspectImage(model, options.plainHttp) : await inspectLocal(model);
  console.log(options.json ? JSON.stringify(report, null, 2) : describe(model, report));
}

async function inspectLocal(path: string): Promise<Report> {
  const { folder, original, layers, note, close } = await prepareModel(path);
  try {
    const info = await checkedModel(folder);
    const { digest, bytes } = await treeDigest(folder);
    const report = { ...info, digest, bytes, files: await listFiles(folder), ...(note !== undefined && { note }) };
    if (original === undefined || layers === undefined) return report;
    const { kerasVersion } = layers;
    return { ...report, original: { files: [...original.paths], kerasVersion, layers: layersOf(layers) } };
  } finally {
    await close();
  }
}

async function inspectImage(address: string, plainHttp: boolean): Promise<Report> {
  const uri = parseOci(address);
  const registry = openRegistry(uri, plainHttp);
  const folder = await mkdtemp(join(tmpdir(), 'mdep-inspect-'));
  try {
    const { digest, image } = await findImage(
      (reference) => registry.getManifest(reference),
      uri.digest ?? uri.tag ?? '',
    );
    // Only of our own layout it is known that a large file is alone in its layer.
    const ours = image.annotations?.[ANNOTATION_FORMAT] !== undefined;
    const files: ModelFile[] = [];
    for (const layer of servedLayers(image)) files.push(...(await readFiles(registry, layer, folder, ours)));
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const original = [...new Set(image.layers.flatMap(({ annotations }) => annotations?.[ANNOTATION_ORIGINAL] ?? []))];
    const report = { ...(await checkedModel(folder, true)), digest, bytes, files, layers: image.layers };
    return original.length === 0 ? report : { ...report, original: { files: original } };
  } finally {
    registry.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lists the files of a layer and keeps the telling ones. */
async function readFiles(registry: Registry, layer: Descriptor, folder: string, ours: boolean): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  const body = asArchive(await registry.openBlob(layer.digest), layer);
  for await (const { path, size, content } of readArchive(body, isCompressed(layer))) {
    files.push({ path, size });
    if (TELLING.has(path)) await pipeline(content, createWriteStream(join(folder, path), { flags: 'wx' }));
    else if (ours && size > SHARED_LAYER_LIMIT) break;
    else for await (const _ of content);
  }
  return files;
}

function describe(model: string, report: Report): string {
  const blobs = report.layers?.map(({ size }) => bytesOf(size)).join(', ');
  const { files: [from] = [], kerasVersion, layers = [] } = report.original ?? {};
  return [
    `model    ${model}`,
    `format   ${report.format}${from === undefined ? '' : `, converted from ${from}`}${kerasVersion === undefined ? '' : ` of Keras ${kerasVersion}`}`,
    `digest   ${report.digest}`,
    ...(report.note === undefined ? [] : [`note     ${report.note}`]),
    `size     ${bytesOf(report.bytes)} in ${report.files.length} files`,
    ...(blobs === undefined ? [] : [`layers   ${blobs}`]),
    '',
    'signatures',
    formatSignatures(report),
    '',
    ...(layers.length === 0 ? [] : ['layers of Keras', ...layers.map(lineOfLayer), '']),
    'files',
    ...report.files.map(({ path, size }) => `  ${bytesOf(size).padStart(10)}  ${path}`),
  ].join('\n');
}

const lineOfLayer = ({ path, class: name, parameters }: LayerReport): string =>
  `  ${String(parameters).padStart(10)}  ${path}  ${name}`;

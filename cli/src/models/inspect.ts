import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  ANNOTATION_FORMAT,
  checkComplete,
  describeModel,
  type Descriptor,
  findImage,
  isCompressed,
  listFiles,
  type ModelFile,
  type ModelInfo,
  readArchive,
  type Registry,
  SHARED_LAYER_LIMIT,
  treeDigest,
} from '@modeldeployment/modelpack';
import { openRegistry, parseOci } from './connect.ts';
import { bytesOf, formatSignatures } from './format.ts';

interface Report extends ModelInfo {
  /** Of the image manifest, or of the folder's tree. */
  digest: string;
  bytes: number;
  files: ModelFile[];
  layers?: Descriptor[];
}

/** Files that tell format and signature. */
const TELLING = new Set(['saved_model.pb', 'model.json']);

/** Prints what a model is, in a folder or in a registry. */
export async function inspect(model: string, options: { plainHttp: boolean; json: boolean }): Promise<void> {
  const report = model.includes('://') ? await inspectImage(model, options.plainHttp) : await inspectFolder(model);
  console.log(options.json ? JSON.stringify(report, null, 2) : describe(model, report));
}

async function inspectFolder(folder: string): Promise<Report> {
  const info = await describeModel(folder);
  await checkComplete(folder, info);
  const { digest, bytes } = await treeDigest(folder);
  return { ...info, digest, bytes, files: await listFiles(folder) };
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
    for (const layer of image.layers) files.push(...(await readFiles(registry, layer, folder, ours)));
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    return { ...(await describeModel(folder)), digest, bytes, files, layers: image.layers };
  } finally {
    registry.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lists the files of a layer and keeps the telling ones. */
async function readFiles(registry: Registry, layer: Descriptor, folder: string, ours: boolean): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  const body = await registry.openBlob(layer.digest);
  for await (const { path, size, content } of readArchive(body, isCompressed(layer))) {
    files.push({ path, size });
    if (TELLING.has(path)) await pipeline(content, createWriteStream(join(folder, path), { flags: 'wx' }));
    else if (ours && size > SHARED_LAYER_LIMIT) break;
    else for await (const _ of content);
  }
  return files;
}

function describe(model: string, report: Report): string {
  const layers = report.layers?.map(({ size }) => bytesOf(size)).join(', ');
  return [
    `model    ${model}`,
    `format   ${report.format}`,
    `digest   ${report.digest}`,
    `size     ${bytesOf(report.bytes)} in ${report.files.length} files`,
    ...(layers === undefined ? [] : [`layers   ${layers}`]),
    '',
    'signatures',
    formatSignatures(report),
    '',
    'files',
    ...report.files.map(({ path, size }) => `  ${bytesOf(size).padStart(10)}  ${path}`),
  ].join('\n');
}

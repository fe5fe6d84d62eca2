import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  describeModel,
  digestOf,
  listFiles,
  type ModelFile,
  type ModelInfo,
  readManifest,
  treeDigest,
  untar,
} from '@modeldeployment/modelpack';
import { openRegistry, parseOci } from './connect.ts';
import { bytesOf, formatSignatures } from './format.ts';

export interface InspectOptions {
  plainHttp: boolean;
  json: boolean;
  signatures?: string[] | undefined;
}

interface Report extends ModelInfo {
  digest: string;
  bytes: number;
  files: ModelFile[];
  layers?: { digest: string; size: number; mediaType: string }[];
}

/** Prints what a model is, in a folder or in a registry. */
export async function inspect(model: string, options: InspectOptions): Promise<void> {
  const report = model.includes('://') ? await inspectImage(model, options.plainHttp) : await inspectFolder(model);
  if (options.signatures !== undefined) {
    const wanted = new Set(options.signatures);
    report.signatures = Object.fromEntries(Object.entries(report.signatures).filter(([name]) => wanted.has(name)));
  }
  console.log(options.json ? JSON.stringify(report, null, 2) : describe(model, report));
}

async function inspectFolder(folder: string): Promise<Report> {
  const { digest, bytes } = await treeDigest(folder);
  return { ...(await describeModel(folder)), digest, bytes, files: await listFiles(folder) };
}

/** Downloads into a folder that is removed again: signatures lie inside the layers. */
async function inspectImage(address: string, plainHttp: boolean): Promise<Report> {
  const uri = parseOci(address);
  const registry = await openRegistry(uri, plainHttp);
  const folder = await mkdtemp(join(tmpdir(), 'mdep-inspect-'));
  try {
    let manifest = await registry.getManifest(uri.digest ?? uri.tag ?? '');
    let content = readManifest(manifest.bytes, manifest.mediaType);
    if ('entry' in content) {
      manifest = await registry.getManifest(content.entry);
      content = readManifest(manifest.bytes, manifest.mediaType);
    }
    if ('entry' in content) throw new Error(`${address} is an index of indexes`);
    const { layers } = content.image;
    for (const layer of layers) {
      const limits = { maxBytes: Number.MAX_SAFE_INTEGER, maxFiles: 100_000 };
      await untar(await registry.openBlob(layer.digest), layer.mediaType.endsWith('gzip'), folder, limits);
    }
    const files = await listFiles(folder);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    return { ...(await describeModel(folder)), digest: digestOf(manifest.bytes), bytes, files, layers };
  } finally {
    registry.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function describe(model: string, report: Report): string {
  const lines = [
    `model    ${model}`,
    `format   ${report.format}`,
    `digest   ${report.digest}`,
    `size     ${bytesOf(report.bytes)} in ${report.files.length} files`,
    ...(report.layers === undefined ? [] : [`layers   ${report.layers.map(({ size }) => bytesOf(size)).join(', ')}`]),
    '',
    'signatures',
    formatSignatures(report),
    '',
    'files',
    ...report.files.map(({ path, size }) => `  ${bytesOf(size).padStart(10)}  ${path}`),
  ];
  return lines.join('\n');
}

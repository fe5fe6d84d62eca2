/** A model as somebody has it, as what the server serves: a folder, and beside it the files that it was made from. */
import { copyFile, lstat, mkdir, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type ConvertedFile, ConversionRefused, convertLayers } from '../convert/index.ts';
import { detectFormat } from '../describe.ts';
import { ModelError } from '../failure.ts';
import { isModelPath } from '../files.ts';
import { isLayerConfig } from '../keras/config.ts';
import type { LayersModel } from '../keras/layers-model.ts';
import { ARCHIVE, readKerasArchive } from '../keras/read-archive.ts';
import { type OpenedModel, readHdf5Model } from '../keras/read-hdf5.ts';
import { readTfjsLayers } from '../keras/read-tfjs.ts';
import { isLayersModel, isOfKeras3, MODEL_JSON, type ModelJson, readModelJson, weightFiles } from '../tfjs-model.ts';
import { kindOf } from './beginning.ts';
import { OTHER } from './other-formats.ts';
import { listZip, unzip } from './unzip.ts';

export interface PreparedModel {
  /** What is served. */
  folder: string;
  /** What it was converted from, if it was: files below a folder. */
  original?: { folder: string; paths: readonly string[] };
  /** The layers that it was converted from. */
  layers?: LayersModel;
  /** Why it is served as it is, where it could be converted. */
  note?: string;
  /** Removes what was written in between. */
  close: () => Promise<void>;
}

/**
 * Reads a model in any form that is known: the folder or zip of a SavedModel or of a model of TensorFlow.js, an .h5 or .keras of Keras.
 * Keras' layers are converted. What a file is, its content says, never its name. Throws ModelError ModelMalformed, and says what it is
 * instead and what to do.
 */
export async function prepareModel(path: string): Promise<PreparedModel> {
  const scratch = await mkdtemp(join(tmpdir(), 'mdep-model-'));
  const closers: (() => unknown)[] = [() => rm(scratch, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw new ModelError('ModelNotFound', `there is no file or folder ${path}`);
    const keep: Keep = (opened) => closers.push(() => opened.close());
    const prepared = await (found.isDirectory() ? ofFolder : ofFile)(path, scratch, keep);
    return { ...prepared, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Served = Omit<PreparedModel, 'close'>;
type Keep = (opened: OpenedModel) => void;

async function ofFile(path: string, scratch: string, keep: Keep): Promise<Served> {
  const kind = await kindOf(path);
  if (kind === 'hdf5' || kind === 'zip') {
    if (kind === 'zip' && !(await isKerasArchive(path))) return ofFolder(await unpacked(path, scratch), scratch, keep);
    const opened = kind === 'hdf5' ? await readHdf5Model(path) : await readArchive(path, scratch);
    keep(opened);
    return converted(opened.model, scratch, { folder: dirname(path), paths: [basename(path)] });
  }
  if (kind === 'savedModel') return ofFolder(dirname(path), scratch, keep);
  if (kind !== 'json') throw OTHER[kind](path);
  const model = await readModelJson(dirname(path), basename(path));
  return ofTfjs(dirname(path), basename(path), model, scratch);
}

const isKerasArchive = async (path: string): Promise<boolean> => {
  const names = await listZip(path);
  return [ARCHIVE.config, ARCHIVE.weights].every((name) => names.includes(name));
};

async function readArchive(path: string, scratch: string): Promise<OpenedModel> {
  const folder = join(scratch, 'archive');
  await unzip(path, folder);
  return readKerasArchive(path, folder);
}

/** The folder in a zip in which the model lies. */
async function unpacked(path: string, scratch: string): Promise<string> {
  const names = await listZip(path);
  if (names.some((name) => /(^|\/)data\.pkl$/.test(name))) throw OTHER.pytorch(path);
  if (names.length > 0 && names.every((name) => name.endsWith('.npy'))) throw OTHER.numpy(path);
  const telling = names.filter((name) => /(^|\/)(saved_model\.pb|[^/]*\.json)$/.test(name));
  const [first] = telling.sort((a, b) => a.split('/').length - b.split('/').length);
  if (first === undefined) throw OTHER.zip(path);
  const folder = join(scratch, 'unpacked');
  await unzip(path, folder);
  return join(folder, dirname(first));
}

async function ofFolder(folder: string, scratch: string, keep: Keep): Promise<Served> {
  const names = await readdir(folder);
  if (names.includes('saved_model.pb')) return { folder };
  const name = await modelJsonIn(folder, names);
  if (name !== undefined) return ofTfjs(folder, name, await readModelJson(folder, name), scratch);
  const file = await kerasFileIn(folder, names);
  if (file !== undefined) return ofFile(file, scratch, keep);
  // Says what is found instead.
  await detectFormat(folder);
  return { folder };
}

/** The only file of Keras in a folder. */
async function kerasFileIn(folder: string, names: readonly string[]): Promise<string | undefined> {
  const found: string[] = [];
  for (const path of names.map((name) => join(folder, name))) {
    // Links are looked at when the files are listed.
    if (!(await lstat(path)).isFile()) continue;
    const kind = await kindOf(path);
    if (kind === 'hdf5' || (kind === 'zip' && (await isKerasArchive(path)))) found.push(path);
  }
  return found.length === 1 ? found[0] : undefined;
}

/** The model.json of a folder that holds no SavedModel, by whatever name: the one that lists weights. */
async function modelJsonIn(folder: string, names: readonly string[]): Promise<string | undefined> {
  if (names.includes(MODEL_JSON)) return MODEL_JSON;
  const models: string[] = [];
  for (const name of names.filter((one) => one.endsWith('.json'))) {
    const model = await readModelJson(folder, name).catch(() => undefined);
    if (model?.weightsManifest !== undefined) models.push(name);
  }
  if (models.length < 2) return models[0];
  throw new ModelError('ModelMalformed', `${folder} holds several models (${models.join(', ')}); name the one`);
}

async function ofTfjs(folder: string, name: string, model: ModelJson, scratch: string): Promise<Served> {
  const paths = [name, ...weightFiles(model)];
  const layers = isLayersModel(model);
  if (model.weightsManifest === undefined)
    throw OTHER[layers || isLayerConfig(model) ? 'configurationOnly' : 'unknown'](join(folder, name));
  if (layers) {
    try {
      return await converted(await readTfjsLayers(folder, model), scratch, { folder, paths });
    } catch (error) {
      // TensorFlow.js knows layers that are not converted yet, of Keras 2 alone.
      if (!(error instanceof ModelError) || error.reason !== 'ModelRefused' || isOfKeras3(model)) throw error;
      return {
        ...(await named(folder, name, paths, scratch)),
        note: `${error.message}. It is served layer by layer, which is slower`,
      };
    }
  }
  return named(folder, name, paths, scratch);
}

/** Served under the name that the server looks for. */
async function named(folder: string, name: string, paths: readonly string[], scratch: string): Promise<Served> {
  if (name === MODEL_JSON) return { folder };
  const target = join(scratch, 'named');
  for (const path of paths) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    await copyFile(join(folder, path), join(target, path === name ? MODEL_JSON : path));
  }
  return { folder: target };
}

async function converted(
  model: LayersModel,
  scratch: string,
  original: PreparedModel['original'] & object,
): Promise<Served> {
  const bad = original.paths.find((path) => !isModelPath(path));
  if (bad !== undefined)
    throw new ModelError('ModelMalformed', `the name ${JSON.stringify(bad)} is not allowed; rename the file`);
  const folder = join(scratch, 'converted');
  try {
    for (const file of convertLayers(model).files) await write(folder, file);
  } catch (cause) {
    if (!(cause instanceof ConversionRefused)) throw cause;
    throw new ModelError('ModelRefused', cause.message, { cause });
  }
  return { folder, original, layers: model };
}

/** Part by part: weights may be larger than memory. */
async function write(folder: string, { path, read }: ConvertedFile): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  const file = await open(join(folder, path), 'wx');
  try {
    for (const part of read()) await file.writeFile(part);
  } finally {
    await file.close();
  }
}

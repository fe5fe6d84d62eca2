/** The model in a .keras archive: its configuration, its weights, and the words that its layers have looked up. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, type LayerConfig } from './config.ts';
import { type Hdf5File, openHdf5 } from './hdf5.ts';
import { placesOfLayers, weightsByObject } from './by-object.ts';
import { parsePythonJson } from './python-json.ts';
import { configOf, type OpenedModel } from './read-hdf5.ts';

export const ARCHIVE = { config: 'config.json', metadata: 'metadata.json', weights: 'model.weights.h5' } as const;

/** `folder`: where the archive was unpacked. Throws ModelError ModelMalformed. */
export async function readKerasArchive(path: string, folder: string): Promise<OpenedModel> {
  const config = configOf(path, await readFile(join(folder, ARCHIVE.config), 'utf8')) as LayerConfig;
  const metadata = await readFile(join(folder, ARCHIVE.metadata), 'utf8').catch(() => '{}');
  const { keras_version: version } = (parsePythonJson(metadata) ?? {}) as { keras_version?: unknown };
  const file = await openHdf5(join(folder, ARCHIVE.weights));
  await addVocabularies(file, config, folder);
  const kerasVersion = typeof version === 'string' ? version : undefined;
  return { model: { kerasVersion, config, weightsOf: weightsByObject(file, config) }, close: () => file.close() };
}

/** Words that a layer has learnt lie beside the configuration; those that it was given stand in it. */
async function addVocabularies(file: Hdf5File, root: LayerConfig, folder: string): Promise<void> {
  for (const { path, layer } of placesOfLayers(file, root)) {
    const words = await readFile(join(folder, 'assets', path, 'vocabulary.txt'), 'utf8').catch(() => undefined);
    if (words === undefined || !isRecord(layer.config)) continue;
    const list = words.split('\n');
    layer.config['vocabulary'] ??= layer.class_name === 'IntegerLookup' ? list.map(Number) : list;
  }
}

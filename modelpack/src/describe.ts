import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from './failure.ts';
import { listFiles } from './files.ts';
import { readSavedModel } from './saved-model.ts';
import type { ModelFormat, ModelInfo } from './signature.ts';
import { describeGraph, describeLayers, isLayersModel, readModelJson } from './tfjs-model.ts';

/** How the model in a folder was saved, by its files. Throws ModelError ModelMalformed and says what was found instead. */
export async function detectFormat(folder: string): Promise<ModelFormat> {
  if (await exists(join(folder, 'saved_model.pb'))) return 'SavedModel';
  if (await exists(join(folder, 'model.json')))
    return isLayersModel(await readModelJson(folder)) ? 'TFJSLayers' : 'TFJSGraph';
  const found = (await listFiles(folder)).map(({ path }) => path);
  const shown =
    found.length === 0
      ? 'the folder is empty'
      : `found ${found.slice(0, 5).join(', ')}${found.length > 5 ? ', …' : ''}`;
  throw new ModelError(
    'ModelMalformed',
    `there is neither a saved_model.pb nor a model.json (${shown}); name the folder in which the file lies`,
  );
}

/** Format, signatures and operations of the model in a folder, without loading it. */
export async function describeModel(folder: string, format?: ModelFormat): Promise<ModelInfo> {
  switch (format ?? (await detectFormat(folder))) {
    case 'SavedModel':
      return readSavedModel(folder);
    case 'TFJSGraph':
      return describeGraph(await readModelJson(folder));
    case 'TFJSLayers':
      return describeLayers(await readModelJson(folder));
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from './failure.ts';
import { listFiles } from './files.ts';
import type { ModelFiles } from './graph.ts';
import type { ModelFormat, ModelInfo } from './signature.ts';
import { describeLayers, layersOf } from './tfjs-layers.ts';
import { describeGraph, isLayersModel, layersConfigOf, readModelJson, readParts } from './tfjs-model.ts';
import { placesOfWeights } from './tfjs-weights.ts';

/** How the model in a folder was saved, by its files. Throws ModelError ModelMalformed and says what was found instead. */
export async function detectFormat(folder: string): Promise<ModelFormat> {
  if (await exists(join(folder, 'saved_model.pb'))) return 'SavedModel';
  if (await exists(join(folder, 'model.json')))
    return isLayersModel(await readModelJson(folder)) ? 'TFJSLayers' : 'TFJSGraph';
  // What a name with a dot hides is not the model's: the mark of the fetcher, for instance.
  const found = (await listFiles(folder)).map(({ path }) => path).filter((path) => !path.startsWith('.'));
  const shown =
    found.length === 0
      ? 'the folder is empty'
      : `found ${found.slice(0, 5).join(', ')}${found.length > 5 ? ', …' : ''}`;
  throw new ModelError(
    'ModelMalformed',
    `there is neither a saved_model.pb nor a model.json (${shown}); name the folder in which the file lies`,
  );
}

/** Format, signatures and operations of the model in a folder, without its weights and without loading it. Throws ModelError ModelMalformed. */
export async function describeModel(folder: string, format?: ModelFormat): Promise<ModelInfo> {
  const known = format ?? (await detectFormat(folder));
  if (known === 'SavedModel') return (await readModel(folder, known)).info;
  const model = await readModelJson(folder);
  return readParts(() => (known === 'TFJSLayers' ? describeLayers(model) : describeGraph(model)));
}

/** As `describeModel`, and the program that the model is. `withWeights`: its weights are there too. Throws ModelError ModelMalformed. */
export async function readModel(folder: string, format?: ModelFormat, withWeights = true): Promise<ModelFiles> {
  const known = format ?? (await detectFormat(folder));
  // With a library for protocol buffers, of no use to the others.
  if (known === 'SavedModel') return (await import('./saved-model.ts')).readSavedModel(folder);
  const model = await readModelJson(folder);
  if (known === 'TFJSLayers') {
    return readParts(() => ({
      info: describeLayers(model),
      layers: layersOf(layersConfigOf(model)?.config),
    }));
  }
  const info = readParts(() => describeGraph(model));
  const { graphOfJson, smallConstants } = await import('./tfjs-graph.ts');
  const constants = withWeights ? await smallConstants(folder, model) : new Map<string, number[]>();
  return { info, graph: readParts(() => graphOfJson(model, constants)) };
}

/** Throws ModelError ModelMalformed when files that the model names are missing, cut short, or something else. */
export async function checkComplete(folder: string, { format }: Pick<ModelInfo, 'format'>): Promise<void> {
  if (format === 'SavedModel') return (await import('./saved-model.ts')).checkVariables(folder);
  await placesOfWeights(folder, await readModelJson(folder));
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

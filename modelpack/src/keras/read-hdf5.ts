/** The model in one file of HDF5: an .h5 of Keras 2 or 3, also one that is called .keras. */
import { ModelError } from '../failure.ts';
import { OTHER } from '../prepare/other-formats.ts';
import { listAt, weightsByLayer } from './by-layer.ts';
import { isLayerConfig } from './config.ts';
import { openHdf5 } from './hdf5.ts';
import type { LayersModel } from './layers-model.ts';
import { parsePythonJson } from './python-json.ts';

/** A model whose file stays open until nobody needs its weights any more. */
export interface OpenedModel {
  model: LayersModel;
  close: () => void;
}

/** Throws ModelError ModelMalformed. */
export async function readHdf5Model(path: string): Promise<OpenedModel> {
  const file = await openHdf5(path);
  try {
    const text = file.attribute('', 'model_config');
    if (typeof text !== 'string') throw OTHER.weightsOnly(path);
    // Files of a weights-only checkpoint have the groups of the layers at their root.
    const group = listAt(file, 'model_weights', 'layer_names').length > 0 ? 'model_weights' : '';
    const version = file.attribute('', 'keras_version') ?? file.attribute(group, 'keras_version');
    const config = configOf(path, text);
    const weightsOf = weightsByLayer(file, group);
    const kerasVersion = typeof version === 'string' ? version : undefined;
    return { model: { kerasVersion, config, weightsOf }, close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Throws ModelError ModelMalformed. */
export function configOf(file: string, text: string): LayersModel['config'] & { config: object } {
  let config: unknown;
  try {
    config = parsePythonJson(text);
  } catch (cause) {
    throw new ModelError('ModelMalformed', `the configuration of the model in ${file} is not JSON; save it again`, {
      cause,
    });
  }
  if (isLayerConfig(config)) return config;
  throw new ModelError('ModelMalformed', `the configuration in ${file} describes no model of Keras; save it again`);
}

import type { TFJSBinding } from '@tensorflow/tfjs-node/dist/tfjs_binding.js';
import type { Engine } from '../../model/types.ts';
import { loadAddon, type Addon } from '../../addon.ts';
import { loadSavedModel } from './saved-model.ts';
import type { SessionAddon } from './session.ts';

/**
 * TensorFlow's C library. SavedModels need our own addon only; what runs models of TensorFlow.js on it, the addon of
 * tfjs-node and 3 MB of code, is loaded with the first of them.
 */
export function tensorflow(): Engine {
  const session = load('session') as SessionAddon;
  return {
    name: 'tensorflow',
    formats: ['SavedModel', 'TFJSGraph', 'TFJSLayers'],
    load: async (model) =>
      model.format === 'SavedModel'
        ? loadSavedModel(session, model)
        : (await import('./backend.ts')).loadOnTensorflow(load('tfjs_binding') as TFJSBinding, session, model),
    settle: () => session.trim(),
  };
}

function load(addon: Addon): unknown {
  const loaded = loadAddon(addon);
  if (loaded === undefined) throw new Error(`its addon, ${addon}.node, is not installed`);
  return loaded;
}

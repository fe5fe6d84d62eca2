import { createRequire } from 'node:module';
import type { Engine } from '../../model/types.ts';
import { addonPath } from './addon.ts';
import type { Binding } from './binding.ts';
import { loadSavedModel } from './saved-model.ts';

/**
 * TensorFlow's C library through the addon of tfjs-node. SavedModels need nothing else; what runs models of TensorFlow.js
 * on it, 3 MB of code, is loaded with the first of them.
 */
export function tensorflow(): Engine {
  const path = addonPath();
  if (path === undefined) throw new Error('its addon, tfjs_binding.node, is not installed');
  const binding = createRequire(import.meta.url)(path) as Binding;
  return {
    name: 'tensorflow',
    formats: ['SavedModel', 'TFJSGraph', 'TFJSLayers'],
    load: async (model) =>
      model.format === 'SavedModel'
        ? loadSavedModel(binding, model)
        : (await import('./backend.ts')).loadOnTensorflow(binding, model),
  };
}

import './node24.ts';
import '@tensorflow/tfjs-node';
import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../../model/types.ts';
import { loadTfjs } from '../tfjs.ts';
import type { Binding } from './binding.ts';
import { loadSavedModel } from './saved-model.ts';

/** TensorFlow's C library through tfjs-node. Import this file only when the addon is installed. */
export async function tensorflow(): Promise<Engine> {
  if (!(await tf.setBackend('tensorflow'))) throw new Error('the backend of tfjs-node did not start');
  const { binding } = tf.backend() as unknown as { binding: Binding };
  return {
    name: 'tensorflow',
    formats: ['SavedModel', 'TFJSGraph', 'TFJSLayers'],
    load: async (model) => (model.format === 'SavedModel' ? loadSavedModel(binding, model) : loadTfjs(model)),
  };
}

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../model/types.ts';
import { loadTfjs } from './tfjs.ts';

/** Plain JavaScript: runs every operation everywhere, slowly. */
export async function cpu(): Promise<Engine> {
  if (!(await tf.setBackend('cpu'))) throw new Error('the cpu backend of TensorFlow.js did not start');
  return { name: 'cpu', formats: ['TFJSGraph', 'TFJSLayers'], load: loadTfjs };
}

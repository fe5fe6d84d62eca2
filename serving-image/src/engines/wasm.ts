import { fileURLToPath } from 'node:url';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../model/types.ts';
import { loadTfjs } from './tfjs.ts';

/** WebAssembly with SIMD: no native library, and quicker than TensorFlow for small dense models. */
export async function wasm(): Promise<Engine> {
  // The bundle puts the .wasm files beside itself.
  setWasmPaths(fileURLToPath(new URL('./wasm/', import.meta.url)));
  if (!(await tf.setBackend('wasm'))) throw new Error('the wasm backend of TensorFlow.js did not start');
  return { name: 'wasm', formats: ['TFJSGraph', 'TFJSLayers'], load: loadTfjs };
}

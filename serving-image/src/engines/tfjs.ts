/** Loads TensorFlow.js models on whichever backend is active: tfjs-node's, wasm or plain JavaScript. */
import { forTensorflowJs, ModelError, readModelJson, weightFiles } from '@modeldeployment/modelpack';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadGraphModel, type GraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
// Kernels of tfjs-node and layers write `x.sub(y)`: methods that the whole of TensorFlow.js adds to tensors, and its core alone does not.
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type ModelFolder, type Predictor, type Signature, type TensorSpec } from '../model/types.ts';
import { shortMessage } from './failure.ts';
import { withoutMemory } from './stateless.ts';
import { at, predictor } from './tfjs-predictor.ts';
import { FatalError } from '../errors.ts';

/** @throws FatalError ModelMalformed, ModelLoadFailed */
export async function loadTfjs(model: ModelFolder): Promise<Predictor> {
  // Without its advice to install other packages.
  tf.enableProdMode();
  try {
    const handler: tf.io.IOHandler = { load: async () => withoutMemory(await readArtifacts(model)) };
    return model.format === 'TFJSGraph'
      ? graphPredictor(await loadGraphModel(handler), model)
      : layersPredictor(await (await import('./layers.ts')).loadLayersModel(handler), model);
  } catch (error) {
    if (error instanceof FatalError) throw error;
    if (error instanceof ModelError) throw new FatalError(error.reason, error.message, { cause: error });
    throw new FatalError(
      'ModelLoadFailed',
      `TensorFlow.js cannot load the model: ${shortMessage(error, model.directory)}`,
      {
        cause: error,
      },
    );
  }
}

/** Reads model.json and its weights, from inside the folder alone: tfjs' own loader follows `..` out of it. Throws ModelError. */
async function readArtifacts({ directory }: ModelFolder): Promise<tf.io.ModelArtifacts> {
  const json = forTensorflowJs(await readModelJson(directory));
  return tf.io.getModelArtifactsForJSON(json as unknown as tf.io.ModelJSON, async (manifest) => {
    const specs = manifest.flatMap((group) => group.weights);
    const files = weightFiles(json).map((path) => readFile(join(directory, path)));
    const data = Buffer.concat(await Promise.all(files));
    return [specs, data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)];
  });
}

function graphPredictor(model: GraphModel, { signatures }: ModelFolder): Predictor {
  let dynamic = false;
  const run = async (inputs: tf.NamedTensorMap, outputs: string[]): Promise<tf.Tensor[]> => {
    if (!dynamic) {
      try {
        return list(model.execute(inputs, outputs));
      } catch (error) {
        // Graphs with loops or data-dependent shapes say so at their first run, which is the warm-up.
        if (!(error instanceof Error && error.message.includes('executeAsync'))) throw error;
        dynamic = true;
      }
    }
    return list(await model.executeAsync(inputs, outputs));
  };
  return predictor(signatures, (signature, inputs) => {
    const named = Object.fromEntries(signature.inputs.map((spec, i) => [spec.name, at(inputs, i)]));
    return run(
      named,
      signature.outputs.map((spec) => spec.name),
    );
  });
}

function layersPredictor(model: LayersModel, { signatures }: ModelFolder): Predictor {
  // Names are those in the file; the shapes of outputs are known only now.
  const shaped = (specs: readonly TensorSpec[], tensors: { shape: (number | null)[] }[]) =>
    specs.map((spec, i) => ({ ...spec, shape: (tensors[i]?.shape ?? spec.shape).map((size) => size ?? -1) }));
  const known = new Map<string, Signature>();
  for (const [name, signature] of signatures) {
    known.set(name, {
      inputs: shaped(signature.inputs, model.inputs),
      outputs: shaped(signature.outputs, model.outputs),
    });
  }
  return predictor(known, (signature, inputs) => {
    const batch = inputs[0]?.shape[0] ?? 1;
    return Promise.resolve(
      list(model.predict(inputs.length === 1 ? at(inputs, 0) : [...inputs], { batchSize: batch })),
    );
  });
}

const list = (value: tf.Tensor | tf.Tensor[] | tf.NamedTensorMap): tf.Tensor[] =>
  value instanceof tf.Tensor ? [value] : Array.isArray(value) ? value : Object.values(value);

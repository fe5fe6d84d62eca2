/** TensorFlow.js models on whichever backend is active: tfjs-node's, wasm or plain JavaScript. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadGraphModel, type GraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  FatalError,
  RunError,
  type DataType,
  type ModelFolder,
  type Predictor,
  type Signature,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from '../model/types.ts';
import { runError, shortMessage } from './failure.ts';
import { narrowed } from './narrow.ts';

/** @throws FatalError ModelMalformed, ModelLoadFailed */
export async function loadTfjs(model: ModelFolder): Promise<Predictor> {
  // Without its advice to install other packages.
  tf.enableProdMode();
  try {
    const handler: tf.io.IOHandler = { load: () => readArtifacts(model.directory) };
    return model.format === 'TFJSGraph'
      ? graphPredictor(await loadGraphModel(handler), model)
      : layersPredictor(await (await import('./layers.ts')).loadLayersModel(handler), model);
  } catch (error) {
    if (error instanceof FatalError) throw error;
    throw new FatalError('ModelLoadFailed', `TensorFlow.js cannot load the model: ${shortMessage(error)}`, {
      cause: error,
    });
  }
}

/** Reads model.json and its weights. Weight files must lie beside it: tfjs' own loader follows `..` out of the folder. */
async function readArtifacts(directory: string): Promise<tf.io.ModelArtifacts> {
  const json = JSON.parse(await readFile(join(directory, 'model.json'), 'utf8')) as tf.io.ModelJSON;
  return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
    const paths = manifest.flatMap((group) => group.paths);
    const outside = paths.find((path) => !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(path));
    if (outside !== undefined) {
      throw new FatalError(
        'ModelMalformed',
        `model.json names the weight file ${JSON.stringify(outside)}; weights must lie beside model.json`,
      );
    }
    const specs = manifest.flatMap((group) => group.weights);
    const data = Buffer.concat(await Promise.all(paths.map((path) => readFile(join(directory, path)))));
    const needed = specs.reduce((sum, spec) => sum + weightBytes(spec), 0);
    if (!Number.isNaN(needed) && needed !== data.byteLength) {
      throw new FatalError(
        'ModelMalformed',
        `the weight files hold ${data.byteLength} bytes, model.json describes ${needed}: a file is cut short or changed`,
      );
    }
    return [specs, data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)];
  });
}

/** Bytes of one weight in its file; NaN where only the data can tell (strings). */
function weightBytes(spec: tf.io.WeightsManifestEntry): number {
  const type = spec.quantization?.dtype ?? spec.dtype;
  const width: Record<string, number> = {
    float32: 4,
    int32: 4,
    bool: 1,
    uint8: 1,
    uint16: 2,
    float16: 2,
    complex64: 8,
  };
  return spec.shape.reduce((product, size) => product * size, 1) * (width[type] ?? NaN);
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

type Run = (signature: Signature, inputs: readonly tf.Tensor[]) => Promise<tf.Tensor[]>;

function predictor(signatures: ReadonlyMap<string, Signature>, run: Run): Predictor {
  return {
    signatures,
    memory() {
      const { numTensors, numBytes } = tf.memory();
      return { tensors: numTensors, bytes: numBytes };
    },
    async predict(name, inputs) {
      const signature = signatures.get(name);
      if (!signature) throw new Error(`the model has no signature ${name}`);
      const tensors: tf.Tensor[] = [];
      try {
        for (const input of inputs) tensors.push(upload(input));
        const given = tensors.length;
        tensors.push(...(await run(signature, tensors.slice())));
        const results = signature.outputs.map((spec, i) => download(at(tensors, given + i), spec));
        return await Promise.all(results);
      } catch (error) {
        throw runError(error);
      } finally {
        // A model may answer one of its inputs: each is given back once.
        for (const tensor of new Set(tensors)) tensor.dispose();
      }
    },
  };
}

const JS_TYPE: Partial<Record<DataType, 'float32' | 'int32' | 'bool' | 'string'>> = {
  FP16: 'float32',
  BF16: 'float32',
  FP32: 'float32',
  FP64: 'float32',
  BOOL: 'bool',
  BYTES: 'string',
};
const INT32 = { lowest: -2147483648n, highest: 2147483647n };

function upload({ name, dtype, shape, data }: Tensor): tf.Tensor {
  const type = JS_TYPE[dtype] ?? 'int32';
  if (type === 'string') return tf.tensor([...(data as readonly Uint8Array[])], [...shape], type);
  if (type === 'float32') {
    return tf.tensor(data instanceof Float32Array ? data : Float32Array.from(data as Float64Array), [...shape], type);
  }
  return tf.tensor(type === 'bool' ? (data as Uint8Array) : toInt32(name, data), [...shape], type);
}

/** TensorFlow.js knows 32-bit integers only: wider values are refused, never rounded. */
function toInt32(name: string, data: TensorData): Int32Array {
  if (data instanceof Int32Array) return data;
  return Int32Array.from(data as ArrayLike<number | bigint>, (value) => {
    const exact = BigInt(value);
    if (exact < INT32.lowest || exact > INT32.highest) {
      throw new RunError(`input ${name} holds ${exact}, which does not fit the 32-bit integers of TensorFlow.js`);
    }
    return Number(exact);
  });
}

async function download(tensor: tf.Tensor, spec: TensorSpec): Promise<Tensor> {
  const { name } = spec;
  if (tensor.dtype === 'string') {
    const data = await tensor.bytes();
    return { name, dtype: 'BYTES', shape: tensor.shape, data };
  }
  const data = (await tensor.data()) as TensorData;
  const dtype =
    tensor.dtype === 'bool'
      ? 'BOOL'
      : tensor.dtype === 'int32'
        ? spec.dtype.includes('INT')
          ? spec.dtype
          : 'INT32'
        : 'FP32';
  return { name, dtype, shape: tensor.shape, data: narrowed(dtype, data) };
}

const list = (value: tf.Tensor | tf.Tensor[] | tf.NamedTensorMap): tf.Tensor[] =>
  value instanceof tf.Tensor ? [value] : Array.isArray(value) ? value : Object.values(value);

function at(tensors: readonly tf.Tensor[], index: number): tf.Tensor {
  const tensor = tensors[index];
  if (!tensor) throw new RunError(`the model gave ${index} tensors, more were expected`);
  return tensor;
}

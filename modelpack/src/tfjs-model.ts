import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { ModelError } from './failure.ts';
import { isModelPath } from './files.ts';
import { derivedSignature } from './tfjs-derived.ts';
import { DEFAULT_SIGNATURE, isHandle, type ModelInfo, specOf, type TensorSpec } from './signature.ts';
import type { JsonFunction, JsonNode } from './tfjs-json.ts';

/** The parts of a TensorFlow.js model.json that we read. */
export interface ModelJson {
  format?: string;
  modelTopology?: {
    node?: JsonNode[];
    library?: { function?: JsonFunction[] };
    model_config?: LayersConfig;
    keras_version?: string;
  } & Partial<LayersConfig>;
  signature?: { inputs?: Record<string, JsonTensorInfo>; outputs?: Record<string, JsonTensorInfo> };
  userDefinedMetadata?: { signature?: ModelJson['signature'] };
  weightsManifest?: { paths: string[]; weights?: WeightSpec[] }[];
}
export interface WeightSpec {
  name: string;
  dtype: string;
  shape: number[];
  quantization?: { dtype: string; scale?: number; min?: number };
}
interface JsonTensorInfo {
  name: string;
  dtype: string;
  tensorShape?: { dim?: { size?: string | number }[]; unknownRank?: boolean };
}
/** Of a model or a part of one: each version of Keras writes more than this. */
export interface LayersConfig {
  class_name: string;
  config: NetworkConfig | Layer[];
}
interface NetworkConfig {
  name?: string;
  layers?: Layer[];
  input_layers?: unknown;
  output_layers?: unknown;
}
export interface Layer {
  class_name: string;
  name?: string;
  config: LayerConfig | Layer[];
}
export interface LayerConfig extends NetworkConfig {
  name: string;
  dtype?: unknown;
  batch_input_shape?: (number | null)[];
  layer?: Layer;
  backward_layer?: Layer;
}

export const MODEL_JSON = 'model.json';

/** Reads model.json and checks that its weight files lie inside the folder. Throws ModelError ModelMalformed. */
export async function readModelJson(folder: string, name = MODEL_JSON): Promise<ModelJson> {
  const text = await readFile(join(folder, name), 'utf8');
  let model: ModelJson;
  try {
    // Editors on Windows put a mark before it.
    model = JSON.parse(text.replace(/^\uFEFF/, '')) as ModelJson;
  } catch (cause) {
    throw new ModelError('ModelMalformed', `${name} is damaged: it is not JSON`, { cause });
  }
  readParts(() => weightFiles(model));
  return model;
}

/** Reads parts of a model.json; one of another shape than TensorFlow.js writes is ModelMalformed, not a fault of ours. */
export function readParts<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    const words = 'model.json is damaged: its parts are not what TensorFlow.js writes; convert the model again';
    throw new ModelError('ModelMalformed', words, { cause });
  }
}

/**
 * The files that hold the weights, beside model.json. TensorFlow.js opens what it is told, so a path that leads out of
 * the folder must be refused before. Throws ModelError ModelMalformed.
 */
export const weightFiles = (model: ModelJson): string[] =>
  (model.weightsManifest ?? []).flatMap(({ paths }) => paths.map(weightPath));

/** As browsers save it, `./model.weights.bin`, is the file beside. Throws ModelError ModelMalformed. */
export function weightPath(path: string): string {
  const inside = posix.normalize(path);
  if (isModelPath(inside) && !/^[a-z][a-z0-9+.-]*:/i.test(path)) return inside;
  const words = `model.json names the weight file ${JSON.stringify(path)}; weights must lie in the folder of model.json`;
  throw new ModelError('ModelMalformed', words);
}

/** The layers: in their place as the converter of Python writes it, or in its stead as TensorFlow.js does. */
export function layersConfigOf({ modelTopology }: ModelJson): LayersConfig | undefined {
  const { model_config: config, class_name: name, config: own } = modelTopology ?? {};
  return config ?? (name === undefined || own === undefined ? undefined : { class_name: name, config: own });
}

export const isLayersModel = (model: ModelJson): boolean =>
  layersConfigOf(model) !== undefined || (model.format === 'layers-model' && model.modelTopology?.node === undefined);

/** Keras 3 describes layers in words that TensorFlow.js does not know. */
export const isOfKeras3 = ({ modelTopology }: ModelJson): boolean =>
  /^[3-9]/.test(modelTopology?.keras_version ?? '') || JSON.stringify(modelTopology).includes('"registered_name"');

/** Signature and operations of a TensorFlow.js graph model. */
export function describeGraph(model: ModelJson): ModelInfo {
  const { node: nodes = [], library } = model.modelTopology ?? {};
  const told = model.signature ?? model.userDefinedMetadata?.signature;
  const signature =
    told?.inputs === undefined || told.outputs === undefined
      ? derivedSignature(nodes)
      : { inputs: specsOf(told.inputs), outputs: specsOf(told.outputs) };
  if (signature.outputs.length === 0)
    throw new ModelError('ModelMalformed', 'model.json has a graph that computes nothing; convert the model again');
  const inner = (library?.function ?? []).flatMap(({ nodeDef }) => nodeDef ?? []);
  return {
    format: 'TFJSGraph',
    signatures: { [DEFAULT_SIGNATURE]: signature },
    operations: [...new Set([...nodes, ...inner].map(({ op }) => op))].sort(),
  };
}

function specsOf(tensors: Record<string, JsonTensorInfo>): TensorSpec[] {
  // What a function has captured, tables and variables, is given by TensorFlow.js itself.
  const sent = Object.entries(tensors).filter(([, { dtype }]) => !isHandle(dtype));
  return sent.map(([name, { name: node, dtype, tensorShape }]) => specOf(name, dtype, tensorShape, node));
}

/** Layers models of TensorFlow.js: what they take and give, and their configuration in the words that TensorFlow.js reads. Pure. */
import { ModelError } from './failure.ts';
import type { LayerOfModel } from './graph.ts';
import { datatypeOf, DEFAULT_SIGNATURE, type ModelInfo } from './signature.ts';
import { KerasConfig, plainDtype } from './tfjs-keras.ts';
import { layersConfigOf, type Layer, type LayerConfig, type LayersConfig, type ModelJson } from './tfjs-model.ts';

const layersIn = (config: LayersConfig['config'] | undefined): Layer[] =>
  Array.isArray(config) ? config : (config?.layers ?? []);

const nameOf = ({ name, config, class_name }: Layer): string =>
  (Array.isArray(config) ? undefined : config.name) ?? name ?? class_name;

/**
 * The model as TensorFlow.js reads it, whichever Keras wrote it: its configuration, and its weights by the names that are looked for.
 * What only training needs is left out.
 */
export function forTensorflowJs(model: ModelJson): ModelJson {
  const written = layersConfigOf(model);
  if (written === undefined) return model;
  const config = translated(written, model.modelTopology?.keras_version);
  const own = ownNames(layersIn(config.config));
  /** Keras 3 puts the names of models around a layer before the name of its weight. */
  const called = (name: string): string => {
    const parts = name.split('/');
    const first = parts.findIndex((part) => own.has(part));
    return first > 0 ? parts.slice(first).join('/') : name;
  };
  const weightsManifest = (model.weightsManifest ?? []).map(({ weights = [], ...group }) => ({
    ...group,
    weights: weights.map((spec) => ({ ...spec, name: called(spec.name) })),
  }));
  return { modelTopology: { model_config: config }, weightsManifest };
}

const translated = (model: LayersConfig, kerasVersion: string | undefined): LayersConfig =>
  new KerasConfig(kerasVersion).translated(model) as LayersConfig;

/** Names of the layers that have weights of their own: all but models within the model. */
const ownNames = (layers: readonly Layer[]): Set<string> =>
  new Set(
    layers.flatMap((layer) => {
      const inner = layersIn(layer.config);
      return inner.length > 0 ? [...ownNames(inner)] : [nameOf(layer)];
    }),
  );

/**
 * Names and input shapes of a TensorFlow.js layers model. Shapes of outputs are not written in the file; the engine
 * knows them once the model is loaded.
 */
export function describeLayers(model: ModelJson): ModelInfo {
  const written = layersConfigOf(model);
  const config = written && translated(written, model.modelTopology?.keras_version).config;
  const layers = layersIn(config);
  const [first, last] = [layers[0], layers.at(-1)];
  if (first === undefined || last === undefined)
    throw new ModelError('ModelMalformed', 'model.json describes no layers');
  const { input_layers: into, output_layers: out } = Array.isArray(config) ? {} : (config ?? {});
  const named = namesOf(into);
  const inputs = named.length === 0 ? [first] : named.map((name) => layerNamed(layers, name));
  const inputNames = distinct(inputs.map(nameOf));
  const outputs = namesOf(out);
  return {
    format: 'TFJSLayers',
    signatures: {
      [DEFAULT_SIGNATURE]: {
        inputs: inputs.map((layer, i) => {
          const { dtype = 'float32', batch_input_shape: shape = [null] } = entryOf(layer);
          const name = inputNames[i] ?? nameOf(layer);
          return { name, dtype: datatypeOf(name, plainDtype(dtype)), shape: shape.map((size) => size ?? -1) };
        }),
        outputs: distinct(outputs.length === 0 ? [nameOf(last)] : outputs).map((name) => ({
          name,
          dtype: 'FP32',
          shape: [-1],
        })),
      },
    },
  };
}

/** The configuration that says what a layer takes: its own, or that of the first layer of a model within the model. */
function entryOf({ config }: Layer): Partial<LayerConfig> {
  if (!Array.isArray(config) && config.batch_input_shape !== undefined) return config;
  const [first] = layersIn(config);
  return first === undefined ? (config as LayerConfig) : entryOf(first);
}

/** All layers, those inside of wrappers and of models within the model included. */
export function layersOf(config: LayersConfig['config'] | undefined): LayerOfModel[] {
  return layersIn(config).flatMap(({ class_name: name, config: own }) => {
    const { layer, backward_layer: backward } = Array.isArray(own) ? {} : own;
    const wrapped = [layer, backward].filter((one) => typeof one === 'object' && one !== null);
    return [{ class: name, config: Array.isArray(own) ? {} : { ...own } }, ...layersOf([...layersIn(own), ...wrapped])];
  });
}

/** As Keras does it: a layer with several outputs, or one used twice, gives x, x_1 and x_2, but for names that others have. */
export function distinct(names: readonly string[]): string[] {
  const taken = new Set(names);
  const given = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let i = 1; given.has(free) || (free !== name && taken.has(free)); i++) free = `${name}_${i}`;
    given.add(free);
    return free;
  });
}

/** Of `[["x", 0, 0]]`, or `["x", 0, 0]` where there is one alone, or a dictionary of these. */
function namesOf(references: unknown): string[] {
  if (!Array.isArray(references))
    return typeof references === 'object' && references !== null ? Object.values(references).flatMap(namesOf) : [];
  const [first, second] = references as unknown[];
  if (typeof first === 'string' && typeof second === 'number') return [first];
  return references.map((reference: unknown) => String(Array.isArray(reference) ? reference[0] : reference));
}

function layerNamed(layers: readonly Layer[], name: string): Layer {
  const layer = layers.find((candidate) => candidate.name === name || nameOf(candidate) === name);
  if (layer === undefined)
    throw new ModelError('ModelMalformed', `model.json names an input layer ${name} that does not exist`);
  return layer;
}

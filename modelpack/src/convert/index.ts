/** Makes a SavedModel of a model of Keras layers. */
import type { LayersModel } from '../keras/layers-model.ts';
import { attribute } from '../graph-writer.ts';
import type { Signature, TensorSpec } from '../signature.ts';
import { distinct } from '../tfjs-layers.ts';
import { Unreadable } from './config.ts';
import { Graph } from './graph.ts';
import { datatypeNamed } from './layer.ts';
import { computedIn, convertNetwork } from './network.ts';
import { BY_PYTHON, ConversionRefused } from './refusal.ts';
import { filesOf, type ConvertedFile } from './saved-model.ts';
import { nodeName } from './scope.ts';
import type { Tensor } from './tensor.ts';
import { topologyOf, type LayerNode } from './topology.ts';

export { ConversionRefused } from './refusal.ts';
export type { ConvertedFile } from './saved-model.ts';

export interface ConvertedModel {
  readonly signature: Signature;
  /** Of a SavedModel folder, in the order in which they are to be written. */
  readonly files: readonly ConvertedFile[];
}

/**
 * Keras and TensorFlow.js are not needed: neither here nor where the model is served.
 * @throws ConversionRefused naming the layer that cannot be converted, and what to do
 */
export function convertLayers(model: LayersModel): ConvertedModel {
  const graph = new Graph();
  const keras = Number(/^\d+/.exec(model.kerasVersion ?? '')?.[0] ?? 2) >= 3 ? 3 : 2;
  const { class_name: className, config } = model.config;
  const { layers, inputs } = topologyOf([], className, config);
  const given = inputs.map(({ layer }) =>
    inputOf(
      graph,
      layers.find(({ name }) => name === layer),
      layer,
    ),
  );
  const found = convertNetwork(
    { graph, model, keras },
    [],
    { className, config },
    given.map(({ tensor }) => tensor),
  );
  const names =
    keras === 3
      ? found.map(({ key }, i) => key ?? `output_${i}`)
      : distinct(found.map(({ key, source }) => key ?? source.layer));
  const outputs = found.map(({ tensor }, i) => outputOf(graph, names[i] ?? `output_${i}`, tensor));
  const signature = { inputs: given.map(({ spec }) => spec), outputs };
  return { signature, files: filesOf(graph, signature) };
}

function inputOf(graph: Graph, layer: LayerNode | undefined, name: string): { tensor: Tensor; spec: TensorSpec } {
  const refuse = (what: string) => new ConversionRefused([name], what, BY_PYTHON);
  if (layer?.className !== 'InputLayer') throw refuse('is an input of the model, but no InputLayer');
  const { config } = layer;
  if (config['sparse'] === true || config['ragged'] === true)
    throw refuse('takes sparse or ragged tensors, which cannot be sent');
  if (config['optional'] === true) throw refuse('is optional, which a signature cannot say');
  const wanted = config['batch_shape'] ?? config['batch_input_shape'];
  if (!Array.isArray(wanted)) throw refuse('does not say the shape of its input');
  const shape = (wanted as (number | null)[]).map((size) => size ?? -1);
  const dtype = typeOf(config['dtype'], refuse);
  const node = graph.main.free(`serving_default_${nodeName(name)}`);
  graph.main.nodes.push({
    name: node,
    op: 'Placeholder',
    attributes: { dtype: attribute.type(dtype), shape: attribute.shape(shape) },
  });
  return { tensor: { ref: node, dtype, shape }, spec: { name, dtype, shape, node: `${node}:0` } };
}

function typeOf(value: unknown, refuse: (what: string) => Error) {
  try {
    return typeof value === 'string' && !value.startsWith('mixed') ? datatypeNamed(value) : computedIn(value);
  } catch (error) {
    throw error instanceof Unreadable ? refuse(error.message) : error;
  }
}

function outputOf(graph: Graph, name: string, tensor: Tensor): TensorSpec {
  const { main } = graph;
  if (tensor.dtype === 'RESOURCE' || tensor.dtype === 'VARIANT') throw new Error(`${name} is no tensor of numbers`);
  const node = main.free(`outputs/${nodeName(name)}`);
  main.nodes.push({ name: node, op: 'Identity', input: [tensor.ref], attributes: { T: attribute.type(tensor.dtype) } });
  return { name, dtype: tensor.dtype, shape: [...tensor.shape], node: `${node}:0` };
}

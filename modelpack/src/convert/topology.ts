/** The layers of a model and what each is given, from the configurations that Keras 2, Keras 3 and TensorFlow.js write. Pure. */
import { isRecord } from '../keras/config.ts';
import { ConversionRefused, BY_PYTHON } from './refusal.ts';

/** A tensor that a call of a layer gives. */
export interface Source {
  layer: string;
  call: number;
  tensor: number;
}
/** What a layer is called with: tensors, in lists and by name as the caller has them, and plain values. */
export type Argument =
  { source: Source } | { list: readonly Argument[] } | { map: Readonly<Record<string, Argument>> } | { value: unknown };

export interface Call {
  args: readonly Argument[];
  named: Readonly<Record<string, Argument>>;
}

export interface LayerNode {
  name: string;
  className: string;
  /** Where the class is from (Keras 3), such as `keras.layers`. */
  module: string | undefined;
  /** Of a class that a program has registered, `package>Name`. */
  registered: string | undefined;
  config: Readonly<Record<string, unknown>>;
  calls: readonly Call[];
}

export interface Topology {
  /** Each after those it needs, as far as calls go in circles through none. */
  layers: readonly LayerNode[];
  inputs: readonly Source[];
  outputs: readonly { source: Source; key?: string }[];
}

type Json = Readonly<Record<string, unknown>>;
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

export const MODELS = new Set(['Sequential', 'Functional', 'Model']);

/** @throws ConversionRefused when it is none that Keras writes */
export function topologyOf(path: readonly string[], className: string, config: unknown): Topology {
  const damaged = (what: string) => new ConversionRefused(path, what, 'save the model again');
  if (!MODELS.has(className)) {
    throw new ConversionRefused(path, `is of the class ${className}, whose code is not in the file`, BY_PYTHON);
  }
  const layers = isList(config) ? config : isRecord(config) ? config['layers'] : undefined;
  if (!isList(layers) || !layers.every(isRecord)) {
    throw new ConversionRefused(path, 'has no list of layers in its configuration', BY_PYTHON);
  }
  if (className === 'Sequential')
    return sequential(
      layers.map((one, i) => layerOf(one, i, damaged)),
      config,
      damaged,
    );
  const { input_layers: inputs, output_layers: outputs } = config as Json;
  const nodes = layers.map((one, i) => layerOf(one, i, damaged));
  const earlier = layers.some(
    ({ inbound_nodes: calls }) => isList(calls) && calls.some((call) => !isRecord(call) || !('args' in call)),
  );
  const ends = { inputs: sourcesOf(inputs).map(({ source }) => source), outputs: sourcesOf(outputs) };
  return shifted({ layers: nodes, ...ends }, earlier);
}

function layerOf(json: Json, index: number, damaged: (what: string) => Error): LayerNode {
  const { class_name: className, name, module, registered_name: registered, inbound_nodes: nodes } = json;
  const config = json['config'];
  const own = isRecord(config) ? config : isList(config) ? { layers: config } : undefined;
  const called = typeof name === 'string' ? name : typeof own?.['name'] === 'string' ? own['name'] : `layer_${index}`;
  if (typeof className !== 'string' || own === undefined)
    throw damaged(`has no class and configuration of its layer ${index}`);
  return {
    name: called,
    className,
    module: typeof module === 'string' ? module : undefined,
    registered: typeof registered === 'string' ? registered : undefined,
    config: own,
    calls: isList(nodes)
      ? nodes.map((node) => callOf(node, () => damaged(`cannot be read where it calls ${called}`)))
      : [],
  };
}

/** One layer behind the other. */
function sequential(layers: readonly LayerNode[], config: unknown, damaged: (what: string) => Error): Topology {
  const [first] = layers;
  if (first === undefined) throw damaged('has no layers');
  const given = isRecord(config) ? (config['batch_input_shape'] ?? config['build_input_shape']) : undefined;
  const chain = first.className === 'InputLayer' ? layers : [inputBefore(first, given, damaged), ...layers];
  const linked = chain.map((layer, i) => {
    const before = chain[i - 1];
    return before === undefined ? layer : { ...layer, calls: [{ args: [{ source: only(before.name) }], named: {} }] };
  });
  const last = linked.at(-1) ?? first;
  return { layers: linked, inputs: [only(linked[0]?.name ?? '')], outputs: [{ source: only(last.name) }] };
}

const only = (layer: string): Source => ({ layer, call: 0, tensor: 0 });

/** Keras 2 and TensorFlow.js write the input's shape into the first layer; a model within the model has it in its own first. */
function inputBefore(layer: LayerNode, given: unknown, damaged: (what: string) => Error): LayerNode {
  const shape = firstShape(layer) ?? given;
  if (!isList(shape)) throw damaged('does not say the shape of its input; build it (call it once) before it is saved');
  const type = layer.className === 'Embedding' ? 'float32' : (layer.config['input_dtype'] ?? layer.config['dtype']);
  const dtype = typeof type === 'string' && !type.startsWith('mixed') ? type : 'float32';
  return {
    name: `${layer.name}_input`,
    className: 'InputLayer',
    module: undefined,
    registered: undefined,
    config: { batch_shape: shape, dtype },
    calls: [],
  };
}

function firstShape({ config }: Pick<LayerNode, 'config'>): unknown {
  const own = config['batch_input_shape'] ?? config['batch_shape'];
  const [inner] = isList(config['layers']) ? config['layers'] : [];
  if (own !== undefined || !isRecord(inner) || !isRecord(inner['config'])) return own;
  return firstShape({ config: inner['config'] });
}

function callOf(node: unknown, damaged: () => Error): Call {
  if (isRecord(node) && !('args' in node)) {
    const map = Object.fromEntries(Object.entries(node).map(([key, entry]) => [key, earlierSource(entry)]));
    return { args: [{ map }], named: {} };
  }
  if (isRecord(node)) {
    const args = isList(node['args']) ? node['args'] : [];
    const named = isRecord(node['kwargs']) ? node['kwargs'] : {};
    return { args: args.map(argumentOf), named: mapOf(named) };
  }
  if (!isList(node)) throw damaged();
  // Keras 2: a list of [layer, call, tensor, named], or a map of them by name.
  const entries = node.length > 0 && !isList(node[0]) && typeof node[0] === 'string' ? [node] : node;
  const tensors = entries.map(earlierSource);
  const named = entries.flatMap((entry) => (isList(entry) && isRecord(entry[3]) ? [entry[3]] : []));
  const [single] = tensors;
  if (single === undefined) throw damaged();
  const first = tensors.length === 1 ? single : { list: tensors };
  const all = Object.assign({}, ...named) as Json;
  return {
    args: [first],
    named: Object.fromEntries(Object.entries(all).map(([key, value]) => [key, earlierNamed(value)])),
  };
}

function earlierSource(entry: unknown): Argument {
  if (!isList(entry)) return { value: entry };
  const [layer, call, tensor] = entry;
  if (layer === '_CONSTANT_VALUE') return { value: tensor };
  return { source: { layer: String(layer), call: Number(call), tensor: Number(tensor) } };
}

/** In what Keras 2 names, a tensor is a list of its layer and two numbers. */
function earlierNamed(value: unknown): Argument {
  if (isReference(value)) return { source: reference(value) };
  if (isList(value) && value.some(isReference)) return { list: value.map(earlierNamed) };
  return { value };
}

const isReference = (value: unknown): value is readonly [string, number, number] =>
  isList(value) &&
  (value.length === 3 || value.length === 4) &&
  typeof value[0] === 'string' &&
  typeof value[1] === 'number' &&
  typeof value[2] === 'number';

const reference = ([layer, call, tensor]: readonly [string, number, number]): Source => ({ layer, call, tensor });

/** Keras 3: values as they are, tensors as objects that say where they are from. */
function argumentOf(value: unknown): Argument {
  if (isList(value)) return { list: value.map(argumentOf) };
  if (!isRecord(value)) return { value };
  const config = value['config'];
  if (value['class_name'] === '__keras_tensor__' && isRecord(config) && isReference(config['keras_history'])) {
    return { source: reference(config['keras_history']) };
  }
  return 'class_name' in value ? { value } : { map: mapOf(value) };
}

const mapOf = (values: Json): Record<string, Argument> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, argumentOf(value)]));

/** Of the inputs or outputs of a model, in lists or by name. */
function sourcesOf(value: unknown): { source: Source; key?: string }[] {
  if (isReference(value)) return [{ source: reference(value) }];
  if (isList(value)) return value.flatMap(sourcesOf);
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => sourcesOf(inner).map((one) => ({ key, ...one })));
}

/**
 * A model within the model counts its own making as its call 0: what uses it begins with 1. Keras 3 does so only of what the whole
 * model gives, and not for a Sequential.
 */
function shifted({ layers, inputs, outputs }: Topology, earlier: boolean): Topology {
  const inner = new Set(layers.filter(({ className }) => earlier && MODELS.has(className)).map(({ name }) => name));
  const outer = new Set(
    layers
      .filter(({ className }) => MODELS.has(className) && (earlier || className !== 'Sequential'))
      .map(({ name }) => name),
  );
  const move =
    (late: ReadonlySet<string>) =>
    (source: Source): Source =>
      late.has(source.layer) ? { ...source, call: Math.max(0, source.call - 1) } : source;
  return {
    layers: layers.map((layer) => ({ ...layer, calls: layer.calls.map((call) => moved(call, move(inner))) })),
    inputs,
    outputs: outputs.map((one) => ({ ...one, source: move(outer)(one.source) })),
  };
}

export function sourcesOfArgument(argument: Argument): Source[] {
  if ('source' in argument) return [argument.source];
  if ('list' in argument) return argument.list.flatMap(sourcesOfArgument);
  return 'map' in argument ? Object.values(argument.map).flatMap(sourcesOfArgument) : [];
}

function moved({ args, named }: Call, move: (source: Source) => Source): Call {
  const change = (argument: Argument): Argument => {
    if ('source' in argument) return { source: move(argument.source) };
    if ('list' in argument) return { list: argument.list.map(change) };
    if (!('map' in argument)) return argument;
    return { map: Object.fromEntries(Object.entries(argument.map).map(([key, one]) => [key, change(one)])) };
  };
  return {
    args: args.map(change),
    named: Object.fromEntries(Object.entries(named).map(([key, one]) => [key, change(one)])),
  };
}

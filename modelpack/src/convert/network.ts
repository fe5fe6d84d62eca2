/** Calls the layers of a model one after another, those of models within it too. */
import type { LayersModel } from '../keras/layers-model.ts';
import type { Datatype } from '../signature.ts';
import { Config, Unreadable } from './config.ts';
import type { Graph } from './graph.ts';
import {
  datatypeNamed,
  NamedArguments,
  Weights,
  type LayerCall,
  type LayerJson,
  type LayerRule,
  type Named,
} from './layer.ts';
import { NOT_YET, refusalOf, ruleNamed } from './layers/index.ts';
import { cast } from './ops.ts';
import { BY_PYTHON, ConversionRefused } from './refusal.ts';
import { isFloating, masked, type Tensor } from './tensor.ts';
import {
  MODELS,
  sourcesOfArgument,
  topologyOf,
  type Argument,
  type Call,
  type LayerNode,
  type Source,
} from './topology.ts';

export interface Conversion {
  readonly graph: Graph;
  readonly model: LayersModel;
  readonly keras: 2 | 3;
}

const keyOf = ({ layer, call }: Pick<Source, 'layer' | 'call'>): string => `${call} ${layer}`;

/** Tensors that a model gives for those it is given. @throws ConversionRefused */
export function convertNetwork(
  whole: Conversion,
  path: readonly string[],
  { className, config }: { className: string; config: unknown },
  given: readonly Tensor[],
): { tensor: Tensor; source: Source; key?: string }[] {
  const { layers, inputs, outputs } = topologyOf(path, className, config);
  if (inputs.length !== given.length)
    throw new ConversionRefused(path, `takes ${inputs.length} tensors and is given ${given.length}`, BY_PYTHON);
  const found = new Map<string, readonly Tensor[]>();
  const read = (source: Source): Tensor => {
    const tensor = found.get(keyOf(source))?.[source.tensor];
    if (tensor !== undefined) return tensor;
    throw new ConversionRefused(
      [...path, source.layer],
      'has no output that another layer is given',
      'save the model again',
    );
  };
  inputs.forEach((source, i) => {
    const tensor = given[i];
    if (tensor !== undefined) found.set(keyOf(source), [tensor]);
  });
  let waiting = layers.flatMap((layer) => layer.calls.map((call, index) => ({ layer, call, index })));
  while (waiting.length > 0) {
    const left = waiting.filter(({ layer, call, index }) => {
      const sources = [...call.args, ...Object.values(call.named)].flatMap(sourcesOfArgument);
      if (!sources.every((source) => found.has(keyOf(source)))) return true;
      const key = keyOf({ layer: layer.name, call: index });
      if (!found.has(key)) found.set(key, callLayer(whole, [...path, layer.name], layer, bound(call, read)));
      return false;
    });
    if (left.length === waiting.length) {
      throw new ConversionRefused(
        [...path, left[0]?.layer.name ?? ''],
        'is given what no layer gives',
        'save the model again',
      );
    }
    waiting = left;
  }
  return outputs.map((one) => ({ ...one, tensor: read(one.source) }));
}

interface Bound {
  inputs: readonly Tensor[];
  named: ReadonlyMap<string, Named>;
}

function bound({ args, named }: Call, read: (source: Source) => Tensor): Bound {
  const valueOf = (argument: Argument): Named => {
    if ('source' in argument) return read(argument.source);
    if ('list' in argument) return argument.list.map(valueOf);
    return 'map' in argument ? Object.values(argument.map).map(valueOf) : { value: argument.value };
  };
  const flat = (one: Named): Named[] => (Array.isArray(one) ? (one as readonly Named[]).flatMap(flat) : [one]);
  const positional = args.flatMap((one) => flat(valueOf(one)));
  const tensors = positional.filter((one): one is Tensor => 'ref' in one);
  const plain = positional.filter((one) => 'value' in one && one.value !== null && one.value !== undefined);
  const all = new Map(Object.entries(named).map(([name, one]) => [name, valueOf(one)]));
  // Only a Keras operation is called so; it is refused for its class, or for this.
  plain.forEach((one, i) => all.set(`argument ${i}`, one));
  return { inputs: tensors, named: all };
}

export function callLayer(
  whole: Conversion,
  path: readonly string[],
  layer: LayerNode,
  { inputs, named }: Bound,
  weightsOfOuter?: Weights,
): readonly Tensor[] {
  try {
    const calling = new NamedArguments(named);
    if (MODELS.has(layer.className)) {
      refuseUntaken(calling);
      return convertNetwork(whole, path, layer, inputs).map(({ tensor }) => tensor);
    }
    const rule = ruleOf(layer);
    const compute = computedIn(layer.config['dtype']);
    const weights =
      weightsOfOuter?.within(layer.name, compute) ??
      new Weights(whole.graph, path, whole.model.weightsOf(path), compute);
    const config = new Config(layer.config);
    const g = whole.graph.main;
    const inner: LayerCall['inner'] = (json, given) => {
      const node = layerNode(json);
      if (MODELS.has(node.className)) weights.leave();
      return callLayer(whole, [...path, node.name], node, { inputs: given, named: new Map() }, weights);
    };
    const result = g.within(path, () => {
      const own = givenMasks(inputs, calling).map((x) => (isFloating(x.dtype) ? cast(g, x, compute) : x));
      const { graph, keras } = { ...whole };
      return rule.convert({ graph, g, path, config, inputs: own, named: calling, weights, keras, compute, inner });
    });
    complain(config, calling);
    if (weightsOfOuter === undefined && weights.left > 0)
      throw new Unreadable(`has ${weights.left} weights more in the file than its configuration needs`);
    const tensors: readonly Tensor[] = Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];
    if (rule.mask === 'own') return tensors;
    const mask = rule.mask === 'passes' ? givenMasks(inputs, calling)[0]?.mask : undefined;
    return tensors.map((tensor) => ({ ...tensor, mask }));
  } catch (error) {
    if (error instanceof Unreadable) throw new ConversionRefused(path, error.message, BY_PYTHON);
    throw error;
  }
}

/** Keras 3 writes masks into the call, as the tensors that they are. */
function givenMasks(inputs: readonly Tensor[], named: NamedArguments): readonly Tensor[] {
  const masks = named.take('mask');
  if (masks === undefined) return inputs;
  const list: readonly Named[] = Array.isArray(masks) ? (masks as readonly Named[]) : [masks];
  return inputs.map((x, i) => {
    const mask = list[i];
    return mask !== undefined && 'ref' in mask ? masked(x, mask) : x;
  });
}

/** @throws Unreadable when there is none */
function ruleOf(layer: LayerNode): LayerRule {
  const refused = refusalOf(layer);
  if (refused !== undefined) throw new Unreadable(refused);
  const rule = ruleNamed(layer);
  if (rule !== undefined) return rule;
  const known = NOT_YET.has(layer.className);
  throw new Unreadable(
    known
      ? `is a ${layer.className}, which is not converted yet`
      : `is of the class ${layer.className}, whose code is not in the file`,
  );
}

/** A layer in the configuration of another. */
const layerNode = ({ class_name: className, module, registered_name: registered, config }: LayerJson): LayerNode => ({
  name: typeof config['name'] === 'string' ? config['name'] : className,
  className,
  module: typeof module === 'string' ? module : undefined,
  registered: typeof registered === 'string' ? registered : undefined,
  config,
  calls: [],
});

function complain(config: Config, named: NamedArguments): void {
  const [key] = config.unread();
  if (key !== undefined) {
    const value = JSON.stringify(config.raw(key));
    throw new Unreadable(`has ${key} = ${value} in its configuration, which is not understood`);
  }
  refuseUntaken(named);
}

function refuseUntaken(named: NamedArguments): void {
  const [name] = named.untaken();
  if (name !== undefined) throw new Unreadable(`is called with ${name}, which is not understood`);
}

/** The type that a layer computes in; with a mixed policy its variables are of another. */
export function computedIn(dtype: unknown): Datatype {
  const config =
    typeof dtype === 'object' && dtype !== null ? (dtype as { config?: { name?: unknown } }).config : undefined;
  const name = typeof dtype === 'string' ? dtype : typeof config?.name === 'string' ? config.name : 'float32';
  return datatypeNamed(name.replace(/^mixed_/, ''));
}

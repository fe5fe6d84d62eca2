/** The graph in a model.json, whose constants lie among the weights. */
import { integersIn } from './graph-proto.ts';
import {
  FEW_VALUES,
  type Attribute,
  type GraphFunction,
  type GraphNode,
  type ModelGraph,
  type TensorValue,
} from './graph.ts';
import { numberOfType } from './signature.ts';
import type { JsonArgument, JsonAttribute, JsonFunction, JsonNode, JsonShape, JsonTensor } from './tfjs-json.ts';
import type { ModelJson } from './tfjs-model.ts';
import { placesOfWeights, readWeight } from './tfjs-weights.ts';

/** `values`: whole numbers of the small constants, by the name of their node. */
export function graphOfJson(model: ModelJson, values: ReadonlyMap<string, readonly number[]>): ModelGraph {
  const { node = [], library } = model.modelTopology ?? {};
  const nodes = node.map((one) => nodeOf(one, values));
  const functions = (library?.function ?? []).map((one) => functionOf(one, values));
  return { nodes, functions, gradients: new Map(), assets: [], restore: undefined, initialisers: [] };
}

function functionOf(
  { signature, nodeDef = [], ret = {} }: JsonFunction,
  values: ReadonlyMap<string, readonly number[]>,
): GraphFunction {
  const named = (all: JsonArgument[] = []) =>
    all.map(({ name, numberAttr, typeListAttr }) => ({ name, list: Boolean(numberAttr ?? typeListAttr) }));
  return {
    name: signature?.name ?? '',
    parameters: named(signature?.inputArg),
    results: named(signature?.outputArg),
    nodes: nodeDef.map((one) => nodeOf(one, values)),
    returns: new Map(Object.entries(ret)),
    controlReturns: [],
    attributes: new Map(),
  };
}

function nodeOf(
  { name, op, input = [], attr = {} }: JsonNode,
  values: ReadonlyMap<string, readonly number[]>,
): GraphNode {
  const attributes = new Map(Object.entries(attr).map(([key, value]) => [key, attributeOf(value)]));
  const [numbers, tensor] = [values.get(name), attributes.get('value')?.tensor];
  if (numbers !== undefined && tensor !== undefined) attributes.set('value', { tensor: { ...tensor, numbers } });
  return { name, op, inputs: input, attributes };
}

function attributeOf({ s, i, b, type, shape, tensor, func, list }: JsonAttribute): Attribute {
  return {
    ...(s === undefined ? {} : { text: Buffer.from(s, 'base64').toString() }),
    ...(i === undefined ? {} : { number: Number(i) }),
    ...(b === undefined ? {} : { flag: b }),
    ...(type === undefined ? {} : { type: numberOfType(type) }),
    ...(shape === undefined ? {} : { shape: sizesOf(shape) }),
    ...(tensor === undefined ? {} : { tensor: tensorOf(tensor) }),
    ...(func === undefined ? {} : { functions: [func.name] }),
    ...(list?.i === undefined ? {} : { numbers: list.i.map(Number) }),
    ...(list?.type === undefined ? {} : { types: list.type.map(numberOfType) }),
    ...(list?.shape === undefined ? {} : { shapes: list.shape.map(sizesOf) }),
    ...(list?.func === undefined ? {} : { functions: list.func.map(({ name }) => name) }),
  };
}

const sizesOf = ({ dim = [], unknownRank }: JsonShape): number[] | null =>
  unknownRank === true ? null : dim.map(({ size = 0 }) => Number(size));

const tensorOf = ({ dtype = '', tensorShape = {}, intVal }: JsonTensor): TensorValue => ({
  type: numberOfType(dtype),
  shape: sizesOf(tensorShape) ?? undefined,
  ...(intVal === undefined ? {} : { numbers: intVal.map(Number) }),
});

/** Axes, shapes and sizes, which the converter writes among the weights. Others are left where they are. */
export async function smallConstants(folder: string, model: ModelJson): Promise<Map<string, number[]>> {
  const small = (await placesOfWeights(folder, model)).filter(
    ({ spec: { dtype, shape, quantization } }) =>
      dtype === 'int32' && quantization === undefined && shape.reduce((product, one) => product * one, 1) <= FEW_VALUES,
  );
  return new Map(small.map((place) => [place.spec.name, integersIn(readWeight(folder, place), false)]));
}

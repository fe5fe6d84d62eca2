/** Graphs in memory, as modelpack reads them. Test code only. */
import type { Attribute, GraphFunction, GraphNode, ModelGraph } from '../graph.ts';

export const node = (
  name: string,
  op: string,
  inputs: readonly string[] = [],
  attributes: Record<string, Attribute> = {},
): GraphNode => ({ name, op, inputs, attributes: new Map(Object.entries(attributes)) });

/** Whole numbers, as axes and shapes are. A number alone is a scalar. */
export function integers(name: string, values: number | readonly number[]): GraphNode {
  const [shape, numbers] = typeof values === 'number' ? [[], [values]] : [[values.length], values];
  return node(name, 'Const', [], { value: { tensor: { type: 3, shape, numbers } } });
}

/** A constant of which only the shape matters. */
export const weights = (name: string, ...shape: number[]): GraphNode =>
  node(name, 'Const', [], { value: { tensor: { type: 1, shape } } });

export const graphOf = (nodes: readonly GraphNode[], functions: readonly GraphFunction[] = []): ModelGraph => ({
  nodes,
  functions,
  gradients: new Map(),
  assets: [],
  restore: undefined,
  initialisers: [],
});

/** A function whose results are tensors of its nodes. */
export const graphFunction = (
  name: string,
  parameters: readonly string[],
  nodes: readonly GraphNode[],
  returns: Record<string, string>,
): GraphFunction => ({
  name,
  parameters: parameters.map((one) => ({ name: one, list: false })),
  results: Object.keys(returns).map((one) => ({ name: one, list: false })),
  nodes,
  returns: new Map(Object.entries(returns)),
  controlReturns: [],
  attributes: new Map(),
});

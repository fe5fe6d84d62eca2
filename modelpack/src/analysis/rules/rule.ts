/** What a rule is given of a node, and what it tells. Pure. */
import type { Attribute, GraphNode } from '../../graph.ts';
import type { Value, Known, Doubt } from '../value.ts';

export interface Call {
  node: GraphNode;
  /** None of them is in doubt. */
  inputs: readonly Known[];
}

/** One value for all outputs, or one for each. */
export type Outcome = Value | Value[];
export type Rule = (call: Call) => Outcome;

const NONE: Attribute = {};
export const attribute = ({ node }: Pick<Call, 'node'>, name: string): Attribute => node.attributes.get(name) ?? NONE;
export const flag = (call: Pick<Call, 'node'>, name: string, absent = false): boolean => {
  const { flag: value, placeholder } = attribute(call, name);
  return value ?? (placeholder === undefined ? absent : !absent);
};

/** An input that must be there: the graph is checked by TensorFlow when it is loaded, not before. */
export function input({ inputs }: Call, index: number): Known {
  const found = inputs[index];
  if (found === undefined) throw new MissingInput(index);
  return found;
}

export class MissingInput extends Error {
  constructor(index: number) {
    super(`its input ${index} is missing`);
  }
}

export type { Doubt, Known, Value };

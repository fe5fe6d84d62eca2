/** Whether the answer for each row of a request depends on this row alone, so that requests can be run together. Pure. */
import type { ModelGraph } from '../graph.ts';
import type { Signature, TensorSpec } from '../signature.ts';
import type { RowVerdict } from './verdict.ts';
import { Evaluation } from './evaluate.ts';
import { along, isDoubt, mixing, rowsTimes, size, unknown, type Doubt, type Value } from './value.ts';

/**
 * Follows the rows from the inputs of a signature to its outputs. What is not on a path between them does not matter;
 * variables and constants are the same for every row.
 */
export function rowIndependence(graph: Pick<ModelGraph, 'nodes' | 'functions'>, signature: Signature): RowVerdict {
  const { inputs, outputs } = signature;
  const given = new Map<string, Value>();
  for (const spec of inputs) {
    const value = requested(spec);
    if (isDoubt(value)) return verdictOf({ ...value, node: spec.name });
    given.set(tensorOf(spec), value);
  }
  if (inputs.length === 0) return verdictOf(mixing('it takes no rows'));
  const evaluation = new Evaluation(graph);
  if (evaluation.hasTwins(graph)) return verdictOf(unknown('two nodes or functions have the same name'));
  const values = evaluation.values(outputs.map(tensorOf), given);
  const doubts = values.flatMap((value, i) => doubtOf(value, outputs[i]?.name ?? ''));
  const doubt = doubts.find(({ verdict }) => verdict === 'mixing') ?? doubts[0];
  return doubt === undefined ? { rows: 'rowWise' } : verdictOf(doubt);
}

const tensorOf = ({ name, node }: TensorSpec): string => node ?? name;

/** What a client sends: the rows in the first dimension, of which there may be any number. */
function requested({ shape, unknownRank }: TensorSpec): Value {
  if (unknownRank) return unknown('the number of dimensions of the input is not known');
  const [rows, ...inner] = shape;
  if (rows !== -1) return mixing('the input has no free first dimension, so that it belongs to no row');
  return along(0, [rowsTimes(1), ...inner.map((one) => size(one < 0 ? undefined : one))]);
}

function doubtOf(value: Value, output: string): Doubt[] {
  if (isDoubt(value)) return [value];
  if (value.axis === undefined) return [{ ...mixing('the output holds no rows'), node: output }];
  const times = value.shape?.[0]?.size;
  if (value.axis === 0 && (value.shape === undefined || times === undefined || times === 1)) return [];
  return [{ ...mixing('the first dimension of the output is not one of rows'), node: output }];
}

const verdictOf = ({ verdict, why, node }: Doubt): RowVerdict => ({
  rows: verdict,
  why,
  ...(node === undefined ? {} : { node }),
});

/** The files of a SavedModel: the graph, and beside it its weights where they are many. */
import { attribute, encodeSavedModel, type NodeDef, type SavedModelGraph } from '../graph-writer.ts';
import type { Signature } from '../signature.ts';
import { constantOf, type Graph, type GraphWeight } from './graph.ts';
import { DATA, INDEX, TensorBundle } from './tensor-bundle.ts';

/** A file of a converted model; its parts are made as they are read. */
export interface ConvertedFile {
  readonly path: string;
  readonly read: () => Iterable<Uint8Array>;
}

/** All weights together, up to which they stand in the graph itself: more would be in memory twice, and a graph ends at 2 GiB. */
const MOST_CONSTANT_BYTES = 1024 * 1024;
/** A smaller weight is a constant in any case. */
const LEAST_VARIABLE_BYTES = 1024;

/** A weight that is a variable, and the nodes that keep and set it. */
interface Variable {
  weight: GraphWeight;
  handle: string;
  assign: string;
}

export function filesOf(graph: Graph, signature: Signature): ConvertedFile[] {
  const { weights, functions, main } = graph;
  const whole = weights.reduce((sum, { bytes }) => sum + bytes, 0);
  const kept = weights.filter(({ bytes }) => whole > MOST_CONSTANT_BYTES && bytes >= LEAST_VARIABLE_BYTES);
  const constants = weights.filter((weight) => !kept.includes(weight)).map(constantOf);
  if (kept.length === 0) return [graphFile({ nodes: [...constants, ...main.nodes], functions, signature })];
  const bundle = new TensorBundle(kept);
  const variables = kept.map((weight) => ({
    weight,
    handle: main.free(`variables/${weight.name}`),
    assign: main.free(`restore/${weight.name}`),
  }));
  const restore = restoring(variables, (name) => main.free(`restore/${name}`));
  const nodes = [...constants, ...variables.flatMap(nodesOf), ...main.nodes, ...restore.nodes];
  return [
    graphFile({
      ...{ nodes, functions, signature },
      restore: { path: `${restore.path}:0`, node: restore.all },
      variables: variables.map(({ weight, handle, assign }, i) => ({
        ...{ name: handle, assign, read: weight.name },
        initial: restore.values[i] ?? '',
      })),
    }),
    { path: DATA, read: () => bundle.data() },
    { path: INDEX, read: () => bundle.index() },
  ];
}

const graphFile = (graph: SavedModelGraph): ConvertedFile => {
  const bytes = encodeSavedModel(graph);
  return { path: 'saved_model.pb', read: () => [bytes] };
};

/** The variable, and the node of the weight's own name that reads it. */
function nodesOf({ weight: { name, dtype, shape }, handle }: Variable): NodeDef[] {
  const type = attribute.type(dtype);
  return [
    {
      name: handle,
      op: 'VarHandleOp',
      attributes: { dtype: type, shape: attribute.shape(shape), shared_name: attribute.name(handle) },
    },
    { name, op: 'ReadVariableOp', input: [handle], attributes: { dtype: type } },
  ];
}

/** What TensorFlow runs when it loads the model: it gives the path of the variables. */
function restoring(variables: readonly Variable[], named: (name: string) => string) {
  const [path, names, slices, read, all] = ['path', 'names', 'slices', 'RestoreV2', 'all'].map(named) as [
    ...[string, string, string, string, string],
  ];
  const values = variables.map((_, i) => (i === 0 ? read : `${read}:${i}`));
  const texts = (name: string, list: readonly string[]): NodeDef => ({
    name,
    op: 'Const',
    attributes: { dtype: attribute.type('BYTES'), value: attribute.texts(list) },
  });
  const nodes: NodeDef[] = [
    { name: path, op: 'Placeholder', attributes: { dtype: attribute.type('BYTES'), shape: attribute.shape([]) } },
    texts(
      names,
      variables.map(({ weight }) => weight.name),
    ),
    texts(
      slices,
      variables.map(() => ''),
    ),
    {
      name: read,
      op: 'RestoreV2',
      input: [path, names, slices],
      attributes: { dtypes: attribute.types(variables.map(({ weight }) => weight.dtype)) },
    },
    ...variables.map(({ weight, handle, assign }, i) => ({
      name: assign,
      op: 'AssignVariableOp',
      input: [handle, values[i] ?? ''],
      attributes: { dtype: attribute.type(weight.dtype) },
    })),
    { name: all, op: 'NoOp', input: variables.map(({ assign }) => `^${assign}`) },
  ];
  return { path, all, values, nodes };
}

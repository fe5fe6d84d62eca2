import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { ModelError } from './failure.ts';
import { type ModelInfo, type Signature, specOf, type TensorSpec } from './signature.ts';

/**
 * The part of TensorFlow's saved_model.proto, meta_graph.proto and their imports that tells signatures and operations.
 * Field numbers are TensorFlow's; all other fields are skipped while decoding.
 *
 * graph_def and library are single there, and repeated here: of a field that occurs twice TensorFlow merges both, while
 * protobufjs keeps the last. An operation hidden in the first would run without having been seen.
 */
const PROTO = `
syntax = "proto3";
message SavedModel { repeated MetaGraph meta_graphs = 2; }
message MetaGraph { repeated MetaInfo meta_info_def = 1; repeated Graph graph_def = 2; map<string, SignatureDef> signature_def = 5; }
message MetaInfo { repeated string tags = 4; }
message Graph { repeated Node node = 1; repeated Library library = 2; }
message Node { string op = 2; }
message Library { repeated Function function = 1; }
message Function { repeated Node node_def = 3; }
message SignatureDef { map<string, TensorInfo> inputs = 1; map<string, TensorInfo> outputs = 2; string method_name = 3; }
message TensorInfo { string name = 1; DataType dtype = 2; Shape tensor_shape = 3; }
message Shape { repeated Dim dim = 2; bool unknown_rank = 3; }
message Dim { int64 size = 1; }
enum DataType {
  DT_INVALID = 0; DT_FLOAT = 1; DT_DOUBLE = 2; DT_INT32 = 3; DT_UINT8 = 4; DT_INT16 = 5; DT_INT8 = 6; DT_STRING = 7;
  DT_COMPLEX64 = 8; DT_INT64 = 9; DT_BOOL = 10; DT_BFLOAT16 = 14; DT_UINT16 = 17; DT_HALF = 19; DT_RESOURCE = 20;
  DT_VARIANT = 21; DT_UINT32 = 22; DT_UINT64 = 23;
}`;

interface TensorInfo {
  name: string;
  dtype: string;
  tensorShape?: { dim: { size: string }[]; unknownRank: boolean };
}
interface Node {
  op: string;
}
interface SignatureDef {
  inputs: Record<string, TensorInfo>;
  outputs: Record<string, TensorInfo>;
  methodName: string;
}
interface MetaGraph {
  metaInfoDef: { tags: string[] }[];
  graphDef: { node: Node[]; library: { function: { nodeDef: Node[] }[] }[] }[];
  signatureDef: Record<string, SignatureDef>;
}

const type = protobuf.parse(PROTO).root.lookupType('SavedModel');
const SERVE_TAG = 'serve';
const FILE = 'saved_model.pb';
/** Other forms of the same file. Which one TensorFlow takes depends on its version. */
const RIVALS = ['saved_model.cpb', 'saved_model.pbtxt'];

/** Signatures and operations of a SavedModel folder, read without TensorFlow. Throws ModelError ModelMalformed. */
export async function readSavedModel(folder: string): Promise<ModelInfo> {
  const rival = (await readdir(folder)).find((name) => RIVALS.includes(name));
  if (rival !== undefined) {
    throw new ModelError(
      'ModelMalformed',
      `the folder holds ${rival} beside ${FILE}; leave one, so that it is clear what is served`,
    );
  }
  const graphs = decode(await readFile(join(folder, FILE)));
  const serving = graphs.find(({ metaInfoDef }) => metaInfoDef.some(({ tags }) => tags.includes(SERVE_TAG)));
  if (serving === undefined) {
    const words = `${FILE} holds no graph with the tag '${SERVE_TAG}'; export it for serving (model.export in Keras)`;
    throw new ModelError('ModelMalformed', words);
  }
  const signatures = Object.entries(serving.signatureDef)
    // Not signatures that people call: TensorFlow keeps its initialisation there.
    .filter(([name]) => !name.startsWith('__'))
    .map(([name, { inputs, outputs, methodName: method }]): [string, Signature] => [
      name,
      { inputs: specsOf(inputs), outputs: specsOf(outputs), ...(method === '' ? {} : { method }) },
    ]);
  return { format: 'SavedModel', signatures: Object.fromEntries(signatures), operations: operationsOf(graphs) };
}

function decode(bytes: Buffer): MetaGraph[] {
  try {
    const options = { enums: String, longs: String, defaults: true, arrays: true, objects: true };
    return (type.toObject(type.decode(bytes), options) as { metaGraphs: MetaGraph[] }).metaGraphs;
  } catch (cause) {
    throw new ModelError('ModelMalformed', `${FILE} is damaged: it does not decode as a SavedModel`, { cause });
  }
}

/** Of all graphs: which of them an engine loads is its own decision. */
function operationsOf(graphs: readonly MetaGraph[]): string[] {
  const parts = graphs.flatMap(({ graphDef }) => graphDef);
  const functions = parts.flatMap(({ library }) => library.flatMap((one) => one.function));
  const nodes = [...parts.flatMap(({ node }) => node), ...functions.flatMap(({ nodeDef }) => nodeDef)];
  return [...new Set(nodes.map(({ op }) => op))].sort();
}

const specsOf = (tensors: Record<string, TensorInfo>): TensorSpec[] =>
  Object.entries(tensors)
    .map(([name, { name: node, dtype, tensorShape }]) => specOf(name, dtype, tensorShape, node))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { ModelError } from './failure.ts';
import { DATATYPES, type ModelInfo, type Signature, type TensorSpec } from './signature.ts';

/**
 * The part of tensorflow/core/protobuf/{saved_model,meta_graph}.proto and its imports that tells signatures and
 * operations. Field numbers are TensorFlow's; all other fields are skipped while decoding.
 */
const PROTO = `
syntax = "proto3";
message SavedModel { repeated MetaGraph meta_graphs = 2; }
message MetaGraph { MetaInfo meta_info_def = 1; Graph graph_def = 2; map<string, SignatureDef> signature_def = 5; }
message MetaInfo { repeated string tags = 4; }
message Graph { repeated Node node = 1; Library library = 2; }
message Node { string name = 1; string op = 2; }
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
  dtype: string;
  tensorShape?: { dim: { size: string }[]; unknownRank: boolean };
}
interface SavedModel {
  metaGraphs: {
    metaInfoDef?: { tags: string[] };
    graphDef?: { node: { op: string }[]; library?: { function: { nodeDef: { op: string }[] }[] } };
    signatureDef: Record<string, { inputs: Record<string, TensorInfo>; outputs: Record<string, TensorInfo> }>;
  }[];
}

const type = protobuf.parse(PROTO).root.lookupType('SavedModel');
export const SERVE_TAG = 'serve';

/** Signatures and operations of a SavedModel folder, read without TensorFlow. Throws ModelError ModelMalformed. */
export async function readSavedModel(folder: string): Promise<ModelInfo> {
  const bytes = await readFile(join(folder, 'saved_model.pb'));
  let model: SavedModel;
  try {
    model = type.toObject(type.decode(bytes), {
      enums: String,
      longs: String,
      defaults: true,
      arrays: true,
      objects: true,
    }) as SavedModel;
  } catch (cause) {
    throw new ModelError('ModelMalformed', 'saved_model.pb is damaged: it does not decode as a SavedModel', { cause });
  }
  const graph = model.metaGraphs.find(({ metaInfoDef }) => metaInfoDef?.tags.includes(SERVE_TAG));
  if (graph === undefined) {
    throw new ModelError(
      'ModelMalformed',
      `saved_model.pb holds no graph with the tag '${SERVE_TAG}'; export it for serving (model.export in Keras)`,
    );
  }
  const nodes = [
    graph.graphDef?.node ?? [],
    ...(graph.graphDef?.library?.function ?? []).map(({ nodeDef }) => nodeDef),
  ];
  const signatures = Object.entries(graph.signatureDef)
    // Not signatures people call: TensorFlow keeps its initialisation there.
    .filter(([name]) => !name.startsWith('__'))
    .map(([name, { inputs, outputs }]): [string, Signature] => [
      name,
      { inputs: specsOf(inputs), outputs: specsOf(outputs) },
    ]);
  return {
    format: 'SavedModel',
    signatures: Object.fromEntries(signatures),
    operations: [...new Set(nodes.flat().map(({ op }) => op))].sort(),
  };
}

function specsOf(tensors: Record<string, TensorInfo>): TensorSpec[] {
  return Object.entries(tensors)
    .map(([name, { dtype, tensorShape }]) => {
      const known = DATATYPES[dtype];
      if (known === undefined)
        throw new ModelError(
          'ModelMalformed',
          `tensor ${name} has the type ${dtype}, which cannot be sent over the network`,
        );
      return { name, dtype: known, shape: (tensorShape?.dim ?? []).map(({ size }) => Number(size)) };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from './failure.ts';
import { BYTES, readEntry, readFields, readFunction, readNode, readShape, VARINT } from './graph-proto.ts';
import {
  plainType,
  type Asset,
  type GraphFunction,
  type GraphNode,
  type ModelFiles,
  type ModelGraph,
} from './graph.ts';
import { checkItself } from './prepare/beginning.ts';
import { nameOfType, type Signature, specOf, type TensorSpec } from './signature.ts';

interface TensorInfo {
  name: string;
  /** Its values lie in several tensors of the graph. */
  composite: boolean;
  dtype: number;
  shape: { sizes: number[]; unknownRank: boolean } | undefined;
}
interface SignatureDef {
  inputs: Map<string, TensorInfo>;
  outputs: Map<string, TensorInfo>;
  method: string;
}
interface MetaGraph {
  tags: string[];
  nodes: GraphNode[];
  functions: GraphFunction[];
  gradients: Map<string, string>;
  signatures: Map<string, SignatureDef>;
  assets: Asset[];
  saver: { path: string; restore: string };
  /** Names of nodes, or serialized messages, by the name of the collection. */
  collections: Map<string, { names: string[]; messages: Uint8Array[] }>;
}

const SERVE_TAG = 'serve';
const FILE = 'saved_model.pb';
/** Other forms of the same file. Which one TensorFlow takes depends on its version. */
const RIVALS = ['saved_model.cpb', 'saved_model.pbtxt'];
const INITIALISER = '__saved_model_init_op';
const INITIALISERS_BEFORE = ['saved_model_main_op', 'legacy_init_op'];
const ASSETS_BEFORE = 'saved_model_assets';

/** Signatures and graph of a SavedModel folder, read without TensorFlow. Throws ModelError ModelMalformed. */
export async function readSavedModel(folder: string): Promise<ModelFiles> {
  const rival = (await readdir(folder)).find((name) => RIVALS.includes(name));
  if (rival !== undefined) {
    throw new ModelError(
      'ModelMalformed',
      `the folder holds ${rival} beside ${FILE}; leave one, so that it is clear what is served`,
    );
  }
  await checkItself(join(folder, FILE));
  const graphs = decode(await readFile(join(folder, FILE)));
  const serving = chosen(graphs);
  const signatures: Record<string, Signature> = {};
  const unsendable: Record<string, string> = {};
  for (const [name, { inputs, outputs, method }] of serving.signatures) {
    // Not signatures that people call: TensorFlow keeps its initialisation there.
    if (name.startsWith('__')) continue;
    try {
      signatures[name] = { inputs: specsOf(inputs), outputs: specsOf(outputs), ...(method === '' ? {} : { method }) };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      unsendable[name] = error.message;
    }
  }
  const nodes = [serving, ...serving.functions].flatMap((part) => part.nodes);
  return {
    info: {
      format: 'SavedModel',
      signatures,
      ...(Object.keys(unsendable).length > 0 ? { unsendable } : {}),
      tags: serving.tags,
      operations: [...new Set(nodes.map(({ op }) => op))].sort(),
    },
    graph: graphOf(serving),
  };
}

const SHARD = /^variables\.data-(\d{5})-of-(\d{5})$/;

/** All files of the variables must be there, and be themselves. Throws ModelError ModelMalformed. */
export async function checkVariables(folder: string): Promise<void> {
  const names = await readdir(join(folder, 'variables')).catch((): string[] => []);
  const shards = names.filter((name) => SHARD.test(name));
  const all = Number(SHARD.exec(shards[0] ?? '')?.[2] ?? (names.includes('variables.index') ? 1 : 0));
  if (shards.length !== all) {
    const words = `variables/ holds ${shards.length} of ${all} files of the weights (variables.data-…); copy them all`;
    throw new ModelError('ModelMalformed', words);
  }
  for (const name of shards) await checkItself(join(folder, 'variables', name));
}

/** The graph that is served: that for serving and nothing else, one for serving on other devices, or the only one there is. */
function chosen(graphs: readonly MetaGraph[]): MetaGraph {
  const serving = graphs.filter(({ tags }) => tags.includes(SERVE_TAG));
  const rank = ({ tags }: MetaGraph) => new Set(tags).size + (tags.includes('tpu') ? graphs.length + 100 : 0);
  const [first] = serving.length > 0 ? serving.sort((a, b) => rank(a) - rank(b)) : graphs.length === 1 ? graphs : [];
  if (first === undefined) {
    const found = graphs.map(({ tags }) => `(${tags.join(', ')})`).join(', ');
    const words = `${FILE} holds no graph with the tag '${SERVE_TAG}' (found ${found || 'none'}); export it for serving (model.export in Keras)`;
    throw new ModelError('ModelMalformed', words);
  }
  // TensorFlow loads the first graph that has these tags and no others.
  const wanted = [...new Set(first.tags)].sort().join('\0');
  return graphs.find(({ tags }) => [...new Set(tags)].sort().join('\0') === wanted) ?? first;
}

function decode(bytes: Buffer): MetaGraph[] {
  const graphs: MetaGraph[] = [];
  try {
    readFields(bytes, (field, wire, reader) => {
      if (field === 2 && wire === BYTES) graphs.push(readMetaGraph(reader.bytes()));
    });
  } catch (cause) {
    throw new ModelError('ModelMalformed', `${FILE} is damaged: it does not decode as a SavedModel`, { cause });
  }
  return graphs;
}

/** Field numbers are those of TensorFlow's meta_graph.proto. */
function readMetaGraph(bytes: Uint8Array): MetaGraph {
  const graph: MetaGraph = {
    tags: [],
    nodes: [],
    functions: [],
    gradients: new Map(),
    signatures: new Map(),
    assets: [],
    saver: { path: '', restore: '' },
    collections: new Map(),
  };
  readFields(bytes, (field, wire, reader) => {
    if (wire !== BYTES) return;
    const part = reader.bytes();
    if (field === 1) graph.tags.push(...texts(part, 4));
    else if (field === 2) readGraph(part, graph);
    else if (field === 3) readSaver(part, graph.saver);
    else if (field === 4) readCollection(part, graph.collections);
    else if (field === 5) readSignature(part, graph.signatures);
    else if (field === 6) graph.assets.push(readAsset(part));
  });
  return graph;
}

function readGraph(bytes: Uint8Array, graph: MetaGraph): void {
  readFields(bytes, (field, wire, reader) => {
    if (wire !== BYTES) return;
    if (field === 1) graph.nodes.push(readNode(reader.bytes()));
    if (field !== 2) return;
    readFields(reader.bytes(), (inner, kind, library) => {
      if (kind !== BYTES) return;
      if (inner === 1) graph.functions.push(readFunction(library.bytes()));
      else if (inner === 2) {
        const [[of = ''], [by = '']] = pair(library.bytes());
        graph.gradients.set(of, by);
      }
    });
  });
}

/** The texts of a message in one of its fields. */
function texts(bytes: Uint8Array, wanted: number): string[] {
  const found: string[] = [];
  readFields(bytes, (field, wire, reader) => {
    if (field === wanted && wire === BYTES) found.push(reader.string());
  });
  return found;
}

const pair = (bytes: Uint8Array): [string[], string[]] => [texts(bytes, 1).slice(-1), texts(bytes, 2).slice(-1)];

function readSaver(bytes: Uint8Array, saver: MetaGraph['saver']): void {
  saver.path = texts(bytes, 1).at(-1) ?? saver.path;
  saver.restore = texts(bytes, 3).at(-1) ?? saver.restore;
}

function readCollection(bytes: Uint8Array, collections: MetaGraph['collections']): void {
  const { key, value } = readEntry(bytes);
  const collection = { names: [] as string[], messages: [] as Uint8Array[] };
  for (const part of value) {
    readFields(part, (field, wire, reader) => {
      if (wire !== BYTES) return;
      if (field === 1) collection.names.push(...texts(reader.bytes(), 1));
      else if (field === 5) {
        readFields(reader.bytes(), (inner, kind, any) => {
          if (inner === 1 && kind === BYTES) collection.messages.push(...readEntry(any.bytes()).value);
        });
      }
    });
  }
  collections.set(key, collection);
}

function readSignature(bytes: Uint8Array, signatures: MetaGraph['signatures']): void {
  const { key, value } = readEntry(bytes);
  const signature: SignatureDef = { inputs: new Map(), outputs: new Map(), method: '' };
  for (const part of value) {
    readFields(part, (field, wire, reader) => {
      if (wire !== BYTES) return;
      if (field === 3) signature.method = reader.string();
      else if (field === 1 || field === 2) {
        const { key: name, value: info } = readEntry(reader.bytes());
        signature[field === 1 ? 'inputs' : 'outputs'].set(name, readTensorInfo(info));
      }
    });
  }
  signatures.set(key, signature);
}

function readTensorInfo(parts: readonly Uint8Array[]): TensorInfo {
  const info: TensorInfo = { name: '', composite: false, dtype: 0, shape: undefined };
  for (const bytes of parts) {
    readFields(bytes, (field, wire, reader) => {
      if (field === 1 && wire === BYTES) info.name = reader.string();
      else if (field === 2 && wire === VARINT) info.dtype = reader.int32();
      else if (field === 3 && wire === BYTES) {
        info.shape ??= { sizes: [], unknownRank: false };
        readShape(reader.bytes(), info.shape);
      } else if (field === 4 || field === 5) info.composite = true;
    });
  }
  return info;
}

function readAsset(bytes: Uint8Array): Asset {
  const asset = { tensor: [] as Uint8Array[], file: '' };
  readFields(bytes, (field, wire, reader) => {
    if (wire !== BYTES) return;
    if (field === 1) asset.tensor.push(reader.bytes());
    else if (field === 2) asset.file = reader.string();
  });
  return { tensor: readTensorInfo(asset.tensor).name, file: asset.file };
}

function graphOf({ nodes, functions, gradients, signatures, assets, saver, collections }: MetaGraph): ModelGraph {
  const initialiser = signatures.get(INITIALISER)?.outputs.get(INITIALISER)?.name;
  const before = INITIALISERS_BEFORE.flatMap((name) => collections.get(name)?.names ?? []);
  return {
    nodes,
    functions,
    gradients,
    assets: assets.length > 0 ? assets : (collections.get(ASSETS_BEFORE)?.messages ?? []).map(readAsset),
    restore: saver.restore === '' ? undefined : { node: saver.restore, path: saver.path },
    initialisers: initialiser === undefined ? before : [initialiser, ...before],
  };
}

const specsOf = (tensors: ReadonlyMap<string, TensorInfo>): TensorSpec[] =>
  [...tensors]
    .map(([name, { name: node, composite, dtype, shape }]) => {
      if (composite) {
        const words = `tensor ${name} is sparse or ragged, for which the protocols have no words; export it with dense tensors`;
        throw new ModelError('ModelMalformed', words);
      }
      const known = shape && { dim: shape.sizes.map((size) => ({ size })), unknownRank: shape.unknownRank };
      return specOf(name, nameOfType(plainType(dtype)), known, node);
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** The files of a SavedModel: the graph, and beside it its weights where they are many. */
import { attribute, encodeSavedModel, type NodeDef } from '../graph-writer.ts';
import type { Signature } from '../signature.ts';
import { constantOf, type Graph } from './graph.ts';

/** A file of a converted model; its parts are made as they are read. */
export interface ConvertedFile {
  readonly path: string;
  readonly read: () => Iterable<Uint8Array>;
}

export function filesOf(graph: Graph, signature: Signature): ConvertedFile[] {
  const nodes: NodeDef[] = [...graph.weights.map(constantOf), ...graph.main.nodes];
  const bytes = encodeSavedModel({ nodes, functions: graph.functions, signature });
  return [{ path: 'saved_model.pb', read: () => [bytes] }];
}
void attribute;

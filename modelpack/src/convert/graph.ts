/** A graph that is being made: its nodes, the functions that its loops call, and its weights. */
import { attribute, type FunctionDef, type NodeDef } from '../graph-writer.ts';
import type { Datatype } from '../signature.ts';
import { nodeName, Scope, type Result } from './scope.ts';
import { elements, type Tensor } from './tensor.ts';

/** A weight as the graph needs it; its bytes are read when they are written. */
export interface GraphWeight {
  readonly name: string;
  readonly dtype: Datatype;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly read: () => Uint8Array;
}

export const WIDTH: Partial<Record<Datatype, number>> = {
  BOOL: 1,
  UINT8: 1,
  INT8: 1,
  INT16: 2,
  UINT16: 2,
  FP16: 2,
  BF16: 2,
  INT32: 4,
  FP32: 4,
  INT64: 8,
  FP64: 8,
};

export class Graph {
  readonly main = new Scope();
  readonly functions: FunctionDef[] = [];
  readonly #weights = new Map<string, GraphWeight & { ref: string }>();
  readonly #taken = new Set<string>();

  /** The same weight for every call of a layer. `key` tells layer and weight. */
  weight(key: readonly string[], dtype: Datatype, shape: readonly number[], read: () => Uint8Array): Tensor {
    const id = JSON.stringify(key);
    const before = this.#weights.get(id);
    if (before !== undefined) return { ref: before.ref, dtype, shape };
    const ref = this.main.free(key.map(nodeName).join('/'));
    const bytes = elements(shape) * (WIDTH[dtype] ?? 0);
    this.#weights.set(id, { ref, name: ref, dtype, shape, bytes, read });
    return { ref, dtype, shape };
  }

  get weights(): readonly GraphWeight[] {
    return [...this.#weights.values()];
  }

  /** Makes a function; `body` is given its parameters and tells its results. */
  define(
    wanted: string,
    parameters: readonly (Result & { name: string })[],
    body: (g: Scope, parameters: readonly Tensor[]) => readonly Tensor[],
  ): string {
    let name = nodeName(wanted).replace(/[.-]/g, '_');
    for (let i = 1; this.#taken.has(name); i++) name = `${nodeName(wanted)}_${i}`;
    this.#taken.add(name);
    const g = new Scope(true);
    const given = parameters.map((one) => g.parameter(one.name, one));
    const results = body(g, given);
    this.functions.push({
      name,
      parameters: parameters.map((one) => ({ name: one.name, type: one.dtype })),
      results: results.map(({ dtype }, i) => ({ name: `result_${i}`, type: dtype })),
      nodes: g.nodes,
      returns: Object.fromEntries(results.map(({ ref }, i) => [`result_${i}`, ref])),
    });
    return name;
  }
}

/** The weight itself in the graph. */
export const constantOf = ({ name, dtype, shape, read }: GraphWeight): NodeDef => ({
  name,
  op: 'Const',
  attributes: { dtype: attribute.type(dtype), value: attribute.tensor(dtype, shape, read()) },
});

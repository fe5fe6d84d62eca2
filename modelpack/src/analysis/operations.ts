/** The table of TensorFlow's operations, looked up by name. Pure. */
import type { GraphNode } from '../graph.ts';
import { OPERATIONS } from './operations.gen.ts';
import type { RowRule } from './sorted/rows.ts';

export interface Operation {
  rows: RowRule;
  /** It may answer another time something else, or change what others answer. */
  stateful: boolean;
  outputs: readonly Output[];
}
interface Output {
  name: string;
  /** Attribute that says how many tensors it is. */
  several: string | undefined;
  /** Attribute that says of which type they are, or that type. */
  type: string | number | undefined;
}

const table = new Map<string, Operation>();
for (const line of OPERATIONS.split('\n')) {
  const [name = '', rows = '', ...outputs] = line.trim().split(' ');
  table.set(name.replace('!', ''), {
    rows: rows as RowRule,
    stateful: name.endsWith('!'),
    outputs: outputs.map(outputOf),
  });
}

function outputOf(text: string): Output {
  const [whole = '', type] = text.split('=');
  const [name = '', several] = whole.split(':');
  return { name, several, type: type?.startsWith('#') ? Number(type.slice(1)) : type };
}

/** Operations that only TensorFlow.js has. */
for (const [name, rows] of [
  ['FusedDepthwiseConv2dNative', 'convolution'],
  ['Prelu', 'broadcast'],
] as const) {
  table.set(name, { rows, stateful: false, outputs: [{ name: 'output', several: undefined, type: undefined }] });
}

export const operationOf = (op: string): Operation | undefined => table.get(op);

/** The number of an output among all tensors of a node, by its name, as functions write it: `node:output:1`. */
export function outputIndex(node: GraphNode, output: string, index: number): number | undefined {
  let before = 0;
  for (const { name, several } of table.get(node.op)?.outputs ?? []) {
    if (name === output) return before + index;
    const { number, types } = several === undefined ? { number: 1 } : (node.attributes.get(several) ?? {});
    const count = number ?? types?.length;
    if (count === undefined) return undefined;
    before += count;
  }
  return undefined;
}

/** TensorFlow's type of an output of a node, by its number; undefined when the graph does not tell. */
export function outputType(node: GraphNode, index: number): number | undefined {
  let before = 0;
  for (const { several, type } of table.get(node.op)?.outputs ?? []) {
    const { number, types } = several === undefined ? { number: 1 } : (node.attributes.get(several) ?? {});
    const count = number ?? types?.length;
    if (count === undefined) return undefined;
    if (index < before + count) {
      if (types !== undefined) return types[index - before];
      return typeof type === 'string' ? node.attributes.get(type)?.type : type;
    }
    before += count;
  }
  return undefined;
}

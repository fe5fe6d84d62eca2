/** Where the name of a file comes from: one of the tensors that only the server gives, or anywhere else. Pure. */
import type { GraphFunction, GraphNode } from '../graph.ts';
import type { Site } from './reach.ts';
import { tensorKey } from './reach.ts';

const HANDS_ON = new Set(['Identity', 'PlaceholderWithDefault', 'StopGradient', 'Snapshot']);
/** A variable may be used so without being changed, but for what is assigned. */
const USES = new Set(['AssignVariableOp', 'ReadVariableOp', 'VarIsInitializedOp']);
const CALLS = new Set(['PartitionedCall', 'StatefulPartitionedCall']);

const dataInputs = ({ inputs }: GraphNode): string[] => inputs.filter((name) => !name.startsWith('^'));

/** All that runs, looked up by what leads from one node to another; made once for all the questions about it. */
export class Origins {
  #callers: Map<string, Caller[]> | undefined;
  #nodes: Map<string, GraphNode> | undefined;

  constructor(private readonly sites: readonly Site[]) {}

  /**
   * Whether an input of a node is, by way of nothing but identities and arguments of functions, one of the tensors `given` of the
   * graph. A function that is called from several places must be given it by all of them.
   */
  comesFrom(start: Site, input: number, given: ReadonlySet<string>): boolean {
    const callers = (this.#callers ??= callersOf(this.sites));
    const waiting: { site: Site; input: number }[] = [{ site: start, input }];
    const seen = new Set<string>();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { node, within } = next.site;
      const name = dataInputs(node)[next.input];
      if (name === undefined) return false;
      const id = `${within?.name ?? ''} ${name}`;
      if (seen.has(id)) continue;
      seen.add(id);
      if (within === undefined && given.has(tensorKey(name))) continue;
      const argument = within?.parameters.findIndex((one) => one.name === name) ?? -1;
      if (within !== undefined && argument >= 0) {
        const calls = callers.get(within.name) ?? [];
        if (!allGive(within, calls)) return false;
        waiting.push(...calls.map(({ site }) => ({ site, input: argument })));
        continue;
      }
      const from = this.source(within, name);
      const before = from && handedFrom({ node: from, within }, this.sites);
      if (before === undefined) return false;
      waiting.push(...before);
    }
    return true;
  }

  /** The node that makes a tensor, in the graph or in a function. */
  source(within: GraphFunction | undefined, tensor: string): GraphNode | undefined {
    this.#nodes ??= new Map(this.sites.map((site) => [key(site.within?.name, site.node.name), site.node]));
    return this.#nodes.get(key(within?.name, tensor.split(':', 1)[0] ?? ''));
  }
}

/** Where a node has what it answers; undefined when it makes it itself. */
function handedFrom({ node, within }: Site, sites: readonly Site[]): { site: Site; input: number }[] | undefined {
  if (HANDS_ON.has(node.op)) return [{ site: { node, within }, input: 0 }];
  if (node.op !== 'ReadVariableOp' || within !== undefined) return undefined;
  return assignmentBefore(node, sites)?.map((assigning) => ({ site: { node: assigning, within }, input: 1 }));
}

const sharedName = ({ attributes }: GraphNode): string => attributes.get('shared_name')?.text ?? '';

/**
 * Who sets the variable that a node of the graph reads, when one of them runs before it, and nothing else could: TensorFlow 2 keeps
 * the path of an asset so. Undefined where that is not certain.
 */
function assignmentBefore(read: GraphNode, sites: readonly Site[]): GraphNode[] | undefined {
  const [handle] = dataInputs(read);
  const variable = sites.find(
    ({ node, within }) => within === undefined && handle !== undefined && tensorKey(handle) === tensorKey(node.name),
  )?.node;
  if (variable?.op !== 'VarHandleOp') return undefined;
  const uses = sites.filter(
    ({ node, within }) =>
      within === undefined && dataInputs(node).some((name) => tensorKey(name) === tensorKey(variable.name)),
  );
  const assigning = uses.filter(({ node }) => node.op === 'AssignVariableOp').map(({ node }) => node);
  const onlyRead = uses.every(({ node }) => USES.has(node.op));
  const others = sites.filter(({ node }) => node.op === 'VarHandleOp' && sharedName(node) === sharedName(variable));
  const before = assigning.some(({ name }) => read.inputs.includes(`^${name}`));
  return onlyRead && others.length === 1 && before ? assigning : undefined;
}

interface Caller {
  site: Site;
  /** It hands its own inputs on as arguments, one for one. */
  direct: boolean;
}

const allGive = ({ parameters }: GraphFunction, calls: readonly Caller[]): boolean =>
  calls.length > 0 && calls.every(({ direct }) => direct) && !parameters.some(({ list }) => list);

const key = (scope: string | undefined, node: string): string => `${scope ?? ''} ${node}`;

/** Who runs a function. */
function callersOf(sites: readonly Site[]): Map<string, Caller[]> {
  const callers = new Map<string, Caller[]>();
  const add = (name: string, site: Site, direct: boolean) => {
    const known = callers.get(name) ?? [];
    known.push({ site, direct });
    callers.set(name, known);
  };
  for (const site of sites) {
    const { op, attributes } = site.node;
    add(op, site, true);
    for (const [attribute, { functions = [] }] of attributes) {
      functions.forEach((name, i) => add(name, site, CALLS.has(op) && attribute === 'f' && i === 0));
    }
  }
  return callers;
}

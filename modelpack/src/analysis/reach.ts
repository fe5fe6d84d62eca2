/** What runs when tensors of a graph are asked for: over data, over control, and within every function that is named. Pure. */
import type { GraphFunction, GraphNode, ModelGraph } from '../graph.ts';

/** A node that runs. */
export interface Site {
  node: GraphNode;
  /** The function that it is part of; undefined in the graph itself. */
  within: GraphFunction | undefined;
}

/** `node:0` for a tensor, however its name is written. */
export function tensorKey(name: string): string {
  if (!name.includes(':')) return `${name}:0`;
  const [node = '', index = '0'] = name.split(':');
  return `${node}:${index}`;
}

function nodeOf(name: string): string {
  const plain = name.startsWith('^') ? name.slice(1) : name;
  const colon = plain.indexOf(':');
  return colon < 0 ? plain : plain.slice(0, colon);
}

/** The functions of a graph, by what names them. */
class Library {
  readonly #functions: ReadonlyMap<string, GraphFunction>;
  readonly #twins = new Map<string, GraphFunction[]>();

  constructor(private readonly graph: ModelGraph) {
    this.#functions = new Map(graph.functions.map((one) => [one.name, one]));
    for (const one of graph.functions) {
      const interfaceName = one.attributes.get('api_implements')?.text;
      if (interfaceName === undefined) continue;
      const twins = this.#twins.get(interfaceName) ?? [];
      twins.push(one);
      this.#twins.set(interfaceName, twins);
    }
  }

  has(name: string): boolean {
    return this.#functions.has(name);
  }

  /** Those that a node may run: its attributes name them, or it is itself called like one. */
  namedBy({ op, attributes }: Pick<GraphNode, 'attributes'> & { op?: string }): GraphFunction[] {
    if (this.#functions.size === 0) return [];
    const found: GraphFunction[] = [];
    const add = (name: string) => {
      const one = this.#functions.get(name);
      if (one !== undefined) found.push(one);
    };
    if (op !== undefined) add(op);
    for (const { functions } of attributes.values()) functions?.forEach(add);
    return found;
  }

  /** Those that may run in its place, or compute its gradient. */
  besides(one: GraphFunction): GraphFunction[] {
    const gradient = this.#functions.get(this.graph.gradients.get(one.name) ?? '');
    const interfaceName = one.attributes.get('api_implements')?.text;
    const twins = interfaceName === undefined ? [] : (this.#twins.get(interfaceName) ?? []);
    return [...twins, ...(gradient ? [gradient] : []), ...this.namedBy(one)];
  }
}

export class Reach {
  readonly #library: Library;
  readonly #nodes = new Map<string, GraphNode[]>();

  constructor(graph: ModelGraph) {
    this.#library = new Library(graph);
    for (const node of graph.nodes) {
      const same = this.#nodes.get(node.name);
      if (same === undefined) this.#nodes.set(node.name, [node]);
      else same.push(node);
    }
  }

  isFunction(name: string): boolean {
    return this.#library.has(name);
  }

  /** Nodes of the graph of this name. TensorFlow refuses two; here each is looked at. */
  named(name: string): readonly GraphNode[] {
    return this.#nodes.get(nodeOf(name)) ?? [];
  }

  /** Everything that runs for these tensors or nodes, where the tensors `fed` are given instead of computed. */
  from(wanted: readonly string[], fed: ReadonlySet<string>): Site[] {
    const sites: Site[] = [];
    const seen = new Set<string>();
    const functions = new Set<GraphFunction>();
    const fedNodes = new Set([...fed].map(nodeOf));
    const isFed = (name: string) => fedNodes.has(nodeOf(name)) && fed.has(tensorKey(name));
    const waiting = wanted.filter((name) => !isFed(name)).map(nodeOf);
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      for (const node of this.#nodes.get(name) ?? []) {
        sites.push({ node, within: undefined });
        for (const input of node.inputs) {
          // What is given is not computed; a node that must only run before is run all the same.
          if (input.startsWith('^') || !isFed(input)) waiting.push(nodeOf(input));
        }
        for (const one of this.#library.namedBy(node)) functions.add(one);
      }
    }
    // A set goes on with what is added meanwhile.
    for (const one of functions) {
      for (const other of this.#library.besides(one)) functions.add(other);
      for (const node of one.nodes) {
        sites.push({ node, within: one });
        for (const other of this.#library.namedBy(node)) functions.add(other);
      }
    }
    return sites;
  }
}

/**
 * Follows values through a graph and the functions it calls, from what is asked for back to the inputs. Each node is
 * looked at once for each way its function is called. Pure.
 */
import type { GraphFunction, GraphNode, ModelGraph } from '../graph.ts';
import { operationOf, outputIndex } from './operations.ts';
import { RULES } from './rules/index.ts';
import { attribute, MissingInput, type Outcome } from './rules/rule.ts';
import { alike, constant, either, isDoubt, isFree, mixing, unknown, type Known, type Value } from './value.ts';

/** Functions within functions; TensorFlow allows more, models have fewer than ten. */
const DEEPEST = 64;
/** Rounds of a loop until what is known of its variables no longer changes. */
const MOST_ROUNDS = 8;
const MOST_VISITS_PER_NODE = 16;

/** A graph, or a function that is called with these arguments. */
interface Scope {
  nodes: ReadonlyMap<string, GraphNode>;
  /** Values of tensors that are given from outside, by their reference. */
  given: ReadonlyMap<string, Value>;
  /** Nodes and arguments whose tensors these are: of most it need not be asked which. */
  givenNodes: ReadonlySet<string>;
  ofFunction: boolean;
  depth: number;
  found: Map<string, Outcome | 'open'>;
}

interface Reference {
  node: string;
  output: string | undefined;
  index: number;
}

export class Evaluation {
  readonly #functions = new Map<string, GraphFunction>();
  readonly #nodesOf = new Map<GraphFunction, ReadonlyMap<string, GraphNode>>();
  readonly #twins = new Map<string, GraphFunction[]>();
  readonly #calls = new Map<string, Value[] | Value>();
  readonly #nodes: ReadonlyMap<string, GraphNode>;
  #visits: number;

  constructor({ nodes, functions }: Pick<ModelGraph, 'nodes' | 'functions'>) {
    this.#nodes = byName(nodes);
    for (const one of functions) {
      this.#functions.set(one.name, one);
      const { text } = one.attributes.get('api_implements') ?? {};
      if (text !== undefined) this.#twins.set(text, [...(this.#twins.get(text) ?? []), one]);
    }
    const all = functions.reduce((sum, one) => sum + one.nodes.length, nodes.length);
    this.#visits = MOST_VISITS_PER_NODE * (all + 1000);
  }

  /** Two nodes or functions of the same name: it cannot be told which of them is meant. */
  hasTwins({ nodes, functions }: Pick<ModelGraph, 'nodes' | 'functions'>): boolean {
    return (
      this.#nodes.size !== nodes.length ||
      this.#functions.size !== functions.length ||
      functions.some((one) => this.#namesOf(one).size !== one.nodes.length)
    );
  }

  /** Values of these tensors of the graph, `node:1`, where others are given. */
  values(wanted: readonly string[], given: ReadonlyMap<string, Value>): Value[] {
    const named = new Map([...given].map(([name, value]) => [keyOf(reference(name, false)), value]));
    const scope = scopeOf(this.#nodes, named, false, 0);
    return wanted.map((name) => this.#valueOf(scope, name));
  }

  #valueOf(scope: Scope, name: string): Value {
    this.#settle(scope, name);
    return this.#read(scope, name);
  }

  /** Depth first, without recursion: a chain may be as long as the graph. */
  #settle(scope: Scope, name: string): void {
    const wanted = reference(name, scope.ofFunction);
    if (givenIn(scope, wanted) !== undefined) return;
    const stack = [wanted.node];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const node = scope.nodes.get(top);
      const state = scope.found.get(top);
      if (node === undefined || (state !== undefined && state !== 'open')) stack.pop();
      else if (state === 'open') {
        scope.found.set(top, this.#outcome(scope, node));
        stack.pop();
      } else {
        scope.found.set(top, 'open');
        for (const input of node.inputs) {
          if (input.startsWith('^')) continue;
          const from = reference(input, scope.ofFunction);
          if (!scope.found.has(from.node) && givenIn(scope, from) === undefined) stack.push(from.node);
        }
      }
    }
  }

  #read(scope: Scope, name: string): Value {
    const from = reference(name, scope.ofFunction);
    const given = givenIn(scope, from);
    if (given !== undefined) return given;
    const node = scope.nodes.get(from.node);
    const found = scope.found.get(from.node);
    if (node === undefined || found === undefined) return { ...unknown('there is no such node'), node: from.node };
    if (found === 'open') return { ...unknown('it is part of a circle'), node: from.node };
    if (!Array.isArray(found)) return found;
    const index = from.output === undefined ? from.index : this.#outputIndex(node, from.output, from.index);
    return (index === undefined ? undefined : found[index]) ?? { ...unknown('it has no such output'), node: from.node };
  }

  #outputIndex(node: GraphNode, output: string, index: number): number | undefined {
    const called = this.#functions.get(node.op);
    if (called === undefined) return outputIndex(node, output, index);
    const place = called.results.findIndex(({ name }) => name === output);
    return place < 0 ? undefined : place + index;
  }

  #outcome(scope: Scope, node: GraphNode): Outcome {
    if (this.#visits-- <= 0) return { ...unknown('the graph is too large to be looked through'), node: node.name };
    const inputs: Value[] = [];
    for (const name of node.inputs) if (!name.startsWith('^')) inputs.push(this.#read(scope, name));
    const outcome = this.#apply(scope, node, inputs);
    const decided = (value: Value): Value =>
      isDoubt(value) && value.node === undefined ? { ...value, node: node.name } : value;
    return Array.isArray(outcome) ? outcome.map(decided) : decided(outcome);
  }

  #apply(scope: Scope, node: GraphNode, inputs: readonly Value[]): Outcome {
    if (this.#functions.has(node.op)) return this.#call(node.op, inputs, scope.depth);
    const operation = operationOf(node.op);
    if (operation === undefined) return unknown(`the operation ${node.op} is not known`);
    const { rows, stateful } = operation;
    if (rows === 'call') return this.#call(called(node, 'f'), inputs, scope.depth);
    if (rows === 'loop') return this.#loop(node, inputs, scope.depth);
    const doubt = inputs.find(isDoubt);
    if (doubt !== undefined) return doubt;
    const known = inputs as readonly Known[];
    if (rows === 'branch') return this.#branch(node, known, scope.depth);
    if (rows === 'switched') return switched(known);
    if (rows === 'merge') return merge(known);
    if ((rows === 'unknown' || rows === 'mixing') && !stateful && known.length > 0 && known.every(isFree))
      return constant();
    try {
      return RULES[rows]({ node, inputs: known });
    } catch (error) {
      if (error instanceof MissingInput) return unknown(error.message);
      throw error;
    }
  }

  /** The results of a function. */
  #call(name: string | undefined, inputs: readonly Value[], depth: number): Outcome {
    const called = name === undefined ? undefined : this.#functions.get(name);
    if (called === undefined) return unknown(`there is no function ${name}`);
    const { text } = called.attributes.get('api_implements') ?? {};
    const twins = text === undefined ? [] : (this.#twins.get(text) ?? []);
    if (twins.some((one) => one !== called && !prefersGpu(one))) {
      return unknown('TensorFlow may run another function in its place (api_implements)');
    }
    if (depth >= DEEPEST) return unknown('functions call each other too deep');
    if ([...called.parameters, ...called.results].some(({ list }) => list)) return unknown('a function takes lists');
    const key = `${called.name} ${JSON.stringify(inputs)}`;
    const before = this.#calls.get(key);
    if (before !== undefined) return before;
    const given = new Map(
      called.parameters.map(({ name: own }, i): [string, Value] => [
        own,
        inputs[i] ?? unknown('an argument is missing'),
      ]),
    );
    const scope = scopeOf(this.#namesOf(called), keyed(given), true, depth + 1);
    const results = called.results.map(({ name: own }) => this.#valueOf(scope, called.returns.get(own) ?? own));
    this.#calls.set(key, results);
    return results;
  }

  #namesOf(called: GraphFunction): ReadonlyMap<string, GraphNode> {
    const known = this.#nodesOf.get(called) ?? byName(called.nodes);
    this.#nodesOf.set(called, known);
    return known;
  }

  /** One of several functions, the same one for all rows. */
  #branch(node: GraphNode, [choice, ...inputs]: readonly Known[], depth: number): Outcome {
    if (choice === undefined) return unknown('it has no input to choose by');
    if (!isFree(choice)) return mixing('it chooses one way for all rows');
    const named = attribute({ node }, 'branches').functions ?? [
      called(node, 'then_branch'),
      called(node, 'else_branch'),
    ];
    const outcomes = named.map((name) => this.#call(name, inputs, depth));
    return outcomes.reduce(eitherOutcome);
  }

  #loop(node: GraphNode, inputs: readonly Value[], depth: number): Outcome {
    let state = inputs;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const again = first(this.#call(called(node, 'cond'), state, depth));
      if (isDoubt(again)) return again;
      if (!isFree(again)) return mixing('how often it repeats is one number for all rows');
      const body = this.#call(called(node, 'body'), state, depth);
      if (!Array.isArray(body)) return body;
      const next = state.map((value, i) => eitherValue(value, body[i] ?? unknown('the loop loses a variable')));
      if (JSON.stringify(next) === JSON.stringify(state)) return next;
      state = next;
    }
    return unknown('what its variables become is not known');
  }
}

function switched([value, choice]: readonly Known[]): Outcome {
  if (value === undefined || choice === undefined) return unknown('an input is missing');
  return isFree(choice) ? [value, value] : mixing('it chooses one way for all rows');
}

const merge = (inputs: readonly Known[]): Outcome =>
  inputs.length === 0
    ? unknown('an input is missing')
    : [(inputs as readonly Value[]).reduce(eitherValue), constant([])];

const first = (outcome: Outcome): Value =>
  Array.isArray(outcome) ? (outcome[0] ?? unknown('it has no output')) : outcome;

function eitherOutcome(a: Outcome, b: Outcome): Outcome {
  if (!Array.isArray(a)) return a;
  if (!Array.isArray(b)) return b;
  return a.map((value, i) => eitherValue(value, b[i] ?? unknown('it has no such output')));
}

const eitherValue = (a: Value, b: Value): Value => (isDoubt(a) ? a : isDoubt(b) ? b : alike(a, b) ? a : either(a, b));

const called = (node: GraphNode, name: string): string | undefined => attribute({ node }, name).functions?.[0];

const prefersGpu = ({ attributes }: GraphFunction): boolean => attributes.get('api_preferred_device')?.text === 'GPU';

function byName(nodes: readonly GraphNode[]): ReadonlyMap<string, GraphNode> {
  const named = new Map<string, GraphNode>();
  for (const node of nodes) named.set(node.name, node);
  return named;
}

const keyed = (given: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> =>
  new Map([...given].map(([name, value]) => [`${name}:0`, value]));

const scopeOf = (nodes: Scope['nodes'], given: Scope['given'], ofFunction: boolean, depth: number): Scope => ({
  ...{ nodes, given, ofFunction, depth, found: new Map() },
  givenNodes: new Set([...given.keys()].map((name) => name.slice(0, name.indexOf(':')))),
});

const givenIn = ({ given, givenNodes }: Scope, from: Reference): Value | undefined =>
  givenNodes.has(from.node) ? given.get(keyOf(from)) : undefined;

/** `node`, `node:1`; within functions `argument`, `node:output`, `node:output:1`. */
function reference(name: string, ofFunction: boolean): Reference {
  const plain = name.startsWith('^') ? name.slice(1) : name;
  if (!plain.includes(':')) return { node: plain, output: undefined, index: 0 };
  const [node = '', second, third] = plain.split(':');
  if (ofFunction) return { node, output: second, index: Number(third ?? 0) };
  return { node, output: undefined, index: Number(second ?? 0) };
}

const keyOf = ({ node, output, index }: Reference): string =>
  output === undefined ? `${node}:${index}` : `${node}:${output}:${index}`;

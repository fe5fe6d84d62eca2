import { checkMoment, checkRest } from './rules.ts';
import { begin, CLUSTER, type Move, people, type Scenario } from './scenario.ts';
import { type Simulator, writesOf } from './simulator.ts';
import { stateKey } from './state-key.ts';

/**
 * Explores a small world. Left to itself it goes one way: the operator makes its writes, then Kubernetes' controllers move
 * step by step. From every state of that way it is led astray by everything that can happen instead, as often as a budget
 * allows: a pass that dies after any write, one that decides on an older view, a controller that is quicker or slower, a
 * person who applies another version, undoes, pauses, asks for an action, pods that die. (Emmi, Qadeer, Rakamarić 2011,
 * "Delay-bounded scheduling": few deviations, at every place, find what orders of events can break.) Each state is looked
 * at once.
 */
export interface Exploration {
  /** Distinct states that were seen, and moves between them. */
  states: number;
  moves: number;
  /** All that can be reached within the budget was seen. */
  exhausted: boolean;
  /** Broken rules, each with the way that leads there. */
  broken: string[];
}

export interface ExploreOptions extends Scenario {
  /** How often it is led astray. */
  budget: number;
  maxStates: number;
  /** Every so many states the world is left alone, and must come to rest well. */
  restEvery: number;
}

/** How a state was reached, from the end. */
interface Way {
  by: string;
  from: Way | undefined;
}

interface Node {
  sim: Simulator;
  budget: number;
  /** Pods of a good revision have died: fewer may answer than are promised. */
  accident: boolean;
  way: Way;
}

export function explore(options: ExploreOptions): Exploration {
  const first: Node = {
    sim: begin(options),
    budget: options.budget,
    accident: false,
    way: { by: 'start', from: undefined },
  };
  const seen = new Set([keyOf(first)]);
  const queue: (Node | undefined)[] = [first];
  const result: Exploration = { states: 1, moves: 0, exhausted: false, broken: [] };
  const look = (rule: typeof checkMoment, { sim, accident, way }: Node): void => {
    const wrong = rule(sim, options, accident);
    if (wrong !== undefined) result.broken.push(`${wrong}\n    ${tell(way)}`);
  };
  for (let head = 0; head < queue.length && result.broken.length < 3; head++) {
    const node = queue[head] as Node;
    // A queue that keeps what it has done with would keep every state.
    queue[head] = undefined;
    if (head % options.restEvery === 0) look(checkRest, node);
    for (const next of successors(node, options)) {
      result.moves++;
      const key = keyOf(next);
      if (seen.has(key)) continue;
      if (seen.size >= options.maxStates) return { ...result, states: seen.size };
      seen.add(key);
      look(checkMoment, next);
      queue.push(next);
    }
  }
  return { ...result, states: seen.size, exhausted: result.broken.length === 0 };
}

const keyOf = ({ sim, budget, accident }: Node): string => `${budget}|${accident}|${stateKey(sim)}`;

function tell(way: Way): string {
  const steps: string[] = [];
  for (let at: Way | undefined = way; at !== undefined; at = at.from) steps.unshift(at.by);
  return steps.join(' → ');
}

/** What may follow: first what does if it is left to itself, which is free, then all that leads it astray. */
function* successors(node: Node, scenario: Scenario): Generator<Node> {
  const decided = node.sim.decide();
  const writes = writesOf(decided);
  const pass: Move = ['pass', (sim) => sim.reconcile(Infinity, decided) > 0];
  let cost = 0;
  for (const move of [pass, ...CLUSTER]) {
    const next = moved(node, move, cost);
    if (next === undefined) continue;
    yield next;
    if (node.budget === 0) return;
    cost = 1;
  }
  if (node.budget === 0) return;
  const others = people(node.sim, scenario);
  const astray: Move[] = [...others];
  for (let made = 1; made < writes; made++)
    astray.push([`pass, dies after ${made}`, (sim) => sim.reconcile(made, decided) > 0]);
  if (writes > 0)
    for (const [name, apply] of [...CLUSTER, ...others]) {
      // The operator has decided before, and writes now.
      const late: Move[1] = (sim) => apply(sim) && (sim.reconcile(Infinity, decided), true);
      astray.push([`${name}, then a pass that did not see it`, late]);
    }
  for (const move of astray) {
    const next = moved(node, move, 1);
    if (next !== undefined) yield next;
  }
}

function moved({ sim: before, budget, accident, way }: Node, [by, apply]: Move, cost: number): Node | undefined {
  const sim = before.clone();
  if (!apply(sim)) return undefined;
  return { sim, budget: budget - cost, accident: accident || by.startsWith('pods of'), way: { by, from: way } };
}

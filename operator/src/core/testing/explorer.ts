import { deviations } from './deviations.ts';
import { checkMoment, checkRest, checkStep, NOTHING_YET, type Past } from './rules.ts';
import { begin, CLUSTER, type Meaning, type Move, type Scenario } from './scenario.ts';
import { type Simulator, writesOf } from './simulator.ts';
import { stateKey } from './state-key.ts';

/**
 * Explores a small world. Left to itself it goes one way: the operator makes its writes, then Kubernetes' controllers move
 * step by step. From every state of that way it is led astray by everything that can happen instead, as often as a budget
 * allows: a pass that dies after any write, one that decides on an older view, a controller that is quicker or slower, and
 * whatever deviations.ts names: people, pods that are lost. (Emmi, Qadeer, Rakamarić 2011,
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
  past: Past;
  /** What the move that led here means. */
  means: Meaning | undefined;
  way: Way;
}

export function explore(options: ExploreOptions): Exploration {
  const way = { by: 'start', from: undefined };
  const first: Node = { sim: begin(options), budget: options.budget, past: NOTHING_YET, means: undefined, way };
  const seen = new Set([keyOf(first)]);
  const queue: (Node | undefined)[] = [first];
  const result: Exploration = { states: 1, moves: 0, exhausted: false, broken: [] };
  const look = (wrong: string | undefined, at: Way): void => {
    // The first way to it is the shortest.
    if (wrong !== undefined && !result.broken.some((told) => told.startsWith(`${wrong}\n`)))
      result.broken.push(`${wrong}\n    ${tell(at)}`);
  };
  for (let head = 0; head < queue.length && result.broken.length < 5; head++) {
    const node = queue[head] as Node;
    // A queue that keeps what it has done with would keep every state.
    queue[head] = undefined;
    if (head % options.restEvery === 0) look(checkRest(node.sim, options, node.past), node.way);
    for (const next of successors(node, options)) {
      result.moves++;
      look(checkStep(node.sim, next.sim, next.past, next.means), next.way);
      const key = keyOf(next);
      if (seen.has(key)) continue;
      if (seen.size >= options.maxStates) return { ...result, states: seen.size };
      seen.add(key);
      look(checkMoment(next.sim, options, next.past), next.way);
      queue.push(next);
    }
  }
  return { ...result, states: seen.size, exhausted: result.broken.length === 0 };
}

const keyOf = ({ sim, budget, past }: Node): string => `${budget}|${past.loss}|${past.undone}|${stateKey(sim)}`;

function tell(way: Way): string {
  const steps: string[] = [];
  for (let at: Way | undefined = way; at !== undefined; at = at.from) steps.unshift(at.by);
  return steps.join(' → ');
}

/** What may follow: first what does if it is left to itself, which is free, then all that leads it astray. */
function* successors(node: Node, scenario: Scenario): Generator<Node> {
  const decided = node.sim.decide();
  const writes = writesOf(decided);
  const pass: Move = { name: 'pass', apply: (sim) => sim.reconcile(Infinity, decided) > 0 };
  let cost = 0;
  for (const move of [pass, ...CLUSTER]) {
    const next = moved(node, move, cost);
    if (next === undefined) continue;
    yield next;
    if (node.budget === 0) return;
    cost = 1;
  }
  if (node.budget === 0) return;
  const others = deviations(node.sim, scenario);
  const astray: Move[] = [...others];
  for (let made = 1; made < writes; made++)
    astray.push({ name: `pass, dies after ${made}`, apply: (sim) => sim.reconcile(made, decided) > 0 });
  for (const action of decided.actions) {
    const what = action.do === 'rollbackTo' ? action.do : `${action.do} ${action.kind}`;
    astray.push({ name: `pass, ${what} is refused`, apply: (sim) => sim.reconcileWithout(action, decided) > 0 });
  }
  if (writes > 0)
    for (const move of [...CLUSTER, ...others])
      astray.push({
        ...move,
        name: `${move.name}, then a pass that did not see it`,
        // The operator has decided before, and writes now.
        apply: (sim) => move.apply(sim) && (sim.reconcile(Infinity, decided), true),
      });
  for (const move of astray) {
    const next = moved(node, move, 1);
    if (next !== undefined) yield next;
  }
}

function moved({ sim: before, budget, past, way }: Node, move: Move, cost: number): Node | undefined {
  const sim = before.clone();
  if (!move.apply(sim)) return undefined;
  return {
    sim,
    budget: budget - cost,
    past: after(past, move.means),
    means: move.means,
    way: { by: move.name, from: way },
  };
}

function after(past: Past, means: Meaning | undefined): Past {
  switch (means) {
    case 'loss':
      return past.loss === 'none' ? { ...past, loss: 'passing' } : past;
    case 'death':
      return { ...past, loss: 'lasting' };
    case 'undo':
      return { ...past, undone: true };
    case undefined:
      return past;
  }
}

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { explore } from '../operator/src/core/testing/explorer.ts';
import { policyOf, ROLLOUTS, type World, WORLDS } from '../operator/src/core/testing/explored.ts';

/**
 * npm run explore -- [--states N] [--budget B] [--processes P]
 *
 * Goes through every order of events of small worlds, breadth first, and prints how many distinct states were seen: at most N in
 * each world, led astray at most B times. The unit tests do a slice of the same.
 */
interface Seen {
  states: number;
  failed: number;
  words: string;
}

function see(world: World, budget: number, maxStates: number): Seen {
  const { name, replicas, fates, policy } = world;
  const started = Date.now();
  const limits = { budget, maxStates, restEvery: 50 };
  const seen = explore({ rollout: ROLLOUTS[name] ?? {}, fates, replicas, policy: policyOf(world), ...limits });
  const { states, moves, exhausted, broken } = seen;
  const told = fates.map((fate) => (typeof fate === 'string' ? fate : fate.fails)).join(', ');
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  const under = policy === undefined ? '' : `, under a policy of ${policy}`;
  const head = `${name}${under}, ${replicas} pods (${told}): ${states} states, ${moves} moves`;
  const tail = `${exhausted ? ', all there are' : ''}, ${broken.length} rules broken, ${seconds} s`;
  const words = [head + tail, ...broken.map((one) => `  ${one}`)].join('\n');
  return { states, failed: broken.length, words };
}

/** Worlds are independent: each process takes the next one that nobody has. */
function seeAll(budget: string, states: string, processes: number): void {
  const waiting = [...WORLDS];
  const total = { seen: 0, states: 0, failed: 0 };
  for (let started = 0; started < processes; started++) {
    const args = ['--one', '--budget', budget, '--states', states];
    const child = fork(fileURLToPath(import.meta.url), args, { execArgv: ['--import', 'tsx'] });
    const next = (): void => {
      const world = waiting.shift();
      if (world === undefined) child.disconnect();
      else child.send(world);
    };
    child.on('message', ({ words, ...seen }: Seen) => {
      total.seen++;
      total.states += seen.states;
      total.failed += seen.failed;
      console.log(words);
      next();
    });
    next();
  }
  process.on('exit', () => {
    console.log(`${total.states} states, ${total.failed} rules broken`);
    if (total.failed > 0 || total.seen < WORLDS.length) process.exitCode = 1;
  });
}

const text = (value: string) => ({ type: 'string' as const, default: value });
const { values } = parseArgs({
  options: {
    states: text('2500'),
    budget: text('1'),
    processes: text('2'),
    one: { type: 'boolean', default: false },
  },
});
if (values.one)
  process.on('message', (world: World) => process.send?.(see(world, Number(values.budget), Number(values.states))));
else seeAll(values.budget, values.states, Number(values.processes));

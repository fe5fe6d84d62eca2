import { parseArgs } from 'node:util';
import type { Rollout } from '../operator/src/api/modeldeployment.gen.ts';
import { explore } from '../operator/src/core/testing/explorer.ts';
import type { Fate } from '../operator/src/core/testing/kubelet.ts';

/**
 * npm run explore -- [--states N] [--budget B]
 *
 * Goes through every order of events of small worlds, breadth first, and prints how many distinct states were seen. The unit
 * tests do a slice of the same.
 */
const { values: options } = parseArgs({
  options: { states: { type: 'string', default: '200000' }, budget: { type: 'string', default: '2' } },
});

const BAD: Fate = { fails: 'ModelLoadFailed' };
const STRATEGIES: Record<string, Rollout> = {
  Canary: { strategy: 'Canary', canary: { steps: [{ weight: 20, seconds: 60 }, { weight: 60 }] } },
  'Canary, known revisions on trial too': {
    strategy: 'Canary',
    canary: { steps: [{ weight: 50, seconds: 60 }] },
    knownRevisions: 'Trial',
  },
  'Canary, by an HTTPRoute': {
    strategy: 'Canary',
    canary: { steps: [{ weight: 20, seconds: 60 }, { weight: 60 }] },
    trafficRouting: 'GatewayAPI',
    gatewayAPI: { httpRoutes: ['public'] },
  },
  'Canary, failures kept': { strategy: 'Canary', onFailure: 'Pause' },
  BlueGreen: { strategy: 'BlueGreen', knownRevisions: 'Trial' },
  Shadow: { strategy: 'Shadow', shadow: { promotion: 'Auto' } },
  RollingUpdate: {},
};
const FATES: readonly [Fate, Fate, Fate][] = [
  ['serves', 'serves', 'serves'],
  ['serves', 'serves', BAD],
  ['serves', 'crashes', 'loads slowly'],
];

let total = 0;
let failed = 0;
for (const [name, rollout] of Object.entries(STRATEGIES)) {
  for (const fates of FATES) {
    const started = Date.now();
    const { states, moves, exhausted, broken } = explore({
      rollout,
      fates,
      replicas: 2,
      budget: Number(options.budget),
      maxStates: Number(options.states),
      restEvery: 50,
    });
    total += states;
    failed += broken.length;
    const told = fates.map((fate) => (typeof fate === 'string' ? fate : fate.fails)).join(', ');
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    console.log(
      `${name} (${told}): ${states} states, ${moves} moves${exhausted ? ', all there are' : ''}, ${broken.length} rules broken, ${seconds} s`,
    );
    if (broken[0] !== undefined) console.log(`  ${broken[0]}`);
  }
}
console.log(`${total} states, ${failed} rules broken`);
process.exitCode = failed === 0 ? 0 : 1;

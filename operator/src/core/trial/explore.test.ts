import { describe, expect, it } from '@jest/globals';
import type { Rollout } from '../../api/modeldeployment.gen.ts';
import { explore } from '../testing/explorer.ts';
import type { Fate } from '../testing/kubelet.ts';

const CANARY: Rollout = { strategy: 'Canary', canary: { steps: [{ weight: 20, seconds: 60 }, { weight: 60 }] } };
const BY_ROUTE: Rollout = { ...CANARY, trafficRouting: 'GatewayAPI', gatewayAPI: { httpRoutes: ['public'] } };
const BAD: Fate = { fails: 'ModelLoadFailed' };
/** A slice of what `npm run explore` goes through in full. */
const SLICE = { replicas: 2, budget: 1, maxStates: 20_000, restEvery: 25 };

describe('every order of events', () => {
  it.each<[string, Rollout, [Fate, Fate, Fate]]>([
    ['a canary, all versions good', CANARY, ['serves', 'serves', 'serves']],
    ['a canary of a bad version', CANARY, ['serves', BAD, 'serves']],
    ['a canary by an HTTPRoute', BY_ROUTE, ['serves', 'serves', BAD]],
    ['blue-green', { strategy: 'BlueGreen' }, ['serves', 'serves', BAD]],
    ['a shadow', { strategy: 'Shadow' }, ['serves', 'serves', BAD]],
    ['a rolling update', {}, ['serves', 'serves', BAD]],
  ])('of %s keeps the rules, and ends well', (_name, rollout, fates) => {
    const { broken, states } = explore({ ...SLICE, rollout: { ...rollout, bakeSeconds: 0 }, fates });
    expect(broken).toEqual([]);
    expect(states).toBeGreaterThan(200);
  });
});

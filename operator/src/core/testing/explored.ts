import type { Rollout } from '../../api/modeldeployment.gen.ts';
import type { Fate } from './kubelet.ts';
import { POLICIES } from './policies.ts';
import type { Policy } from './policy.ts';

const BAD: Fate = { fails: 'ModelLoadFailed' };

/** The ways of a rollout that are explored. Gates are shut by persons, by time, and by the analysis. */
export const ROLLOUTS: Readonly<Record<string, Rollout>> = {
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
  'Canary, judged': {
    strategy: 'Canary',
    canary: { steps: [{ weight: 20, seconds: 60 }] },
    analysis: { minRequests: 100 },
  },
  'Canary, a dead revision opens gates': {
    strategy: 'Canary',
    canary: { steps: [{ weight: 20 }] },
    whenStableDies: 'TakeOver',
  },
  'Canary, failures kept': { strategy: 'Canary', onFailure: 'Pause' },
  BlueGreen: { strategy: 'BlueGreen', knownRevisions: 'Trial' },
  'BlueGreen, by hand': { strategy: 'BlueGreen', blueGreen: { switch: 'Manual' } },
  Shadow: { strategy: 'Shadow', shadow: { promotion: 'Auto' }, analysis: { minRequests: 100 } },
  'Shadow, by hand': { strategy: 'Shadow' },
  RollingUpdate: {},
};

/** Fates of versions 1, 2 and 3. */
export const FATES: readonly [[Fate, Fate, Fate], ...[Fate, Fate, Fate][]] = [
  ['serves', 'serves', 'serves'],
  ['serves', 'serves', BAD],
  ['serves', 'crashes', 'loads slowly'],
];

export interface World {
  name: string;
  replicas: number;
  fates: readonly [Fate, Fate, Fate];
  /** The admission policy that was there before. */
  policy?: string;
}

const POLICED = ['Canary', 'BlueGreen', 'RollingUpdate'];

/** All that `npm run explore` goes through: the rollouts, and some of them where admission changes what is written from the beginning. */
export const WORLDS: readonly World[] = [
  ...Object.keys(ROLLOUTS).flatMap((name) =>
    FATES.flatMap((fates) => [1, 2].map((replicas) => ({ name, fates, replicas }))),
  ),
  ...POLICIES.filter(({ isBad }) => isBad !== true).flatMap(({ name: policy }) =>
    POLICED.map((name) => ({ name, fates: FATES[0], replicas: 1, policy })),
  ),
];

export const policyOf = ({ policy }: World): Policy | undefined => POLICIES.find(({ name }) => name === policy);

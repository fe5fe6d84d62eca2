import { describe, expect, it } from '@jest/globals';
import { explore } from '../testing/explorer.ts';
import { FATES, ROLLOUTS } from '../testing/explored.ts';

/** A slice of what `npm run explore` goes through in full. */
const SLICE = { budget: 1, maxStates: 1_000, restEvery: 50 };

const cases = Object.entries(ROLLOUTS).map(([name, rollout], at) => ({
  name,
  rollout: { ...rollout, bakeSeconds: 0 },
  replicas: 1 + (at % 2),
  fates: FATES[at % FATES.length] ?? FATES[0],
}));

describe('every order of events', () => {
  it.each(cases)('of $name ($replicas replicas) keeps the rules, and ends well', ({ fates, ...rest }) => {
    if (fates === undefined) throw new Error('no fates');
    const { broken, states } = explore({ ...SLICE, ...rest, fates });
    expect(broken).toEqual([]);
    expect(states).toBeGreaterThan(200);
  });
});

/** Whoever sends a part of the requests does not decide a trial, whatever they are. */
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Pair, type Outcome, type Request, type Scene, type Server } from './pair.ts';

/** Pseudo-random numbers from 0 to 1 (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Random = () => number;

const clock: { pair: Pair | undefined } = { pair: undefined };
beforeEach(() => {
  jest.spyOn(performance, 'now').mockImplementation(() => clock.pair?.now ?? 0);
  jest.spyOn(Math, 'random').mockImplementation(seeded(7));
});

const answer = (ms: number): Outcome => ({ ms, is: 'answer' });
const usual = (random: Random): number => 5 + 10 * random() ** 4;

/** What the revision on trial makes of a good request; the stable one answers all of them. */
const REVISIONS: Readonly<Record<string, (random: Random) => Outcome>> = {
  'as good as the stable one': (random) => answer(usual(random)),
  'that fails one request in ten': (random) => ({ ms: 5, is: random() < 0.1 ? 'failed' : 'answer' }),
  'that refuses one kind of request': (random) => ({ ms: 5, is: random() < 0.1 ? 'refused' : 'answer' }),
  'that answers NaN now and then': (random) => ({ ms: 5, is: random() < 0.1 ? 'NaN' : 'answer' }),
  'that takes six times as long': (random) => answer(6 * usual(random)),
  'that hangs now and then': (random) => answer(random() < 0.1 ? 120_000 : usual(random)),
  'that answers nothing': () => ({ ms: 1, is: 'failed' }),
};
const GOOD = 'as good as the stable one';

/** A good request of one of ten clients. */
function honest(random: Random, revision: (random: Random) => Outcome): Request {
  const stable = answer(usual(random));
  const target = revision(random);
  return {
    peer: `10.0.0.${Math.floor(random() * 10)}`,
    outcome: (server) => (server === 'stable' ? stable : target),
  };
}

const ATTACKER = '10.6.6.6';
const by = (request: Omit<Request, 'peer'>): Request => ({ peer: ATTACKER, ...request });
const same = (outcome: Outcome) => (_: Server) => outcome;
const OK = same(answer(1));

/** What one client sends. */
const POISONS: Readonly<Record<string, (random: Random) => Request>> = {
  'heads that are just small enough': () => by({ unsendable: true, outcome: OK }),
  'deadlines that nobody can keep': () => by({ timeoutMs: 0.001, outcome: OK }),
  'deadlines at the edge': (random) =>
    by({ timeoutMs: 5, outcome: (server) => answer(random() < 0.5 ? 12 : server === 'stable' ? 1 : 2) }),
  'bodies that take seconds': () => by({ bytes: 5_000_000, outcome: same(answer(8_000)) }),
  'inputs of which comes NaN': () => by({ outcome: same({ ms: 5, is: 'NaN' }) }),
  'inputs at which every version fails': () => by({ outcome: same({ ms: 5, is: 'failed' }) }),
  'bodies that are no requests': () => by({ outcome: same({ ms: 1, is: 'refused' }) }),
  'requests for the version on trial with a deadline': () => by({ version: '2', timeoutMs: 0.001, outcome: OK }),
  'requests for the stable version with a deadline': () => by({ version: '1', timeoutMs: 0.001, outcome: OK }),
  'requests for the stable version that take seconds': () => by({ version: '1', outcome: same(answer(8_000)) }),
  'more than the few pods on trial can take': () => by({ overloads: 'target', outcome: OK }),
  'more than the stable pods can take': () => by({ overloads: 'stable', outcome: OK }),
  'requests whose answer nobody awaits': () => by({ leaves: true, timeoutMs: 0.001, outcome: OK }),
  'inputs whose answer is left to chance': (random) =>
    by({ outcome: () => ({ ms: 5, is: 'answer', value: random() }) }),
  'a flood of small good requests': () => by({ outcome: OK }),
};
const ALL = Object.values(POISONS);
const attacks: Readonly<Record<string, (random: Random) => Request>> = {
  ...POISONS,
  'all of it': (random) => (ALL[Math.floor(random() * ALL.length)] as (typeof ALL)[number])(random),
};

const REQUESTS = 6000;

async function verdict(
  strategy: Scene['strategy'],
  revision: (random: Random) => Outcome,
  share: number,
  attack: (random: Random) => Request,
  requests = REQUESTS,
) {
  const random = seeded(1);
  const pair = new Pair(strategy);
  clock.pair = pair;
  const next = () => (random() < share ? attack(random) : honest(random, revision));
  return pair.run({ next, requests });
}

describe.each(Object.entries(REVISIONS))('a revision %s', (name, revision) => {
  const expected = name === GOOD ? 'Pass' : 'Fail';

  it.each(['Canary', 'Shadow'] as const)('is found to be that by a %s without an attacker', async (strategy) => {
    expect((await verdict(strategy, revision, 0, () => by({ outcome: OK }))).result).toBe(expected);
  });

  it.each(Object.entries(attacks))('is found to be that although 30 %% of the requests are %s', async (_, attack) => {
    const { result, message } = await verdict('Canary', revision, 0.3, attack);
    expect([result, message]).toEqual([expected, expect.anything()]);
  });

  it.each(['inputs whose answer is left to chance', 'inputs of which comes NaN', 'all of it'])(
    'is found to be that by a Shadow although 30 %% of the requests are %s',
    async (poison) => {
      const { result, message } = await verdict(
        'Shadow',
        revision,
        0.3,
        attacks[poison] as (random: Random) => Request,
      );
      expect([result, message]).toEqual([expected, expect.anything()]);
    },
  );
});

it('one peer that sends nine requests in ten hides no errors of a revision', async () => {
  const [revision, flood] = [REVISIONS['that fails one request in ten']!, POISONS['a flood of small good requests']!];
  expect((await verdict('Canary', revision, 0.9, flood, 5 * REQUESTS)).result).toBe('Fail');
});

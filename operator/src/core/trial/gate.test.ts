import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import { digestOf, type Fate, reachNodes } from '../testing/kubelet.ts';
import { losses } from '../testing/losses.ts';
import { requestsAreCounted } from '../testing/scenario.ts';
import { Simulator } from '../testing/simulator.ts';

const uri = (version: number): string => `oci://registry.example/models/digits:${version}`;
const spec = (version: number, rollout: Rollout, replicas: number): ModelDeploymentSpec => ({
  model: { uri: uri(version), digest: digestOf(uri(version)) },
  replicas,
  rollout: { analysis: { minRequests: 0 }, ...rollout },
});

const MANUAL: Rollout[] = [
  { strategy: 'Canary', canary: { steps: [{ weight: 20 }] } },
  { strategy: 'Shadow', shadow: { seconds: 10 } },
  { strategy: 'BlueGreen', blueGreen: { switch: 'Manual' } },
];
const AUTOMATIC: Rollout[] = [
  { strategy: 'Canary', canary: { steps: [{ weight: 20, seconds: 3600 }] } },
  { strategy: 'Shadow', shadow: { seconds: 3600, promotion: 'Auto' } },
  { strategy: 'BlueGreen', blueGreen: { previewSeconds: 3600 } },
];
/** Gates that only the analysis holds shut. */
const JUDGED: Rollout[] = [
  { strategy: 'Canary', canary: { steps: [{ weight: 20, seconds: 0 }] }, analysis: { minRequests: 100 } },
  { strategy: 'Shadow', shadow: { seconds: 0, promotion: 'Auto' }, analysis: { minRequests: 100 } },
  { strategy: 'BlueGreen', analysis: { minRequests: 100 } },
];
/** Words of losses.ts. */
const WAYS = ['unready', 'unreachable', 'deleted'];
const cases = [...MANUAL, ...AUTOMATIC, ...JUDGED].flatMap((rollout) =>
  [1, 2].flatMap((replicas) => WAYS.map((way): [string, number, Rollout] => [way, replicas, rollout])),
);

function atItsGate(rollout: Rollout, replicas: number): Simulator {
  const sim = new Simulator(spec(1, rollout, replicas));
  sim.settle();
  sim.applySpec(spec(2, rollout, replicas));
  sim.settleUntil(() => sim.status.trial?.phase === 'Running');
  // Longer than progressDeadlineSeconds, shorter than the gates that time opens.
  sim.now += 1_000_000;
  sim.settle();
  expect(sim.status.trial).toMatchObject({ phase: 'Running', step: 1 });
  sim.events.length = 0;
  return sim;
}

/** All pods of a revision are lost at once, in one way. */
function lose(sim: Simulator, revision: number, way: string): void {
  for (let pods = sim.pods().length; pods > 0; pods--)
    losses(sim)
      .find(({ name }) => name.includes(` of ${revision} `) && name.endsWith(way))
      ?.apply(sim);
}

const reasons = (sim: Simulator): string[] => sim.events.map(({ reason }) => reason);
const why = (sim: Simulator): string | undefined => sim.status.conditions?.find(({ type }) => type === 'Ready')?.reason;

describe('a gate', () => {
  it.each(cases)('stays shut while pods that serve are %s for a moment (%i replicas): %j', (way, replicas, rollout) => {
    const sim = atItsGate(rollout, replicas);
    const { trial } = sim.status;
    lose(sim, 1, way);
    for (let pass = 0; pass < 5; pass++) sim.reconcile();
    expect(sim.status.trial).toEqual(trial);
    sim.settle();
    losses(sim);
    for (const { apply } of losses(sim).filter(({ name }) => name.includes('evicted'))) apply(sim);
    sim.settle();
    expect(sim.status.trial).toEqual(trial);
    expect(sim.endpoints()).toEqual({ 1: replicas });
    expect(reasons(sim)).toEqual([]);
  });

  it.each(cases)(
    'is met also when no pod serves as it begins: they are %s (%i replicas): %j',
    (way, replicas, rollout) => {
      const sim = new Simulator(spec(1, rollout, replicas));
      sim.settle();
      lose(sim, 1, way);
      sim.applySpec(spec(2, rollout, replicas));
      for (let pass = 0; pass < 5; pass++) sim.reconcile();
      sim.settleUntil(() => sim.status.trial?.phase === 'Running');
      expect(sim.revisionInDeployment()).toBe(1);
    },
  );

  it.each(cases)('is not failed at because pods on trial are %s (%i replicas): %j', (way, replicas, rollout) => {
    const sim = atItsGate(rollout, replicas);
    lose(sim, 2, way);
    for (let pass = 0; pass < 5; pass++) sim.reconcile();
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Trial', trial: { phase: 'Running', step: 1 } });
    expect(reasons(sim)).toEqual([]);
  });

  it.each(['digits', 'digits-canary'])('is not failed at because Deployment %s is deleted', (name) => {
    const sim = atItsGate({ strategy: 'Canary', canary: { steps: [{ weight: 20 }] } }, 2);
    losses(sim)
      .find((loss) => loss.name === `Deployment ${name} is deleted`)
      ?.apply(sim);
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Trial', trial: { phase: 'Running', paused: true } });
    expect(sim.endpoints()).toEqual({ 1: 2 });
  });

  it.each([...MANUAL, ...AUTOMATIC])('is failed at by pods that crash: %j', (rollout) => {
    const sim = atItsGate(rollout, 2);
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'RolledBack', failedTarget: { revision: 2, reason: 'ServerCrashed' } });
  });
});

describe('a revision that serves', () => {
  const long = (sim: Simulator, fate: Fate): void => {
    sim.fates.set(digestOf(uri(1)), fate);
    sim.settle();
    sim.now += 250_000;
    sim.settle();
    expect(sim.status.trial?.phase).toBe('Running');
    sim.now += 51_000;
    sim.settle();
  };

  it.each([...MANUAL, ...JUDGED.slice(1, 2)])(
    'and is dead does not open what a person or a verdict holds: %j',
    (rollout) => {
      const sim = atItsGate(rollout, 2);
      long(sim, 'crashes');
      expect(sim.status).toMatchObject({
        phase: 'Trial',
        trial: { phase: 'Running' },
        stableUnavailable: { revision: 1 },
      });
      expect(why(sim)).toBe('StableUnavailable');
      expect(reasons(sim)).toEqual(['StableUnavailable']);
    },
  );

  it.each([...MANUAL, ...JUDGED.slice(1, 2)])('and is dead does when the spec says TakeOver: %j', (rollout) => {
    const sim = atItsGate({ ...rollout, whenStableDies: 'TakeOver' }, 2);
    long(sim, 'crashes');
    sim.settleUntil(() => sim.status.trial === undefined);
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 2 } });
    expect(sim.status.stableUnavailable).toBeUndefined();
  });

  it.each(AUTOMATIC)('and is dead holds up nothing that opens by itself: %j', (rollout) => {
    const sim = atItsGate(rollout, 2);
    long(sim, 'crashes');
    expect(sim.events.find(({ reason }) => reason === 'TrialPromoted')?.note).toContain('revision 1 has not answered');
  });

  it.each<Fate>(['unschedulable', 'loads slowly'])(
    'is not dead when its pods are %s: nothing is wrong with it',
    (fate) => {
      const sim = atItsGate({ strategy: 'Canary', canary: { steps: [{ weight: 20, seconds: 36_000 }] } }, 2);
      sim.fates.set(digestOf(uri(1)), fate);
      for (let hour = 0; hour < 3; hour++) {
        sim.settle();
        sim.now += 3_600_000;
      }
      expect(sim.status.trial).toMatchObject({ phase: 'Running' });
      expect(sim.status.stableUnavailable).toBeUndefined();
    },
  );

  it('dies anew when it has answered in between', () => {
    const sim = atItsGate(AUTOMATIC[0] ?? {}, 2);
    for (let turn = 0; turn < 4; turn++) {
      sim.fates.set(digestOf(uri(1)), 'crashes');
      sim.settle();
      sim.now += 200_000;
      sim.settle();
      sim.fates.set(digestOf(uri(1)), 'serves');
      sim.settle();
    }
    expect(sim.status.trial?.phase).toBe('Running');
    expect(reasons(sim)).not.toContain('TrialPromoted');
  });

  it.each(MANUAL)(
    'and does not answer for a moment is answered for by a canary, by nothing that answered nobody: %j',
    (rollout) => {
      const sim = atItsGate(rollout, 2);
      lose(sim, 1, 'unready');
      sim.reconcile();
      expect(sim.endpoints()).toEqual(rollout.strategy === 'Canary' ? { 2: 1 } : {});
      sim.settle();
      expect(sim.endpoints()).toEqual({ 1: 2 });
    },
  );

  it('and is dead before any trial is remembered to be; a trial for a person to judge begins all the same', () => {
    const [rollout = {}] = MANUAL;
    const sim = new Simulator(spec(1, rollout, 2));
    sim.settle();
    sim.fates.set(digestOf(uri(1)), 'crashes');
    sim.settle();
    sim.now += 301_000;
    sim.applySpec(spec(2, rollout, 2));
    sim.settleUntil(() => sim.status.trial?.paused === true);
    expect(sim.endpoints()).toEqual({ 2: 1 });
    expect(sim.status).toMatchObject({ phase: 'Trial', stable: { revision: 1 } });
  });

  it('opens nothing that counts requests, until they are counted', () => {
    const sim = atItsGate(JUDGED[0] ?? {}, 1);
    lose(sim, 1, 'unready');
    sim.settle();
    expect(sim.status.trial).toMatchObject({ phase: 'Running', verdict: { result: 'Inconclusive' } });
    requestsAreCounted(sim);
    sim.settleUntil(() => sim.status.trial === undefined);
    expect(sim.status.stable?.revision).toBe(2);
  });
});

describe('whatever is lost between the passes', () => {
  function loseOne(sim: Simulator, which: number): void {
    const ways = losses(sim);
    ways[which % Math.max(1, ways.length)]?.apply(sim);
  }
  function run(sim: Simulator, turns: number): void {
    for (let turn = 0; turn < turns; turn++) {
      sim.reconcile();
      sim.step();
    }
  }
  const accident = fc.oneof(
    fc.record({ do: fc.constant('lose' as const), which: fc.nat() }),
    fc.record({ do: fc.constant('crash' as const), after: fc.integer({ min: 0, max: 6 }) }),
    fc.record({ do: fc.constant('run' as const), turns: fc.integer({ min: 1, max: 12 }) }),
    // All together less than a deadline: a pod that does not answer for longer fails rightly.
    fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: 10 }) }),
  );

  it('a gate that waits for a person is never passed, nor failed at', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MANUAL),
        fc.constantFrom(1, 2),
        fc.boolean(),
        fc.array(accident, { maxLength: 25 }),
        (rollout, replicas, waits, accidents) => {
          const sim = new Simulator(spec(1, rollout, replicas));
          sim.settle();
          sim.applySpec(spec(2, rollout, replicas));
          if (waits) {
            sim.settleUntil(() => sim.status.trial?.paused === true);
            sim.now += 1_000_000;
          }
          for (const one of accidents) {
            if (one.do === 'lose') loseOne(sim, one.which);
            else if (one.do === 'crash') sim.reconcile(one.after);
            else if (one.do === 'run') run(sim, one.turns);
            else sim.now += one.seconds * 1000;
            expect(sim.status.stable?.revision).toBe(1);
          }
          sim.settle();
          reachNodes(sim.store, sim.fates);
          sim.settleUntil(() => sim.status.trial?.paused === true, 60_000);
          expect(sim.status).toMatchObject({
            phase: 'Trial',
            stable: { revision: 1 },
            trial: { revision: 2, paused: true },
          });
          expect(sim.endpoints()).toEqual({ 1: replicas });
          for (const told of ['TrialPromoted', 'RolloutFailed', 'ManualUndoAdopted'])
            expect(reasons(sim)).not.toContain(told);
        },
      ),
      { numRuns: 100 },
    );
  });
});

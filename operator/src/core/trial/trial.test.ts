import { describe, expect, it } from '@jest/globals';
import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPod } from 'kubernetes-models/v1';
import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import { noTally, type PodReport } from '../analysis/counts.ts';
import { deploymentController, replicaSetController } from '../testing/controllers.ts';
import { NAME } from '../testing/cluster.ts';
import { digestOf, startPods } from '../testing/kubelet.ts';
import { Simulator } from '../testing/simulator.ts';
import { trafficOf } from './traffic.ts';

const uri = (tag: number | string): string => `oci://registry.example/models/digits:${tag}`;
const spec = (tag: number | string, rollout: Rollout, replicas = 3): ModelDeploymentSpec => ({
  model: { uri: uri(tag) },
  replicas,
  rollout,
});
/** Without an analysis: what is judged has tests of its own, and some at the end of this file. */
const UNJUDGED: Rollout = { analysis: { minRequests: 0 } };
const CANARY: Rollout = {
  ...UNJUDGED,
  strategy: 'Canary',
  canary: {
    steps: [
      { weight: 10, seconds: 30 },
      { weight: 60, seconds: 30 },
    ],
  },
};
const BLUE_GREEN: Rollout = { ...UNJUDGED, strategy: 'BlueGreen', blueGreen: { keepSeconds: 120 } };
const SHADOW: Rollout = { ...UNJUDGED, strategy: 'Shadow', shadow: { seconds: 60, promotion: 'Auto', percent: 50 } };
const ALL: [string, Rollout][] = [
  ['Canary', CANARY],
  ['BlueGreen', BLUE_GREEN],
  ['Shadow', SHADOW],
];

function serving(rollout: Rollout, replicas = 3): Simulator {
  const sim = new Simulator(spec(1, rollout, replicas));
  sim.settle();
  return sim;
}

const stableIs = (sim: Simulator, revision: number) => (): boolean =>
  sim.status.trial === undefined && sim.status.stable?.revision === revision && sim.status.phase === 'Ready';
const podsOf = (sim: Simulator, revision: number): IPod[] =>
  sim.pods().filter((pod) => pod.metadata?.labels?.['modelserving.dev/revision'] === String(revision));
const names = (pods: readonly IPod[]): string[] => pods.map((pod) => pod.metadata?.name ?? '').sort();
const reasons = (sim: Simulator): string[] => sim.events.map(({ reason }) => reason);
const condition = (sim: Simulator, type: string) => sim.status.conditions?.find((c) => c.type === type);
const total = (counts: Record<number, number>): number => Object.values(counts).reduce((sum, n) => sum + n, 0);
const act = (sim: Simulator, type: 'Promote' | 'Abort' | 'Pause' | 'Resume' | 'Retry', id = type): void => {
  sim.applySpec({ ...sim.spec, rollout: { ...sim.spec.rollout, action: { type, id } } });
};

/** Runs until `done`; at every moment as many pods answer as are promised, and none is reached that should not be. */
function watch(sim: Simulator, done: () => boolean, replicas = 3): { least: number; kept: string[] } {
  let least = Infinity;
  let kept: string[] = [];
  for (let turn = 0; !done(); turn++) {
    if (turn > 3000) throw new Error(`never: ${JSON.stringify(sim.status.trial ?? sim.status.phase)}`);
    const wrote = sim.reconcile();
    const before = sim.status.trial?.phase;
    if (before === 'Running' || before === 'Switched') kept = names(podsOf(sim, sim.status.trial?.revision ?? 0));
    const moved = sim.step();
    least = Math.min(least, total(sim.endpoints()));
    const selected = Object.keys(sim.endpoints()).map(Number);
    if (before === 'Starting' || before === 'Running') expect(selected).toEqual([sim.status.trial?.from]);
    sim.now += wrote === 0 && !moved ? 5_000 : 100;
  }
  expect(least).toBeGreaterThanOrEqual(replicas);
  return { least, kept };
}

describe.each(ALL)('a %s', (_name, rollout) => {
  it('leads nobody away from pods of another revision while those of the serving one are still being taken away', () => {
    const sim = serving({}, 2);
    // Nothing has to be resolved first.
    const known = (tag: number, how: Rollout): ModelDeploymentSpec => ({
      ...spec(tag, how, 2),
      model: { uri: uri(tag), digest: digestOf(uri(tag)) },
    });
    const wanted = (): number =>
      sim.store
        .list<IReplicaSet>('ReplicaSet')
        .filter((set) => set.metadata?.labels?.['modelserving.dev/revision'] === '1')
        .reduce((sum, set) => sum + (set.spec?.replicas ?? 0), 0);
    sim.applySpec(known(2, {}));
    // Until a pod of revision 1 is given up, and still there.
    for (let turn = 0; wanted() === 2; turn++) {
      expect(turn).toBeLessThan(100);
      sim.reconcile();
      if (!deploymentController(sim.store) && !replicaSetController(sim.store)) startPods(sim.store, sim.fates);
    }
    sim.applySpec(known(3, rollout));
    for (let turn = 0; turn < 4; turn++) sim.reconcile();
    while (replicaSetController(sim.store)) expect(total(sim.endpoints())).toBeGreaterThanOrEqual(2);
    sim.settleUntil(stableIs(sim, 3));
  });

  it('keeps the way to the new pods open while old ones still finish their work', () => {
    const sim = serving(rollout);
    sim.store.drainMs = 30_000;
    sim.applySpec(spec(2, rollout));
    const forwardsNowhere = (): boolean =>
      sim.world().preview === undefined &&
      sim.pods().some((pod) => {
        const { deletionTimestamp } = pod.metadata ?? {};
        const works = deletionTimestamp === undefined || Date.parse(deletionTimestamp) > sim.now;
        return works && trafficOf(pod) !== undefined;
      });
    let broken = false;
    for (let turn = 0; turn < 3000 && !(stableIs(sim, 2)() && sim.world().preview === undefined); turn++) {
      const wrote = sim.reconcile();
      const moved = sim.step();
      broken ||= sim.status.trial?.phase !== 'Starting' && forwardsNowhere();
      sim.now += wrote === 0 && !moved ? 2_000 : 100;
    }
    expect(broken).toBe(false);
    expect(sim.world().preview).toBeUndefined();
  });

  it('leads to the new revision; requests are always answered, and the pods on trial serve on', () => {
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    const { kept } = watch(sim, stableIs(sim, 2));
    expect(kept.length).toBeGreaterThan(0);
    expect(names(podsOf(sim, 2))).toEqual(expect.arrayContaining(kept));
    expect(sim.endpoints()).toEqual({ 2: 3 });
    sim.settle();
    expect([sim.canary, sim.world().preview]).toEqual([undefined, undefined]);
    expect(sim.pods().every((pod) => trafficOf(pod) === undefined)).toBe(true);
    expect(reasons(sim)).toEqual(expect.arrayContaining(['TrialStarted', 'TrialPromoted', 'RolloutComplete']));
  });

  it('leads back to a revision that it left, with an empty twin of the same template in the history', () => {
    const trial: Rollout = { ...rollout, knownRevisions: 'Trial' };
    const sim = serving(trial);
    for (const tag of [2, 1, 2]) {
      sim.applySpec(spec(tag, trial));
      const { kept } = watch(sim, stableIs(sim, tag));
      expect(names(podsOf(sim, tag))).toEqual(expect.arrayContaining(kept));
    }
  });

  it('of a revision that has served before is left out by default: going back is quick', () => {
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, stableIs(sim, 2));
    sim.events.length = 0;
    sim.applySpec(spec(1, rollout));
    watch(sim, stableIs(sim, 1));
    expect(reasons(sim)).not.toContain('TrialStarted');
  });

  it('ends with the old revision when the new one cannot be loaded', () => {
    const sim = serving(rollout);
    sim.fates.set(digestOf(uri(2)), { fails: 'ModelLoadFailed' });
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.phase === 'RolledBack' && sim.status.trial === undefined);
    sim.settle();
    expect(sim.endpoints()).toEqual({ 1: 3 });
    expect(sim.canary).toBeUndefined();
    expect(sim.status.failedTarget).toMatchObject({ revision: 2, reason: 'ModelLoadFailed' });
    expect(condition(sim, 'RolledBack')).toMatchObject({ status: 'True', reason: 'AutomaticRollback' });
  });

  it('is left for a newer target at once', () => {
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.trial?.phase === 'Running');
    sim.applySpec(spec(3, rollout));
    watch(sim, stableIs(sim, 3));
    expect(names(podsOf(sim, 2))).toEqual([]);
  });

  it('is given up when the spec returns to what serves', () => {
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.trial?.phase === 'Running');
    sim.applySpec(spec(1, rollout));
    watch(sim, stableIs(sim, 1));
    expect(names(podsOf(sim, 2))).toEqual([]);
    expect(sim.status.failedTarget).toBeUndefined();
  });

  it('is promoted at once by Promote, also while its pods are still coming up', () => {
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.trial !== undefined);
    act(sim, 'Promote');
    watch(sim, stableIs(sim, 2));
    expect(sim.status.lastAction).toMatchObject({ type: 'Promote', message: 'revision 2 takes over' });
  });

  it('is taken back by Abort, and tried again by Retry', () => {
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.trial?.phase === 'Running');
    act(sim, 'Abort');
    watch(sim, () => sim.status.phase === 'RolledBack' && sim.status.trial === undefined);
    expect(sim.status.failedTarget).toMatchObject({ revision: 2, reason: 'Aborted', definite: false });
    act(sim, 'Retry');
    watch(sim, stableIs(sim, 2));
  });

  it('is skipped when the old revision is dead: it never blocks a healthy one', () => {
    const sim = serving(rollout);
    sim.fates.set(digestOf(uri(1)), 'crashes');
    sim.settle();
    sim.now += 301_000;
    sim.applySpec(spec(2, rollout));
    sim.settleUntil(stableIs(sim, 2));
    expect(reasons(sim)).not.toContain('TrialStarted');
  });

  it('is cut short when the old revision dies meanwhile', () => {
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.trial?.phase === 'Running');
    sim.fates.set(digestOf(uri(1)), 'crashes');
    sim.settleUntil(stableIs(sim, 2), 500_000);
    expect(sim.endpoints()).toEqual({ 2: 3 });
  });

  it('survives an undo: the trial ends, and the undone revision serves', () => {
    const sim = serving(rollout);
    sim.applySpec(spec(2, { strategy: 'RollingUpdate' }));
    sim.settle();
    sim.applySpec(spec(3, rollout));
    watch(sim, () => sim.status.trial?.phase === 'Running');
    sim.undoTo(1);
    watch(sim, stableIs(sim, 1));
    expect(sim.spec.rollbackTo).toEqual({ revision: 1, from: 3 });
    expect(sim.canary).toBeUndefined();
  });

  it('waits while a person has paused the Deployment, and says so', () => {
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.trial?.phase === 'Running');
    sim.store.patch('Deployment', NAME, [{ op: 'add', path: '/spec/paused', value: true }]);
    for (let i = 0; i < 50; i++) sim.settle();
    sim.now += 600_000;
    sim.settle();
    expect(sim.status.stable?.revision).toBe(1);
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'False', reason: 'PausedByUser' });
    sim.store.patch('Deployment', NAME, [{ op: 'add', path: '/spec/paused', value: false }]);
    watch(sim, stableIs(sim, 2));
  });

  it('follows replicas while it lasts', () => {
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.trial?.phase === 'Running');
    sim.applySpec(spec(2, rollout, 5));
    watch(sim, stableIs(sim, 2));
    sim.settle();
    expect(sim.endpoints()).toEqual({ 2: 5 });
  });

  it('ends in the same way wherever the operator crashes', () => {
    const calm = serving(rollout);
    calm.applySpec(spec(2, rollout));
    calm.writes.length = 0;
    watch(calm, stableIs(calm, 2));
    const writes = calm.writes.length;
    for (let crash = 0; crash <= writes; crash++) {
      const sim = serving(rollout);
      sim.applySpec(spec(2, rollout));
      let left = crash;
      for (let turn = 0; left > 0 && turn < 400; turn++) {
        const made = sim.reconcile(left);
        left -= made;
        if (made === 0) sim.now += 5_000;
        sim.step();
      }
      watch(sim, stableIs(sim, 2));
      sim.settle();
      expect(sim.endpoints()).toEqual({ 2: 3 });
      expect(sim.spec.rollbackTo).toBeUndefined();
    }
  });
});

describe('a Canary', () => {
  it('tells the serving pods the weight of each step, and brings its pods up before it rises', () => {
    const sim = serving(CANARY);
    sim.applySpec(spec(2, CANARY));
    const seen: [number, number][] = [];
    watch(sim, () => {
      const texts = new Set(podsOf(sim, 1).map(trafficOf));
      const weight = texts.size === 1 ? (JSON.parse([...texts][0] ?? '{}') as { weight?: number }).weight : undefined;
      if (weight !== undefined && seen.at(-1)?.[0] !== weight) seen.push([weight, podsOf(sim, 2).length]);
      return stableIs(sim, 2)();
    });
    expect(seen).toEqual([
      [10, 1],
      [60, 2],
    ]);
  });

  it('waits for a person in a step without a duration, and goes on with Resume', () => {
    const rollout: Rollout = {
      ...UNJUDGED,
      strategy: 'Canary',
      canary: { steps: [{ weight: 5 }, { weight: 50, seconds: 10 }] },
    };
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.trial?.paused === true);
    sim.now += 3_600_000;
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Trial', trial: { step: 1, weight: 5, paused: true } });
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'False', reason: 'TrialPaused' });
    act(sim, 'Resume');
    watch(sim, stableIs(sim, 2));
  });

  it('stays where it is after Pause, for as long as it takes', () => {
    const sim = serving(CANARY);
    sim.applySpec(spec(2, CANARY));
    watch(sim, () => sim.status.trial?.phase === 'Running');
    act(sim, 'Pause');
    sim.settle();
    sim.now += 3_600_000;
    sim.settle();
    expect(sim.status.trial).toMatchObject({ step: 1, paused: true });
    act(sim, 'Resume');
    watch(sim, stableIs(sim, 2));
  });

  it('with onFailure Pause keeps the failed pods for a person to look at, without requests', () => {
    const rollout: Rollout = { ...CANARY, onFailure: 'Pause' };
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.trial?.phase === 'Running');
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Failed', trial: { weight: 0, paused: true } });
    expect(sim.endpoints()).toEqual({ 1: 3 });
    expect(podsOf(sim, 2).length).toBeGreaterThan(0);
    expect(sim.pods().every((pod) => trafficOf(pod) === undefined)).toBe(true);
    sim.fates.delete(digestOf(uri(2)));
    act(sim, 'Retry');
    watch(sim, stableIs(sim, 2));
  });
});

describe('a BlueGreen', () => {
  it('switches all requests at once, and returns at once while the old pods are kept', () => {
    const sim = serving(BLUE_GREEN);
    sim.applySpec(spec(2, BLUE_GREEN));
    watch(sim, () => sim.status.trial?.phase === 'Switched' && sim.endpoints()[2] === 3);
    expect(sim.status).toMatchObject({ stable: { revision: 2 }, trial: { weight: 100, from: 1 } });
    expect(sim.endpoints()).toEqual({ 2: 3 });
    expect(podsOf(sim, 1)).toHaveLength(3);
    sim.applySpec(spec(1, BLUE_GREEN));
    sim.reconcile();
    sim.reconcile();
    expect(sim.endpoints()).toEqual({ 1: 3 });
    watch(sim, stableIs(sim, 1));
  });

  it.each(['undo', 'rollbackTo'])('returns to the kept pods by %s', (way) => {
    const sim = serving({ strategy: 'RollingUpdate' });
    sim.applySpec(spec(2, { strategy: 'RollingUpdate' }));
    sim.settle();
    sim.applySpec(spec(3, BLUE_GREEN));
    watch(sim, () => sim.status.trial?.phase === 'Switched' && sim.endpoints()[3] === 3);
    if (way === 'undo') sim.undoTo(1);
    else sim.applySpec({ ...spec(3, BLUE_GREEN), rollbackTo: { revision: 2, from: 3 } });
    watch(sim, stableIs(sim, 2));
    expect(sim.spec.rollbackTo).toEqual({ revision: 2, from: 3 });
    expect(names(podsOf(sim, 3))).toEqual([]);
  });

  it('is left for what is wanted now when its pods die while they are handed over', () => {
    const sim = serving(BLUE_GREEN);
    sim.applySpec(spec(2, BLUE_GREEN));
    for (let turn = 0; !(sim.status.trial?.phase === 'HandingOver' && sim.canary === undefined); turn++) {
      expect(turn).toBeLessThan(3000);
      const wrote = sim.reconcile();
      sim.now += !sim.step() && wrote === 0 ? 5_000 : 100;
    }
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.applySpec(spec(3, BLUE_GREEN));
    sim.settleUntil(stableIs(sim, 3));
  });

  it('waits for a person with switch Manual', () => {
    const rollout: Rollout = { ...UNJUDGED, strategy: 'BlueGreen', blueGreen: { switch: 'Manual', keepSeconds: 10 } };
    const sim = serving(rollout);
    sim.applySpec(spec(2, rollout));
    watch(sim, () => sim.status.trial?.paused === true);
    sim.now += 3_600_000;
    sim.settle();
    expect(sim.endpoints()).toEqual({ 1: 3 });
    act(sim, 'Resume');
    watch(sim, stableIs(sim, 2));
  });

  it('takes a revision back that crashes after the switch', () => {
    const sim = serving(BLUE_GREEN);
    sim.applySpec(spec(2, BLUE_GREEN));
    watch(sim, () => sim.status.trial?.phase === 'Switched' && sim.endpoints()[2] === 3);
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.settle();
    expect(sim.endpoints()).toEqual({ 1: 3 });
    expect(sim.status).toMatchObject({ phase: 'RolledBack', stable: { revision: 1 } });
  });
});

describe('after a rollout', () => {
  it('a crash within the bake time returns to the revision before', () => {
    const sim = serving({ bakeSeconds: 60 });
    sim.applySpec(spec(2, { bakeSeconds: 60 }));
    sim.settle();
    expect(sim.status).toMatchObject({ stable: { revision: 2 }, baking: { revision: 2, previous: 1 } });
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'RolledBack', stable: { revision: 1 }, failedTarget: { revision: 2 } });
    expect(sim.readyRevisions()).toEqual([1]);
  });

  it('a crash later is no reason to go back', () => {
    const sim = serving({ bakeSeconds: 60 });
    sim.applySpec(spec(2, { bakeSeconds: 60 }));
    sim.settle();
    sim.now += 61_000;
    sim.fates.set(digestOf(uri(2)), 'crashes');
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Degraded', stable: { revision: 2 } });
  });
});

describe('the analysis of a trial', () => {
  const JUDGED: Rollout = { ...CANARY, analysis: { minRequests: 100 } };
  const tally = (requests: number, errors: number) => ({ ...noTally(), requests, errors, latency: [requests] });
  const report = (requests: number, errors: number): PodReport => ({
    pod: 'p',
    revision: 1,
    weight: 10,
    time: 0,
    counts: {
      own: tally(1000, 0),
      target: tally(requests, errors),
      fallbacks: {},
      replayed: 0,
      mirror: { compared: 0, differing: 0, failed: 0, nonFinite: 0 },
      golden: { asked: 0, mismatches: 0 },
      examples: [],
    },
  });
  function tried(): Simulator {
    const sim = serving(JUDGED);
    sim.applySpec(spec(2, JUDGED));
    watch(sim, () => sim.status.trial?.phase === 'Running');
    sim.now += 3_600_000;
    sim.settle();
    return sim;
  }

  it('waits for enough requests, however long that takes', () => {
    const sim = tried();
    expect(sim.status.trial).toMatchObject({ step: 1, verdict: { result: 'Inconclusive' } });
    sim.reports = [report(200, 0)];
    watch(sim, stableIs(sim, 2));
    expect(sim.events.find(({ reason }) => reason === 'TrialPromoted')?.note).toContain('200');
  });

  it('takes a worse revision back, and says why with the numbers', () => {
    const sim = tried();
    sim.reports = [report(200, 60)];
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'RolledBack', failedTarget: { reason: 'AnalysisFailed' } });
    expect(condition(sim, 'Ready')?.message).toMatch(/60 of 200/);
    expect(sim.endpoints()).toEqual({ 1: 3 });
  });

  it('does not write the status for every request', () => {
    const sim = tried();
    sim.writes.length = 0;
    for (let requests = 1; requests < 60; requests++) {
      sim.reports = [report(requests, 0)];
      sim.reconcile();
      sim.now += 1_000;
    }
    expect(sim.writes.length).toBeLessThanOrEqual(3);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import { deploymentController, garbageCollector, replicaSetController } from '../testing/controllers.ts';
import { digestOf, startPods } from '../testing/kubelet.ts';
import { Simulator } from '../testing/simulator.ts';

const uri = (version: number): string => `oci://registry.example/models/digits:${version}`;
const spec = (version: number, rollout: Rollout): ModelDeploymentSpec => ({
  model: { uri: uri(version), digest: digestOf(uri(version)) },
  replicas: 3,
  rollout: { ...rollout, analysis: { minRequests: 0 } },
});
const BLUE_GREEN: Rollout = { strategy: 'BlueGreen', blueGreen: { keepSeconds: 120 } };

/** Revision 1 serves, and revision 2 goes its way until `done`. */
function onTrial(rollout: Rollout, done: (sim: Simulator) => boolean): Simulator {
  const sim = new Simulator(spec(1, rollout));
  sim.settle();
  sim.applySpec(spec(2, rollout));
  for (let turn = 0; !done(sim); turn++) {
    expect(turn).toBeLessThan(3000);
    const wrote = sim.reconcile();
    if (!done(sim)) sim.now += !sim.step() && wrote === 0 ? 5_000 : 100;
  }
  return sim;
}

const serves = (sim: Simulator, revision: number) => (): boolean =>
  sim.status.trial === undefined && sim.status.stable?.revision === revision && sim.status.phase === 'Ready';
const reached = (sim: Simulator): number => Object.values(sim.endpoints()).reduce((sum, count) => sum + count, 0);
const isSwitched = (sim: Simulator): boolean => sim.status.trial?.phase === 'Switched' && sim.endpoints()[2] === 3;
/** The new pods are handed over: their own Deployment is let go of. */
const isHandedOver = ({ status, canary }: Simulator): boolean =>
  status.trial?.phase === 'HandingOver' && canary?.metadata?.finalizers?.includes('Orphan') === true;

describe('a hand-over after a switch', () => {
  it('reaches every pod that answers when a person undoes in the middle of it, before any is taken away', () => {
    const sim = onTrial(BLUE_GREEN, isHandedOver);
    expect(sim.endpoints()).toEqual({ 2: 3 });
    sim.undoTo(1);
    sim.reconcile();
    expect(sim.endpoints()).toEqual({ 1: 3, 2: 3 });
    sim.settleUntil(serves(sim, 1));
  });

  it('is not narrowed to the new pods again when that undo is undone: they may be going already', () => {
    const sim = onTrial(BLUE_GREEN, isHandedOver);
    sim.undoTo(1);
    sim.reconcile();
    while (garbageCollector(sim.store));
    // It takes the new pods over, and has only those of revision 1 stay.
    deploymentController(sim.store);
    sim.undoTo(2);
    sim.reconcile();
    while (replicaSetController(sim.store)) expect(reached(sim)).toBeGreaterThanOrEqual(3);
    sim.settleUntil(serves(sim, 2));
  });
});

describe('requests', () => {
  it.each([
    ['after a switch', isSwitched],
    ['in a hand-over', isHandedOver],
  ])('go to the old pods that still answer when none of the new ones does, %s', (_name, moment) => {
    const sim = onTrial(BLUE_GREEN, moment);
    while (garbageCollector(sim.store));
    const { trial } = sim.status;
    sim.fates.set(digestOf(uri(2)), 'loads slowly');
    while (startPods(sim.store, sim.fates));
    expect(sim.endpoints()).toEqual({});
    sim.reconcile();
    expect(sim.status.trial).toEqual(trial);
    expect(sim.endpoints()).toEqual({ 1: 3 });
  });

  it.each<Rollout>([{ strategy: 'Canary' }, BLUE_GREEN, { strategy: 'Shadow' }])(
    'go to the new pods when the old revision is dead, also past a pause when the spec says TakeOver: %j',
    (rollout) => {
      const sim = onTrial(
        { ...rollout, whenStableDies: 'TakeOver' },
        ({ status }) => status.trial?.phase === 'Running',
      );
      sim.setPaused(true);
      sim.fates.set(digestOf(uri(1)), 'crashes');
      sim.settle();
      sim.now += 301_000;
      sim.settle();
      expect(sim.status.trial?.phase).toBe('Promoting');
      expect(Object.keys(sim.endpoints())).toEqual(['2']);
      sim.setPaused(false);
      sim.settleUntil(serves(sim, 2));
    },
  );
});

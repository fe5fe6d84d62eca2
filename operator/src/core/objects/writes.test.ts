import { describe, expect, it } from '@jest/globals';
import type { ModelDeploymentSpec } from '../../api/modeldeployment.gen.ts';
import type { Action } from '../actions.ts';
import { digestOf } from '../testing/kubelet.ts';
import { Simulator } from '../testing/simulator.ts';

const uri = (tag: number): string => `oci://registry.example/models/digits:${tag}`;
const spec = (tag: number, more: Partial<ModelDeploymentSpec> = {}): ModelDeploymentSpec => ({
  model: { uri: uri(tag) },
  replicas: 2,
  ...more,
});
const nameOf = (action: Action): string =>
  action.do === 'rollbackTo'
    ? 'rollbackTo'
    : `${action.do} ${action.kind}/${'object' in action ? action.object.metadata?.name : action.name}`;
const canary: Partial<ModelDeploymentSpec> = {
  rollout: { strategy: 'Canary', canary: { steps: [{ weight: 50, seconds: 5 }] }, analysis: { minRequests: 0 } },
};
const blueGreen: Partial<ModelDeploymentSpec> = { rollout: { strategy: 'BlueGreen', analysis: { minRequests: 0 } } };

/** What happens to a ModelDeployment that has come to rest, or is new. */
const STORIES: Record<string, { begin?: ModelDeploymentSpec; change: (sim: Simulator) => void }> = {
  'a first deployment': { change: (sim) => sim.applySpec(spec(1)) },
  'an update': { begin: spec(1), change: (sim) => sim.applySpec(spec(2)) },
  'an update with other replicas': { begin: spec(1), change: (sim) => sim.applySpec(spec(2, { replicas: 3 })) },
  'an update that fails': {
    begin: spec(1),
    change: (sim) => {
      sim.fates.set(digestOf(uri(2)), 'crashes');
      sim.applySpec(spec(2));
    },
  },
  'a canary': { begin: spec(1, canary), change: (sim) => sim.applySpec(spec(2, canary)) },
  'a canary that fails': {
    begin: spec(1, canary),
    change: (sim) => {
      sim.fates.set(digestOf(uri(2)), 'crashes');
      sim.applySpec(spec(2, canary));
    },
  },
  'a switch': { begin: spec(1, blueGreen), change: (sim) => sim.applySpec(spec(2, blueGreen)) },
  'an undo': {
    begin: spec(1),
    change: (sim) => {
      sim.applySpec(spec(2));
      sim.settle();
      sim.undoTo(1);
    },
  },
  'a history that is too long': {
    begin: spec(1, { revisionHistoryLimit: 0 }),
    change: (sim) => sim.applySpec(spec(2, { revisionHistoryLimit: 0 })),
  },
};

function begun(story: keyof typeof STORIES): Simulator {
  const { begin, change } = STORIES[story] as (typeof STORIES)[string];
  const sim = new Simulator(begin ?? spec(1));
  if (begin !== undefined) sim.settle();
  change(sim);
  return sim;
}

/** Goes on until nothing happens any more, or it has gone on for long, and tells every action that was decided. */
function play(sim: Simulator, seen: (decided: ReturnType<Simulator['decide']>, made: readonly string[]) => void): void {
  for (let turn = 0; turn < 120; turn++) {
    const decided = sim.decide();
    const before = sim.writes.length;
    sim.reconcile(Infinity, decided);
    seen(decided, sim.writes.slice(before));
    const atRest = sim.writes.length === before && decided.actions.length === 0 && decided.requeueAfterMs === undefined;
    if (!sim.step() && atRest) return;
    sim.now += turn % 8 === 7 ? 5_000 : 300;
  }
}

/** All that must be the same in the end: what serves and what there is, whatever happened on the way, and when. */
function endOf(sim: Simulator): unknown {
  sim.settleUntil(() => sim.status.trial === undefined && sim.status.phase !== 'Progressing');
  const { phase, ready, stable, deployed, failedTarget } = sim.status;
  const conditions = sim.status.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
  const objects = sim.store
    .all()
    .filter(({ kind }) => kind !== 'Pod' && kind !== 'ReplicaSet')
    .map(
      ({ kind, metadata }) =>
        `${kind}/${metadata.name} ${Object.keys(metadata.annotations ?? {})
          .sort()
          .join()}`,
    )
    .sort();
  const failed =
    failedTarget === undefined ? undefined : { revision: failedTarget.revision, reason: failedTarget.reason };
  return { phase, ready, stable, deployed, failed, conditions, objects, back: sim.spec.rollbackTo };
}

describe.each(Object.keys(STORIES))('when any one write of %s is refused,', (story) => {
  const writes = new Set<string>();
  play(begun(story), ({ actions }) => actions.forEach((action) => writes.add(nameOf(action))));

  it.each([...writes])('%s: what does not depend on it is done, the status names it, and it heals', (victim) => {
    const sim = begun(story);
    let refused = 0;
    sim.refuses = (action) =>
      nameOf(action) === victim ? { reason: 'WriteRefused', message: `${victim}: the test forbids it` } : undefined;
    play(sim, ({ actions }, made) => {
      const failed = actions.find((action) => nameOf(action) === victim);
      if (failed === undefined) return;
      refused++;
      const due = actions.filter(
        (action) =>
          action !== failed &&
          (action.step ?? 0) <= (failed.step ?? Infinity) &&
          !(action.afterwards === true && failed.step !== undefined),
      );
      const kinds = due.map((action) => (action.do === 'rollbackTo' ? 'rollbackTo' : `${action.do} ${action.kind}`));
      expect(made.filter((write) => write !== 'status')).toEqual(kinds);
      const progressing = sim.status.conditions?.find(({ type }) => type === 'Progressing');
      expect(progressing).toMatchObject({ reason: 'WriteRefused', observedGeneration: sim.generation });
      expect(progressing?.message).toContain(victim);
      expect(sim.status.observedGeneration).toBe(sim.generation);
    });
    expect(refused).toBeGreaterThan(0);
    const events = sim.events.filter(({ reason }) => reason === 'WriteRefused');
    expect(events.length).toBe(1);
    sim.refuses = undefined;
    const reference = begun(story);
    expect(endOf(sim)).toEqual(endOf(reference));
  });
});

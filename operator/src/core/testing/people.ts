import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import { LABEL } from '../names.ts';
import { digestOf } from './kubelet.ts';
import { BACKENDS, type Move, routesOf, type Scenario, specOf, uri } from './scenario.ts';
import type { Simulator } from './simulator.ts';
import { controllerOf } from './store.ts';

/** What people may do now. */
export function people(sim: Simulator, scenario: Scenario): Move[] {
  const paused = sim.pausedByPerson;
  return [
    ...[1, 2, 3].map((version) => apply(version, scenario)),
    ...undo(sim),
    ...routesOf(scenario).flatMap((name): Move[] => [
      { name: `apply route ${name}`, apply: (next) => (next.applyRoute(name, BACKENDS), true) },
      { name: `delete route ${name}`, apply: (next) => next.deleteRoute(name) },
    ]),
    ...(sim.deployment === undefined || sim.status.trial?.phase === 'HandingOver'
      ? []
      : [{ name: paused ? 'resume' : 'pause', apply: (next: Simulator) => (next.setPaused(!paused), true) }]),
    ...(['Promote', 'Abort', 'Retry', 'Resume'] as const).map(ask),
  ];
}

const apply = (version: number, scenario: Scenario): Move => ({
  name: `apply ${version}`,
  apply: (next) => {
    if (next.spec.model.uri === uri(version)) return false;
    next.applySpec(specOf(version, scenario));
    return true;
  },
});

/** To every ReplicaSet of the Deployment that it does not hold. */
function undo(sim: Simulator): Move[] {
  if (sim.deployment === undefined) return [];
  const held = sim.revisionInDeployment();
  return sim.store
    .list<IReplicaSet>('ReplicaSet')
    .filter((set) => controllerOf(set) === sim.deployment?.metadata?.uid)
    .map(({ metadata }) => Number(metadata?.labels?.[LABEL.revision]))
    .filter((revision) => revision !== held)
    .map((revision) => ({
      name: `undo to ${revision}`,
      apply: (next) => (next.undoTo(revision), true),
      means: 'undo',
    }));
}

const ask = (type: 'Promote' | 'Abort' | 'Retry' | 'Resume'): Move => ({
  name: type,
  apply: (next) => {
    const id = `${Number(next.status.lastAction?.id ?? 0) + 1}`;
    if (next.spec.rollout?.action?.id === id) return false;
    next.applySpec({ ...next.spec, rollout: { ...next.spec.rollout, action: { type, id } } });
    return true;
  },
});

/** A version that was good crashes from now on. */
export const deaths = (): Move[] =>
  [1, 2, 3].map((version) => ({
    name: `pods of ${version} crash`,
    apply: (next) =>
      next.fates.get(digestOf(uri(version))) === 'serves' && (next.fates.set(digestOf(uri(version)), 'crashes'), true),
    means: 'death',
  }));

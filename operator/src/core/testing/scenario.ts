import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import { LABEL } from '../names.ts';
import type { BackendRef } from '../http-route.ts';
import { NAME } from './cluster.ts';
import { deploymentController, garbageCollector, gatewayController, replicaSetController } from './controllers.ts';
import { digestOf, type Fate, startPods } from './kubelet.ts';
import { Simulator } from './simulator.ts';
import { controllerOf } from './store.ts';

/** A small world: three versions of a model, of which the first serves and the second is wanted, and all that may happen. */
export interface Scenario {
  rollout: Rollout;
  /** Fate of the pods of versions 1, 2 and 3. */
  fates: readonly [Fate, Fate, Fate];
  replicas: number;
}

/** Something that may happen; false when there is nothing of it to be done. */
export type Move = [name: string, apply: (sim: Simulator) => boolean];

export const uri = (version: number): string => `oci://registry.example/models/digits:${version}`;
/** The digest is in the spec: resolving tags is not what is explored here. */
const specOf = (version: number, { rollout, replicas }: Scenario): ModelDeploymentSpec => ({
  model: { uri: uri(version), digest: digestOf(uri(version)), version: String(version) },
  replicas,
  // Its verdicts are numbers; what follows from them is explored by Abort.
  rollout: { ...rollout, analysis: { minRequests: 0 } },
});

/** As the user wrote it: the model, and another backend with three times its share. */
export const BACKENDS: BackendRef[] = [
  { name: NAME, port: 80, weight: 1 },
  { name: 'other', port: 80, weight: 3 },
];
export const routesOf = ({ rollout }: Scenario): readonly string[] => rollout.gatewayAPI?.httpRoutes ?? [];

export function begin(scenario: Scenario): Simulator {
  const sim = new Simulator(specOf(1, scenario));
  scenario.fates.forEach((fate, i) => sim.fates.set(digestOf(uri(i + 1)), fate));
  for (const name of routesOf(scenario)) sim.applyRoute(name, BACKENDS);
  sim.settle();
  sim.applySpec(specOf(2, scenario));
  return sim;
}

/** What goes on by itself besides the operator. */
export const CLUSTER: readonly Move[] = [
  ['garbage collector', (sim) => garbageCollector(sim.store)],
  ['Deployment controller', (sim) => deploymentController(sim.store)],
  ['ReplicaSet controller', (sim) => replicaSetController(sim.store)],
  ['gateway', (sim) => gatewayController(sim.store)],
  ['kubelet', (sim) => startPods(sim.store, sim.fates)],
  ['time', (sim) => sim.timePasses()],
];

/** What people and accidents may do now. */
export function people(sim: Simulator, scenario: Scenario): Move[] {
  const moves: Move[] = [1, 2, 3].map((version) => [
    `apply ${version}`,
    (next) => {
      if (next.spec.model.uri === uri(version)) return false;
      next.applySpec(specOf(version, scenario));
      return true;
    },
  ]);
  const held = sim.revisionInDeployment();
  for (const set of sim.store.list<IReplicaSet>('ReplicaSet')) {
    const revision = Number(set.metadata?.labels?.[LABEL.revision]);
    const own = controllerOf(set) === sim.deployment?.metadata?.uid;
    if (!own || revision === held) continue;
    moves.push([`undo to ${revision}`, (next) => (next.undoTo(revision), true)]);
  }
  for (const name of routesOf(scenario))
    moves.push(
      [`apply route ${name}`, (next) => (next.applyRoute(name, BACKENDS), true)],
      [`delete route ${name}`, (next) => next.deleteRoute(name)],
    );
  const paused = sim.pausedByPerson;
  if (sim.status.trial?.phase !== 'HandingOver')
    moves.push([paused ? 'resume' : 'pause', (next) => (next.setPaused(!paused), true)]);
  for (const type of ['Promote', 'Abort', 'Retry', 'Resume'] as const) {
    moves.push([
      type,
      (next) => {
        const id = `${Number(next.status.lastAction?.id ?? 0) + 1}`;
        if (next.spec.rollout?.action?.id === id) return false;
        next.applySpec({ ...next.spec, rollout: { ...next.spec.rollout, action: { type, id } } });
        return true;
      },
    ]);
  }
  for (const version of [2, 3]) {
    const digest = digestOf(uri(version));
    moves.push([
      `pods of ${version} die`,
      (next) => next.fates.get(digest) === 'serves' && (next.fates.set(digest, 'crashes'), true),
    ]);
  }
  return moves;
}

import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import type { BackendRef } from '../http-route.ts';
import { NAME } from './cluster.ts';
import { deploymentController, garbageCollector, gatewayController, replicaSetController } from './controllers.ts';
import { digestOf, type Fate, reachNodes, startPods } from './kubelet.ts';
import { Simulator } from './simulator.ts';
import { stateKey } from './state-key.ts';

/** A small world: three versions of a model, of which the first serves and the second is wanted, and all that may happen. */
export interface Scenario {
  rollout: Rollout;
  /** Fate of the pods of versions 1, 2 and 3. */
  fates: readonly [Fate, Fate, Fate];
  replicas: number;
}

/** Something that may happen. */
export interface Move {
  name: string;
  /** False when there is nothing of it to be done. */
  apply: (sim: Simulator) => boolean;
  /** What the rules have to know of it afterwards. */
  means?: Meaning;
}

/** Pods are lost for a while; a version crashes from now on; a person undid. */
export type Meaning = 'loss' | 'death' | 'undo';

export const uri = (version: number): string => `oci://registry.example/models/digits:${version}`;
/** The digest is in the spec: resolving tags is not what is explored here. */
export const specOf = (version: number, { rollout, replicas }: Scenario): ModelDeploymentSpec => ({
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
  sim.now = Math.ceil(sim.now / HOUR_MS + 1) * HOUR_MS;
  sim.applySpec(specOf(2, scenario));
  return sim;
}

/** What goes on by itself besides the operator. */
export const CLUSTER: readonly Move[] = [
  { name: 'garbage collector', apply: (sim) => garbageCollector(sim.store) },
  { name: 'Deployment controller', apply: (sim) => deploymentController(sim.store) },
  { name: 'ReplicaSet controller', apply: (sim) => replicaSetController(sim.store) },
  { name: 'gateway', apply: (sim) => gatewayController(sim.store) },
  { name: 'kubelet', apply: (sim) => startPods(sim.store, sim.fates) },
  { name: 'node returns', apply: (sim) => reachNodes(sim.store, sim.fates) },
  { name: 'time', apply: timePasses },
];

/** Longer than every deadline and duration: it stands still, or all that was to be waited for is over. */
const HOUR_MS = 3_600_000;

/** False when everything began long ago already. */
function timePasses(sim: Simulator): boolean {
  const before = stateKey(sim);
  sim.now += HOUR_MS;
  return stateKey(sim) !== before;
}

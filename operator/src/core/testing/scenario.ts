import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import type { BackendRef } from '../objects/http-route.ts';
import { NAME } from './cluster.ts';
import { deploymentController, garbageCollector, gatewayController, replicaSetController } from './controllers.ts';
import { digestOf, type Fate, reachNodes, startPods } from './kubelet.ts';

import { Simulator } from './simulator.ts';
import { stateKey } from './state-key.ts';
import type { Policy } from './policy.ts';

/** A small world: three versions of a model, of which the first serves and the second is wanted, and all that may happen. */
export interface Scenario {
  rollout: Rollout;
  /** Fate of the pods of versions 1, 2 and 3. */
  fates: readonly [Fate, Fate, Fate];
  replicas: number;
  /** Admission policy that is in force from the beginning. */
  policy?: Policy | undefined;
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
  // Verdicts are numbers: what follows from a bad one is explored by Abort, from a good one by requests that are counted.
  rollout: { ...rollout, analysis: { minRequests: rollout.analysis?.minRequests ?? 0 } },
});

/** As the user wrote it: the model, and another backend with three times its share. */
export const BACKENDS: BackendRef[] = [
  { name: NAME, port: 80, weight: 1 },
  { name: 'other', port: 80, weight: 3 },
];
export const routesOf = ({ rollout }: Scenario): readonly string[] => rollout.gatewayAPI?.httpRoutes ?? [];

export function begin(scenario: Scenario): Simulator {
  const sim = new Simulator(specOf(1, scenario));
  sim.enforce(scenario.policy);
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
  { name: 'requests', apply: requestsAreCounted },
  { name: 'node returns', apply: (sim) => reachNodes(sim.store, sim.fates) },
  { name: 'time', apply: timePasses },
];

/** As many answers of the revision on trial as the analysis asks for, all good. */
export function requestsAreCounted(sim: Simulator): boolean {
  const { trial } = sim.status;
  const least = sim.spec.rollout?.analysis?.minRequests ?? 0;
  if (least === 0 || trial?.phase !== 'Running' || sim.counted.length > 0) return false;
  const tally = { requests: least, shared: { errors: 0, nonFinite: 0 }, errors: 0, nonFinite: 0, latency: [least] };
  const mirror = { compared: 0, differing: 0, failed: 0, nonFinite: 0 };
  const counts = { own: tally, target: tally, fallbacks: {}, replayed: 0, mirror, golden: { asked: 0, mismatches: 0 } };
  const report = { pod: 'p', revision: trial.from, weight: trial.weight, time: 0, counts: { ...counts, examples: [] } };
  sim.reports = [report];
  sim.reportsOf = trial.id;
  return true;
}

/** Longer than every deadline and duration: it stands still, or all that was to be waited for is over. */
const HOUR_MS = 3_600_000;

/** False when everything began long ago already. */
function timePasses(sim: Simulator): boolean {
  const before = stateKey(sim);
  sim.now += HOUR_MS;
  return stateKey(sim) !== before;
}

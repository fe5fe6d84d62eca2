import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import { canaryName } from '../names.ts';
import { sameJson } from '../objects/covers.ts';
import { isTerminating, revisionOfPod } from '../diagnose.ts';
import type { BackendRef } from '../objects/http-route.ts';
import { NAME } from './cluster.ts';
import { checkGates } from './gates.ts';
import { digestOf, reachNodes } from './kubelet.ts';
import { editLeft } from './policies.ts';
import { BACKENDS, requestsAreCounted, routesOf, type Meaning, type Scenario, uri } from './scenario.ts';
import type { Simulator } from './simulator.ts';
import { isReadyPod } from './store.ts';

/** What has happened on the way to a state, as far as the rules depend on it. */
export interface Past {
  /** Pods of a good revision were lost: fewer may answer than are promised, for a while or for good. */
  loss: 'none' | 'passing' | 'lasting';
  /** A person undid. */
  undone: boolean;
}

export const NOTHING_YET: Past = { loss: 'none', undone: false };

const reachedBy = (sim: Simulator): number => Object.values(sim.endpoints()).reduce((sum, count) => sum + count, 0);

/** What must hold of every step from one state to the next. */
export function checkStep(
  before: Simulator,
  after: Simulator,
  { undone }: Past,
  means: Meaning | undefined,
): string | undefined {
  const adopts = after.spec.rollbackTo !== undefined && after.spec.rollbackTo !== before.spec.rollbackTo;
  return adopts && !undone ? 'an undo is adopted that nobody made' : checkGates(before, after, means === 'undo');
}

/** What must hold at every moment. */
export function checkMoment(sim: Simulator, { replicas }: Scenario, { loss }: Past): string | undefined {
  const reached = reachedBy(sim);
  if (loss === 'none' && reached < replicas && !(isUndoneMidway(sim) && reachedAfter(1, sim) >= replicas))
    return `${reached} of ${replicas} pods are reached`;
  const able = sim.pods().filter((pod) => isReadyPod(pod) && mayAnswer(sim, revisionOfPod(pod)));
  if (reached === 0 && able.length >= replicas && reachedAfter(2, sim) === 0)
    return 'pods answer, and nobody reaches them';
  if (onlyUntried(sim) && onlyUntried(afterPasses(2, sim))) return 'a revision that was not tried gets all requests';
  if (leadsNowhere(sim) && leadsNowhere(afterPasses(2, sim)))
    return 'a gateway sends requests to a Service that is gone';
  const loose = sim.store
    .list<IReplicaSet>('ReplicaSet')
    .find(({ metadata }) => (metadata?.ownerReferences?.length ?? 0) === 0);
  return loose === undefined ? undefined : `ReplicaSet ${loose.metadata?.name} belongs to nobody`;
}

/** A gateway goes on to the Service of a trial that is gone. When somebody else deletes it, it is made again. */
function leadsNowhere(sim: Simulator): boolean {
  if (sim.store.get('Service', canaryName(NAME)) !== undefined) return false;
  const routes = sim.store.list<{ sendsTo?: readonly BackendRef[] }>('HTTPRoute');
  return routes.some(({ sendsTo = [] }) => sendsTo.some(({ name }) => name === canaryName(NAME)));
}

function onlyUntried(sim: Simulator): boolean {
  const reached = Object.keys(sim.endpoints()).map(Number);
  return reached.length > 0 && reached.every((revision) => !mayAnswer(sim, revision));
}

/** A revision on trial answers clients once a share of them is its own, and all when it has taken over. */
function mayAnswer({ status }: Simulator, revision: number): boolean {
  const { trial } = status;
  if (revision !== trial?.revision) return true;
  const isGiven = trial.phase === 'Running' && trial.strategy === 'Canary' && trial.weight > 0;
  return isGiven || ['Switched', 'Promoting', 'HandingOver'].includes(trial.phase);
}

/**
 * A person undid in the Deployment while pods were handed over to it after a switch. Its controller may take them away
 * before the operator has seen that; who reaches only them until the old ones are gone cannot prevent it, but must mend it
 * in the very next pass.
 */
function isUndoneMidway(sim: Simulator): boolean {
  const { trial } = sim.status;
  const handed = sim.canary === undefined || isTerminating(sim.canary);
  return (
    trial?.phase === 'HandingOver' && trial.weight === 100 && handed && sim.revisionInDeployment() !== trial.revision
  );
}

const reachedAfter = (passes: number, sim: Simulator): number => reachedBy(afterPasses(passes, sim));

/** When the operator makes so many passes before anybody else makes a move: one records, the next one moves. */
function afterPasses(passes: number, begun: Simulator): Simulator {
  const sim = begun.clone();
  for (let pass = 0; pass < passes; pass++) sim.reconcile();
  return sim;
}

const brief = ({ status, spec }: Simulator): string =>
  JSON.stringify({
    spec: spec.model.version,
    back: spec.rollbackTo,
    phase: status.phase,
    stable: status.stable?.revision,
    failed: status.failedTarget?.reason,
    trial: status.trial,
  });

const waitsForPerson = ({ status, pausedByPerson }: Simulator): boolean =>
  status.trial?.paused === true || pausedByPerson;

/** Whether the routes are as their user wrote them. */
function routesLeft(sim: Simulator, scenario: Scenario): 'as written' | 'changed' | 'gone' {
  const routes = routesOf(scenario).map((name) => sim.backendsOf(name));
  if (routes.includes(undefined)) return 'gone';
  return routes.every((refs) => sameJson(refs, BACKENDS)) ? 'as written' : 'changed';
}

/** Left alone, the world comes to rest: with the wanted version, or waiting for a person, or with the last good one. */
export function checkRest(begun: Simulator, scenario: Scenario, { loss }: Past): string | undefined {
  const sim = begun.clone();
  const wrong = comesToRest(sim) ?? restsFree(sim) ?? restsWell(sim, scenario, loss === 'lasting');
  return wrong === undefined ? undefined : `${wrong}, left alone: ${brief(sim)}`;
}

/** What a policy keeps it from is done once that is gone. */
function restsFree(sim: Simulator): string | undefined {
  if (sim.policy?.isBad !== true) return undefined;
  sim.enforce(undefined);
  return comesToRest(sim);
}

/** Writes of an hour in which nothing happens: what admission does not let be written is tried once, and told. */
const WRITES_AT_REST = 2;

function comesToRest(sim: Simulator): string | undefined {
  try {
    let made = 0;
    for (let hour = 0; hour < 6; hour++) {
      made = sim.writes.length;
      sim.settle();
      reachNodes(sim.store, sim.fates);
      requestsAreCounted(sim);
      sim.now += 3_600_000;
    }
    const late = sim.writes.slice(made);
    return late.length <= WRITES_AT_REST ? undefined : `it writes without end: ${late.join(', ')}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function restsWell(sim: Simulator, scenario: Scenario, crashed: boolean): string | undefined {
  const { status, spec } = sim;
  const left = editLeft(sim);
  if (left !== undefined) return `an edit of ${left} stands`;
  const routes = routesLeft(sim, scenario);
  if (waitsForPerson(sim) || routes === 'gone') return undefined;
  if (sim.deployment?.spec?.paused === true) return 'the Deployment is left paused';
  if (status.trial !== undefined) return 'a trial is left over';
  if (routes === 'changed') return 'a route is not as it was';
  if (sim.canary !== undefined || sim.store.get('Service', canaryName(NAME)) !== undefined)
    return 'something of a trial is left over';
  const wanted = Number(spec.model.version);
  const good = sim.fates.get(digestOf(uri(wanted))) === 'serves';
  const serves = Number(status.stable?.version);
  const free = spec.rollbackTo === undefined && status.failedTarget === undefined;
  if (good && free && (serves !== wanted || status.phase !== 'Ready')) return `version ${wanted} does not serve`;
  const reached = reachedBy(sim);
  return crashed || reached === scenario.replicas ? undefined : `${reached} pods are reached at rest`;
}

import type { IControllerRevision, IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPod, IService } from 'kubernetes-models/v1';
import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import { canonicalJson } from '../hash.ts';
import { canaryName, LABEL } from '../names.ts';
import { trafficOf } from '../trial/traffic.ts';
import type { BackendRef, HttpRoute } from '../http-route.ts';
import { deploymentController, garbageCollector, gatewayController, replicaSetController } from './controllers.ts';
import { digestOf, type Fate, NAME, Simulator } from './simulator.ts';
import { controllerOf, isReadyPod } from './store.ts';

/**
 * Explores a small world. Left to itself it goes one way: the operator makes its writes, then Kubernetes' controllers move
 * step by step. From every state of that way it is led astray by everything that can happen instead, as often as a budget
 * allows: a pass that dies after any write, one that decides on an older view, a controller that is quicker or slower, a
 * person who applies another version, undoes, pauses, asks for an action, pods that die. (Emmi, Qadeer, Rakamarić 2011,
 * "Delay-bounded scheduling": few deviations, at every place, find what orders of events can break.) Each state is looked
 * at once.
 */
export interface Exploration {
  /** Distinct states that were seen, and moves between them. */
  states: number;
  moves: number;
  /** All that can be reached within the budget was seen. */
  exhausted: boolean;
  /** Broken rules, each with the way that leads there. */
  broken: string[];
}

export interface ExploreOptions {
  rollout: Rollout;
  /** Fate of the pods of versions 1, 2 and 3. */
  fates: readonly [Fate, Fate, Fate];
  replicas: number;
  /** How often it is led astray. */
  budget: number;
  maxStates: number;
  /** Every so many states the world is left alone, and must come to rest well. */
  restEvery: number;
}

interface Node {
  sim: Simulator;
  budget: number;
  /** Pods of a good revision have died: fewer may answer than are promised. */
  accident: boolean;
  from: Node | undefined;
  by: string;
}

type Move = [name: string, apply: (sim: Simulator) => boolean];

const uri = (version: number): string => `oci://registry.example/models/digits:${version}`;
/** The digest is in the spec: resolving tags is not what is explored here. */
const specOf = (version: number, { rollout, replicas }: ExploreOptions): ModelDeploymentSpec => ({
  model: { uri: uri(version), digest: digestOf(uri(version)), version: String(version) },
  replicas,
  // Its verdicts are numbers; what follows from them is explored by Abort.
  rollout: { ...rollout, analysis: { minRequests: 0 } },
});

/** As the user wrote it: the model, and another backend with three times its share. */
const BACKENDS: BackendRef[] = [
  { name: NAME, port: 80, weight: 1 },
  { name: 'other', port: 80, weight: 3 },
];
const routesOf = ({ rollout }: ExploreOptions): readonly string[] => rollout.gatewayAPI?.httpRoutes ?? [];

export function explore(options: ExploreOptions): Exploration {
  const start = new Simulator(specOf(1, options));
  options.fates.forEach((fate, i) => start.fates.set(digestOf(uri(i + 1)), fate));
  for (const name of routesOf(options)) start.applyRoute(name, BACKENDS);
  start.settle();
  start.applySpec(specOf(2, options));
  const first: Node = { sim: start, budget: options.budget, accident: false, from: undefined, by: 'start' };
  const seen = new Set([keyOf(first)]);
  const queue: (Node | undefined)[] = [first];
  const result: Exploration = { states: 1, moves: 0, exhausted: false, broken: [] };
  for (let head = 0; head < queue.length && result.broken.length < 3; head++) {
    const node = queue[head] as Node;
    // A queue that keeps what it has done with would keep every state.
    queue[head] = undefined;
    if (head % options.restEvery === 0) result.broken.push(...restsWell(node, options));
    for (const next of successors(node, options)) {
      result.moves++;
      const key = keyOf(next);
      if (seen.has(key)) continue;
      if (seen.size >= options.maxStates) return { ...result, states: seen.size };
      seen.add(key);
      const wrong = check(next, options.replicas);
      if (wrong !== undefined) result.broken.push(`${wrong}\n    ${way(next)}`);
      queue.push(next);
    }
  }
  return { ...result, states: seen.size, exhausted: result.broken.length === 0 };
}

function way(node: Node): string {
  const steps: string[] = [];
  for (let at: Node | undefined = node; at !== undefined; at = at.from) steps.unshift(at.by);
  return steps.join(' → ');
}

function* successors(node: Node, options: ExploreOptions): Generator<Node> {
  const moved = ([name, apply]: Move, cost: number): Node | undefined => {
    const sim = node.sim.clone();
    if (!apply(sim)) return undefined;
    const accident = node.accident || name.startsWith('pods of');
    return { sim, budget: node.budget - cost, accident, from: node, by: name };
  };
  const own = [PASS, ...CLUSTER].findIndex((move) => moved(move, 0) !== undefined);
  for (const [i, move] of [PASS, ...CLUSTER].entries()) {
    const next = i < own ? undefined : moved(move, i === own ? 0 : 1);
    if (next !== undefined && next.budget >= 0) yield next;
  }
  if (node.budget === 0) return;
  const passes = node.sim.pendingWrites();
  for (let writes = 1; writes < passes; writes++) {
    const next = moved([`pass, dies after ${writes}`, (sim) => sim.reconcile(writes) > 0], 1);
    if (next !== undefined) yield next;
  }
  for (const move of people(node.sim, options)) {
    const next = moved(move, 1);
    if (next !== undefined) yield next;
  }
  if (passes === 0) return;
  for (const move of [...CLUSTER, ...people(node.sim, options)]) {
    const next = moved(move, 1);
    if (next === undefined) continue;
    // The operator has decided before, and writes now.
    next.sim.reconcile(Infinity, node.sim);
    yield { ...next, by: `${next.by}, then a pass that did not see it` };
  }
}

const PASS: Move = ['pass', (sim) => sim.reconcile() > 0];
const CLUSTER: readonly Move[] = [
  ['garbage collector', (sim) => garbageCollector(sim.store)],
  ['Deployment controller', (sim) => deploymentController(sim.store)],
  ['ReplicaSet controller', (sim) => replicaSetController(sim.store)],
  ['gateway', (sim) => gatewayController(sim.store)],
  ['kubelet', (sim) => sim.startPods()],
  ['time', (sim) => sim.timePasses()],
];

/** What people and accidents may do now. */
function people(sim: Simulator, options: ExploreOptions): Move[] {
  const moves: Move[] = [1, 2, 3].map((version) => [
    `apply ${version}`,
    (next) => {
      if (next.spec.model.uri === uri(version)) return false;
      next.applySpec(specOf(version, options));
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
  for (const name of routesOf(options))
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

/** What is the same whatever the names, times and words: two states with one key behave alike. */
function keyOf({ sim, budget, accident }: Node): string {
  const { status, spec } = sim;
  const parts: unknown[] = [
    budget,
    accident,
    spec.model.version,
    spec.rollbackTo?.revision,
    spec.rollbackTo?.from,
    sim.ownsRollbackTo,
    sim.pausedByPerson,
    spec.rollout?.action?.type,
    spec.rollout?.action?.id !== status.lastAction?.id,
    [...sim.fates.values()].map((fate) => (typeof fate === 'string' ? fate : fate.fails)).join(),
    status.stable?.revision,
    status.deployed,
    status.failedTarget?.revision,
    status.baking?.revision,
    status.phase,
  ];
  const { trial } = status;
  if (trial !== undefined) {
    const { revision, from, phase, step, weight, paused, promote, httpRoutes } = trial;
    parts.push(revision, from, phase, step, weight, paused, promote, trial.since === sim.moment, httpRoutes?.join());
  }
  for (const object of sim.store.all()) parts.push(...(OBJECT_KEYS[object.kind]?.(object as never) ?? []));
  return parts.join('|');
}

type KeyOf<T> = (object: T) => unknown[];

const OBJECT_KEYS: Record<string, KeyOf<never>> = {
  Deployment: deploymentKey,
  ReplicaSet: replicaSetKey,
  Pod: podKey,
  Service: serviceKey,
  HTTPRoute: routeKey,
  ControllerRevision: revisionKey,
};

function deploymentKey({ metadata, spec, status }: IDeployment): unknown[] {
  const seen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  const counts = [status?.updatedReplicas, status?.replicas, status?.availableReplicas];
  const surge = String(spec?.strategy?.rollingUpdate?.maxSurge);
  const held = spec?.template.metadata?.labels?.[LABEL.revision];
  return [
    'D',
    metadata?.name,
    held,
    spec?.replicas,
    spec?.paused,
    surge,
    seen,
    metadata?.finalizers?.join(),
    ...counts,
  ];
}

function replicaSetKey({ metadata, spec, status }: IReplicaSet): unknown[] {
  const owners = metadata?.ownerReferences?.map(({ name, controller }) => `${name}${controller}`).join();
  const revision = metadata?.labels?.[LABEL.revision];
  return ['R', revision, owners, spec?.replicas, status?.replicas, metadata?.finalizers?.join()];
}

function podKey(pod: IPod): unknown[] {
  const set = pod.metadata?.ownerReferences?.[0]?.name ?? '';
  const text = trafficOf(pod);
  const told = text === undefined ? '' : `${/"trial":"(\d+)/.exec(text)?.[1]}:${/"weight":(\d+)/.exec(text)?.[1]}`;
  const going = pod.metadata?.deletionTimestamp !== undefined;
  return ['P', pod.metadata?.labels?.[LABEL.revision], set.includes('canary'), isReadyPod(pod), going, told];
}

function serviceKey({ metadata, spec }: IService): unknown[] {
  return ['S', metadata?.name, spec?.selector?.[LABEL.revision]];
}

function routeKey({ spec, sendsTo = [] }: HttpRoute & { sendsTo?: readonly BackendRef[] }): unknown[] {
  const refs = [...(spec?.rules?.[0]?.backendRefs ?? []), ...sendsTo];
  return ['H', ...refs.map(({ name, weight }) => `${name}${weight}`)];
}

function revisionKey({ metadata }: IControllerRevision): unknown[] {
  return ['C', metadata?.name, Object.keys(metadata?.annotations ?? {}).length];
}

/** What must hold at every moment. */
function check({ sim, accident }: Node, replicas: number): string | undefined {
  const reached = Object.values(sim.endpoints()).reduce((sum, count) => sum + count, 0);
  if (!accident && reached < replicas) return `${reached} of ${replicas} pods are reached`;
  if (reached === 0 && sim.pods().filter(isReadyPod).length >= replicas && sim.status.trial === undefined)
    return 'pods answer, and nobody reaches them';
  const preview = sim.store.get('Service', canaryName(NAME));
  for (const { sendsTo = [] } of sim.store.list<{ sendsTo?: readonly BackendRef[] }>('HTTPRoute'))
    if (preview === undefined && sendsTo.some(({ name }) => name === canaryName(NAME)))
      return 'a gateway sends requests to a Service that is gone';
  const loose = sim.store
    .list<IReplicaSet>('ReplicaSet')
    .find(({ metadata }) => (metadata?.ownerReferences?.length ?? 0) === 0);
  return loose === undefined ? undefined : `ReplicaSet ${loose.metadata?.name} belongs to nobody`;
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
function routesLeft(sim: Simulator, options: ExploreOptions): 'as written' | 'changed' | 'gone' {
  const routes = routesOf(options).map((name) => sim.backendsOf(name));
  if (routes.includes(undefined)) return 'gone';
  return routes.every((refs) => canonicalJson(refs) === canonicalJson(BACKENDS)) ? 'as written' : 'changed';
}

/** Left alone, the world comes to rest: with the wanted version, or waiting for a person, or with the last good one. */
function restsWell(node: Node, options: ExploreOptions): string[] {
  const sim = node.sim.clone();
  const fail = (what: string): string[] => [`${what}\n    ${way(node)} → left alone: ${brief(sim)}`];
  try {
    for (let hour = 0; hour < 6; hour++) {
      sim.settle();
      sim.now += 3_600_000;
    }
  } catch (error) {
    return fail((error as Error).message);
  }
  const { status, spec } = sim;
  const routes = routesLeft(sim, options);
  if (waitsForPerson(sim) || routes === 'gone') return [];
  if (sim.deployment?.spec?.paused === true) return fail('the Deployment is left paused');
  if (status.trial !== undefined) return fail('a trial is left over');
  if (routes === 'changed') return fail('a route is not as it was');
  if (sim.canary !== undefined || sim.store.get('Service', canaryName(NAME)) !== undefined)
    return fail('something of a trial is left over');
  const wanted = Number(spec.model.version);
  const good = sim.fates.get(digestOf(uri(wanted))) === 'serves';
  const serves = Number(status.stable?.version);
  const free = spec.rollbackTo === undefined && status.failedTarget === undefined;
  if (good && free && (serves !== wanted || status.phase !== 'Ready')) return fail(`version ${wanted} does not serve`);
  const reached = Object.values(sim.endpoints()).reduce((sum, count) => sum + count, 0);
  if (!node.accident && reached !== options.replicas) return fail(`${reached} pods are reached at rest`);
  return [];
}

import type { IControllerRevision, IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPod, IService } from 'kubernetes-models/v1';
import type { ModelDeploymentStatus, Trial } from '../../api/modeldeployment.gen.ts';
import { LABEL } from '../names.ts';
import { trafficOf } from '../trial/traffic.ts';
import type { BackendRef, HttpRoute } from '../objects/http-route.ts';
import { hashOf } from './controllers.ts';
import { stateOf } from './kubelet.ts';
import type { Simulator } from './simulator.ts';
import type { Stored } from './store.ts';

/**
 * What is the same whatever the names, times and words: two states with one key behave alike. Of a time it matters only
 * whether it is now or long ago, because time passes in long steps here (scenario.ts).
 */
export function stateKey(sim: Simulator): string {
  const { status, now } = sim;
  const age: Age = (time) => (time === undefined ? undefined : ageOf(time, now));
  let key = [...specKey(sim), ...statusKey(status, age), ...trialKey(status.trial, age)].join('|');
  for (const object of sim.store.all()) {
    const { text, times } = keyOf(object);
    key += text;
    for (const time of times) key += ageOf(time, now);
  }
  return key;
}

type Age = (time: string | undefined) => number | undefined;

function specKey(sim: Simulator): unknown[] {
  const { spec, status } = sim;
  return [
    spec.model.version,
    spec.rollbackTo?.revision,
    spec.rollbackTo?.from,
    sim.ownsRollbackTo,
    sim.pausedByPerson,
    spec.rollout?.action?.type,
    spec.rollout?.action?.id !== status.lastAction?.id,
    [...sim.fates.values()].map((fate) => (typeof fate === 'string' ? fate : fate.fails)).join(),
    sim.counted.length,
    sim.policy?.name,
    sim.statusWrittenAt === undefined ? undefined : sim.statusWrittenAt === sim.now,
  ];
}

const statusKey = (status: ModelDeploymentStatus, age: Age): unknown[] => [
  status.stable?.revision,
  status.admitted?.map(({ part, hash, refused }) => `${part}${hash}${refused?.attempts ?? ''}`).join(),
  status.revisions?.map(({ revision }) => revision).join(),
  status.deployed,
  status.failedTarget?.revision,
  status.baking?.revision,
  age(status.baking?.until),
  status.stableUnavailable?.revision,
  age(status.stableUnavailable?.since),
  status.phase,
  age(status.conditions?.find(({ type }) => type === 'Progressing')?.lastTransitionTime),
];

function trialKey(trial: Trial | undefined, age: Age): unknown[] {
  if (trial === undefined) return [];
  const { revision, from, phase, step, weight, paused, promote, httpRoutes, since, verdict } = trial;
  return [revision, from, phase, step, weight, paused, promote, age(since), httpRoutes?.join(), verdict?.result];
}

/** 0 for long ago, 1 for now (conditions have whole seconds), 2 for what is to come. */
function ageOf(time: string, now: number): number {
  const ms = Date.parse(time);
  return ms > now ? 2 : ms > now - 1000 ? 1 : 0;
}

interface ObjectKey {
  text: string;
  times: readonly string[];
}

/** Objects are never changed, only replaced. */
const keys = new WeakMap<Stored, ObjectKey>();

function keyOf(object: Stored): ObjectKey {
  let key = keys.get(object);
  if (key === undefined) {
    const parts = OBJECT_KEYS[object.kind]?.(object as never) ?? [];
    const times = TIMES[object.kind]?.(object as never) ?? [];
    const { labels: found = {} } = object.metadata;
    const labels = [found[LABEL.managedBy], found[LABEL.revision], found['team']];
    key = { text: `\n${[...parts, ...labels].join('|')}|`, times: times.filter((time) => time !== undefined) };
    keys.set(object, key);
  }
  return key;
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

/** Times on which a decision may depend. */
const TIMES: Record<string, (object: never) => (string | undefined)[]> = {
  Deployment: ({ metadata, status }: IDeployment & Stored) => [
    metadata.creationTimestamp,
    ...(status?.conditions ?? []).map(({ lastUpdateTime }) => lastUpdateTime),
  ],
  Pod: ({ metadata, status }: IPod & Stored) => [
    metadata.creationTimestamp,
    ...(status?.conditions ?? []).map(({ lastTransitionTime }) => lastTransitionTime),
  ],
};

function deploymentKey({ metadata, spec, status }: IDeployment): unknown[] {
  const seen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  const counts = [status?.updatedReplicas, status?.replicas, status?.availableReplicas];
  const surge = String(spec?.strategy?.rollingUpdate?.maxSurge);
  return [
    'D',
    metadata?.name,
    hashOf(spec?.template),
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
  return ['R', hashOf(spec?.template), owners, spec?.replicas, status?.replicas, metadata?.finalizers?.join()];
}

function podKey(pod: IPod): unknown[] {
  const set = pod.metadata?.ownerReferences?.[0]?.name ?? '';
  const text = trafficOf(pod);
  const told = text === undefined ? '' : `${/"trial":"(\d+)/.exec(text)?.[1]}:${/"weight":(\d+)/.exec(text)?.[1]}`;
  const going = pod.metadata?.deletionTimestamp !== undefined;
  const state = JSON.stringify(stateOf(pod));
  return ['P', pod.metadata?.labels?.[LABEL.revision], set.includes('canary'), state, going, told];
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

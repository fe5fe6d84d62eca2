import type { IControllerRevision, IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPod, IService } from 'kubernetes-models/v1';
import { LABEL } from '../names.ts';
import { trafficOf } from '../trial/traffic.ts';
import type { BackendRef, HttpRoute } from '../http-route.ts';
import type { Simulator } from './simulator.ts';
import { isReadyPod } from './store.ts';

/** What is the same whatever the names, times and words: two states with one key behave alike. */
export function stateKey(sim: Simulator): string {
  const { status, spec } = sim;
  const parts: unknown[] = [
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

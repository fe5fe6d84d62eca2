import type { IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPod } from 'kubernetes-models/v1';
import { shortHash } from '../objects/hash.ts';
import { portionOf } from '../objects/quantity.ts';
import type { HttpRoute } from '../objects/http-route.ts';
import { controllerOf, isReadyPod, matches, type ObjectStore, type OwnerReference, type Stored } from './store.ts';

/**
 * The controllers of Kubernetes that matter here, reduced to their decisions: Deployment, ReplicaSet, garbage collector.
 * Each call makes one small step and answers whether there was one to make. The stories test the real ones.
 */
export type Controller = (store: ObjectStore) => boolean;

const asStored = (object: object): Stored => object as Stored;
const uidOf = (object: { metadata?: { uid?: string } }): string => object.metadata?.uid ?? '';
const isGoing = (object: { metadata?: { deletionTimestamp?: unknown } }): boolean =>
  object.metadata?.deletionTimestamp !== undefined;

function reference(owner: IDeployment | IReplicaSet): OwnerReference {
  return { uid: uidOf(owner), kind: owner.kind, name: owner.metadata?.name ?? '', controller: true };
}

/** Adopts, makes the ReplicaSet of its template, rolls within its bounds, and reports. */
export function deploymentController(store: ObjectStore): boolean {
  for (const deployment of store.list<IDeployment>('Deployment')) {
    if (isGoing(deployment)) continue;
    // It goes on with what it has adopted in the same pass.
    const adopted = adopt(store, deployment);
    const own = store.list<IReplicaSet>('ReplicaSet').filter((set) => controllerOf(set) === uidOf(deployment));
    const wanted = hashOf(deployment.spec?.template);
    const fresh = own.find((set) => hashOf(set.spec?.template) === wanted);
    if (deployment.spec?.paused === true) {
      if (scalePaused(store, deployment, own, fresh)) return true;
    } else {
      if (fresh === undefined) return makeSet(store, deployment);
      if (roll(store, deployment, own, fresh)) return true;
    }
    if (report(store, deployment, own, fresh) || adopted) return true;
  }
  return false;
}

const hashes = new WeakMap<object, string>();

/** Templates are shared and never changed, so that their hash can be kept. */
export function hashOf(template: object | undefined): string {
  if (template === undefined) return '';
  const hash = hashes.get(template) ?? shortHash(template);
  hashes.set(template, hash);
  return hash;
}

function adopt(store: ObjectStore, deployment: IDeployment): boolean {
  const set = store
    .list<IReplicaSet>('ReplicaSet')
    .find(
      (one) => controllerOf(one) === undefined && matches(one.metadata?.labels, deployment.spec?.selector.matchLabels),
    );
  if (set === undefined) return false;
  store.change(asStored(set), ({ metadata }) => {
    metadata.ownerReferences = [...(metadata.ownerReferences ?? []), reference(deployment)];
  });
  return true;
}

function makeSet(store: ObjectStore, deployment: IDeployment): boolean {
  const template = deployment.spec?.template;
  const base = `${deployment.metadata?.name}-${hashOf(template)}`;
  // As after a collision of hashes: another set has the name.
  const name = store.get('ReplicaSet', base) === undefined ? base : `${base}-${store.version}`;
  const { annotations } = deployment.metadata ?? {};
  const metadata = { name, labels: template?.metadata?.labels, annotations, ownerReferences: [reference(deployment)] };
  store.create({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata, spec: { replicas: 0, template } });
  return true;
}

/** One step of a rolling update: new ones up to the surge, old ones down as far as enough are available. */
function roll(store: ObjectStore, deployment: IDeployment, own: IReplicaSet[], fresh: IReplicaSet): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  const { maxSurge = 1, maxUnavailable = 0 } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const total = own.reduce((sum, set) => sum + size(set), 0);
  const limit = wanted + portionOf(maxSurge, wanted, 'up');
  const grown = Math.min(wanted, size(fresh) + Math.max(0, limit - total));
  if (size(fresh) !== grown) return scale(store, fresh, grown);
  const least = wanted - portionOf(maxUnavailable, wanted, 'down');
  const old = own.filter((one) => one !== fresh && size(one) > 0);
  // What is being removed no longer counts, and what is still coming up does not yet.
  const coming = size(fresh) - podsOf(store, fresh).filter(isReadyPod).length;
  if (own.reduce((sum, set) => sum + size(set), 0) - least - coming <= 0) return false;
  for (const set of old) {
    const healthy = podsOf(store, set).filter(isReadyPod).length;
    // Pods that do not answer are of no use to anybody.
    if (healthy < size(set)) return scale(store, set, healthy);
  }
  const [first] = old;
  const ready = own.flatMap((set) => podsOf(store, set)).filter(isReadyPod).length;
  if (first !== undefined && ready > least) return scale(store, first, size(first) - 1);
  return false;
}

/**
 * A paused Deployment does not roll, but it scales: one active set to all replicas; several down to what the surge allows,
 * or the old ones to nothing at once when the new one has every wanted pod.
 */
function scalePaused(store: ObjectStore, deployment: IDeployment, own: readonly IReplicaSet[], fresh?: IReplicaSet) {
  const wanted = deployment.spec?.replicas ?? 1;
  const active = own.filter((set) => size(set) > 0).sort((a, b) => size(b) - size(a));
  const [first = fresh] = active;
  if (first === undefined) return false;
  if (active.length <= 1) return size(first) !== wanted && scale(store, first, wanted);
  if (fresh !== undefined && isSaturated(store, fresh, wanted)) {
    const old = active.find((set) => set !== fresh);
    return old !== undefined && scale(store, old, 0);
  }
  const allowed = wanted + portionOf(deployment.spec?.strategy?.rollingUpdate?.maxSurge ?? 1, wanted, 'up');
  const total = active.reduce((sum, set) => sum + size(set), 0);
  return total > allowed && scale(store, first, size(first) - 1);
}

const isSaturated = (store: ObjectStore, set: IReplicaSet, wanted: number): boolean =>
  size(set) === wanted && podsOf(store, set).filter(isReadyPod).length === wanted;

const size = (set: IReplicaSet): number => set.spec?.replicas ?? 0;
const podsOf = (store: ObjectStore, set: IReplicaSet): IPod[] =>
  store.list<IPod>('Pod').filter((pod) => controllerOf(pod) === uidOf(set) && !isGoing(pod));

function scale(store: ObjectStore, set: IReplicaSet, replicas: number): boolean {
  const edit = ({ spec }: IReplicaSet): void => {
    if (spec !== undefined) spec.replicas = replicas;
  };
  store.change(set, edit, true);
  return true;
}

function report(store: ObjectStore, deployment: IDeployment, own: IReplicaSet[], fresh: IReplicaSet | undefined) {
  const pods = own.flatMap((set) => podsOf(store, set));
  const ready = pods.filter(isReadyPod).length;
  const counts = {
    observedGeneration: deployment.metadata?.generation ?? 1,
    replicas: pods.length,
    updatedReplicas: fresh === undefined ? 0 : podsOf(store, fresh).length,
    readyReplicas: ready,
    availableReplicas: ready,
  };
  const before = deployment.status as Partial<typeof counts> | undefined;
  const same = (Object.keys(counts) as (keyof typeof counts)[]).every((key) => before?.[key] === counts[key]);
  if (same) return false;
  const lastUpdateTime = new Date(store.now).toISOString();
  store.change(deployment, (next) => {
    next.status = { ...counts, conditions: [{ type: 'Progressing', status: 'True', lastUpdateTime }] };
  });
  return true;
}

/** Makes and removes pods; those that do not answer go first. */
export function replicaSetController(store: ObjectStore): boolean {
  for (const set of store.list<IReplicaSet>('ReplicaSet').filter((one) => !isGoing(one))) {
    const pods = podsOf(store, set);
    if (pods.length < size(set)) return makePod(store, set);
    if (pods.length > size(set)) {
      const victim = pods.find((pod) => !isReadyPod(pod)) ?? pods[0];
      if (victim !== undefined) endPod(store, asStored(victim));
      return true;
    }
    if (set.status?.replicas !== pods.length) {
      store.change(set, (next) => void (next.status = { replicas: pods.length }));
      return true;
    }
  }
  return false;
}

function endPod(store: ObjectStore, pod: Stored): void {
  if (store.drainMs === 0) return store.remove(pod);
  const end = new Date(store.now + store.drainMs).toISOString();
  store.change(pod, ({ metadata }) => void (metadata.deletionTimestamp = end));
}

function makePod(store: ObjectStore, set: IReplicaSet): boolean {
  const { metadata, spec } = set.spec?.template ?? {};
  const name = `${set.metadata?.name}-${store.version}`;
  const meta = { ...metadata, name, ownerReferences: [{ ...reference(set), kind: 'ReplicaSet' }] };
  store.create({ apiVersion: 'v1', kind: 'Pod', metadata: meta, spec });
  return true;
}

/** Takes a new generation of an HTTPRoute, and sends requests as that one says from then on. */
export function gatewayController(store: ObjectStore): boolean {
  for (const route of store.list<HttpRoute & Stored>('HTTPRoute')) {
    const { generation } = route.metadata;
    const conditions = [{ observedGeneration: generation }];
    if (route.status?.parents?.[0]?.conditions?.[0]?.observedGeneration === generation) continue;
    store.change(route, (next) => {
      next.status = { parents: [{ conditions }] };
      next['sendsTo'] = route.spec?.rules?.flatMap(({ backendRefs = [] }) => backendRefs);
    });
    return true;
  }
  return false;
}

/** Lets go of what is orphaned, and removes what nobody owns any more; in the foreground dependents go first. */
export function garbageCollector(store: ObjectStore): boolean {
  const dependents = (uid: string): Stored[] =>
    store.all().filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
  // Pods are ended by the kubelet.
  for (const object of store.all().filter((one) => isGoing(one) && one.kind !== 'Pod')) {
    const left = dependents(object.metadata.uid);
    const [first] = left.filter((one) => !isGoing(one));
    if (first === undefined) {
      if (left.length > 0) continue;
      store.remove(object);
    } else if (object.metadata.finalizers?.includes('Orphan') === true) {
      const others = (first.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== object.metadata.uid);
      store.change(first, ({ metadata }) => void (metadata.ownerReferences = others));
    } else {
      store.delete(first.kind, first.metadata.name, first.metadata.uid, 'Foreground');
      if (dependents(first.metadata.uid).length === 0) store.remove(first);
    }
    return true;
  }
  return dropDangling(store);
}

/** What no owner is left of goes; of several owners those that are gone are forgotten. */
function dropDangling(store: ObjectStore): boolean {
  const alive = new Set(store.all().map(({ metadata }) => metadata.uid));
  const isAlive = ({ uid, kind }: OwnerReference): boolean => kind === 'ModelDeployment' || alive.has(uid);
  const owned = store.all().find(({ metadata }) => metadata.ownerReferences?.some((owner) => !isAlive(owner)));
  if (owned === undefined) return false;
  const left = owned.metadata.ownerReferences?.filter(isAlive) ?? [];
  if (left.length === 0) store.remove(owned);
  else store.change(owned, ({ metadata }) => void (metadata.ownerReferences = left));
  return true;
}

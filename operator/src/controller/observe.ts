import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IService, IServiceAccount } from 'kubernetes-models/v1';
import { withDefaults } from '../api/defaults.ts';
import { ANNOTATION, canaryName, LABEL } from '../core/names.ts';
import { readRevision } from '../core/revision.ts';
import type { Settings, World } from '../core/world.ts';
import { type KubeObject, type Store, keyOf } from '../runtime/index.ts';
import { BY_MODEL, type HttpRouteInformer, type Informers, type LiveModel } from './watches.ts';

/** What the controller remembers between two passes; all of it may be lost. */
export interface Memory {
  /** Passes in a row of which a write met an object that had changed. */
  stale?: number;
  statusWrittenAt?: number;
}

/** Gathers everything the decision may depend on, from the caches. The only reader of them. */
export function observe(
  model: LiveModel,
  informers: Informers,
  settings: Settings,
  memory: Memory,
  now: number,
  also: Pick<World, 'reports' | 'measurements' | 'routes'>,
): World {
  const key = keyOf(model.metadata);
  const { uid } = model.metadata;
  const owned = <T extends KubeObject>({ store }: { store: Store<T> }): T[] =>
    store.byIndex(BY_MODEL, key).filter((object) => isControlledBy(object, uid));
  const deployments = owned(informers.deployments);
  const services = owned(informers.services);
  const named = <T extends KubeObject>(objects: readonly T[], wanted: string): T | undefined =>
    objects.find((object) => object.metadata.name === wanted);
  const uids = new Set(deployments.map((object) => object.metadata.uid));
  const replicaSets = informers.replicaSets.store.byIndex(BY_MODEL, key).filter(
    // Handed over from one Deployment to the other it has no controller, but the ModelDeployment as an owner.
    (set) => uids.has(controllerUid(set) ?? '') || set.metadata.ownerReferences?.some((owner) => owner.uid === uid),
  );
  const setUids = new Set(replicaSets.map((set) => set.metadata.uid));
  const pods = informers.pods.store.byIndex(BY_MODEL, key);
  const { name, namespace = '', generation = 0, resourceVersion } = model.metadata;
  return {
    now,
    settings,
    model: {
      name,
      namespace,
      uid,
      generation,
      resourceVersion,
      spec: withDefaults(model.spec),
      status: model.status ?? {},
      ownsRollbackTo: model.ownsRollbackTo === true,
      requestedBy: model.requestedBy,
      why: model.metadata.annotations?.[ANNOTATION.changeCause],
    },
    deployment: named(deployments, name) as World['deployment'],
    canary: named(deployments, canaryName(name)) as World['canary'],
    replicaSets: replicaSets as unknown as World['replicaSets'],
    revisions: owned(informers.revisions)
      .map((object) => readRevision(object as Parameters<typeof readRevision>[0]))
      .filter((revision) => revision !== undefined)
      .sort((a, b) => a.number - b.number),
    pods: pods.filter(
      (pod) => controllerUid(pod) !== undefined && setUids.has(controllerUid(pod) ?? ''),
    ) as World['pods'],
    resolvers: pods.filter(
      (pod) => pod.metadata.labels?.[LABEL.resolves] === name && isControlledBy(pod, uid),
    ) as World['resolvers'],
    service: named(services, name) as IService | undefined,
    preview: named(services, canaryName(name)) as IService | undefined,
    ...also,
    disruptionBudget: owned(informers.disruptionBudgets)[0] as IPodDisruptionBudget | undefined,
    serviceAccount: owned(informers.serviceAccounts)[0] as IServiceAccount | undefined,
    statusWrittenAt: memory.statusWrittenAt,
  };
}

/** HTTPRoutes of a namespace, or why there are none to be had. */
export function routesIn(informer: HttpRouteInformer | undefined, namespace: string | undefined): World['routes'] {
  if (informer === undefined) return 'NotEnabled';
  if (!informer.isServed()) return 'NotInstalled';
  return informer.store.list().filter(({ metadata }) => metadata.namespace === namespace);
}

const controllerUid = (object: KubeObject): string | undefined =>
  object.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;

export const isControlledBy = (object: KubeObject, uid: string | undefined): boolean =>
  uid !== undefined && controllerUid(object) === uid;

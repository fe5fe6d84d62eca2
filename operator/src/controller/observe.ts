import { withDefaults } from '../api/defaults.ts';
import { ANNOTATION } from '../core/names.ts';
import { type Candidates, recognise } from '../core/objects/recognise.ts';
import type { ChildKind } from '../core/actions.ts';
import { readRevision } from '../core/revisions/revision.ts';
import type { Settings, World } from '../core/world.ts';
import { type KubeObject, type Store, keyOf } from '../runtime/index.ts';
import { BY_MODEL, type HttpRouteInformer, type Informers, type LiveModel } from './watches.ts';

/** What the controller remembers between two passes; all of it may be lost. */
export interface Memory {
  /** Passes in a row of which a write met an object that had changed. */
  stale?: number;
  statusWrittenAt?: number;
  /** Uids of its children. */
  known?: Set<string>;
}

/** Children that the caches lack, as they are read live. */
export type Live = Partial<Record<ChildKind, KubeObject[]>>;

/** Gathers everything the decision may depend on, from the caches. The only reader of them. */
export function observe(
  model: LiveModel,
  informers: Informers,
  settings: Settings,
  memory: Memory,
  now: number,
  also: Pick<World, 'reports' | 'measurements' | 'warmups' | 'routes'>,
  live: Live = {},
): World {
  const key = keyOf(model.metadata);
  const { uid } = model.metadata;
  const { known = new Set<string>() } = memory;
  memory.known = known;
  const candidates = <K extends ChildKind>(kind: K, { store }: { store: Store<KubeObject> }): KubeObject[] => {
    const cached = store.byIndex(BY_MODEL, key);
    const uids = new Set(cached.map(({ metadata }) => metadata.uid));
    return [...cached, ...(live[kind] ?? []).filter(({ metadata }) => !uids.has(metadata.uid))];
  };
  const { name, namespace = '', generation = 0, resourceVersion } = model.metadata;
  const all: Record<keyof Candidates, KubeObject[]> = {
    deployments: candidates('Deployment', informers.deployments),
    replicaSets: candidates('ReplicaSet', informers.replicaSets),
    pods: candidates('Pod', informers.pods),
    revisions: candidates('ControllerRevision', informers.revisions),
    services: candidates('Service', informers.services),
    disruptionBudgets: candidates('PodDisruptionBudget', informers.disruptionBudgets),
    serviceAccounts: candidates('ServiceAccount', informers.serviceAccounts),
  };
  const children = recognise({ name, namespace, uid }, all as unknown as Candidates, known, (object) =>
    readRevision(object, settings.servingImage),
  );
  for (const object of Object.values(all).flat()) if (isControlledBy(object, uid)) known.add(object.metadata.uid);
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
    ...children,
    ...also,
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

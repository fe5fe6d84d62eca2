import type { IControllerRevision, IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IPod, IService, IServiceAccount } from 'kubernetes-models/v1';
import { KIND } from '../api/group.ts';
import type { ModelDeployment } from '../api/modeldeployment.gen.ts';
import type { HttpRoute } from '../core/objects/http-route.ts';
import { FIELD_MANAGER, INSTANCE_LABEL, MANAGED_SELECTOR, managedSelectorOf } from '../core/names.ts';
import { type Edited, editorsOf } from '../core/objects/managers.ts';
import {
  type Change,
  Informer,
  type InformerOptions,
  type KubeObject,
  keyOf,
  OptionalInformer,
} from '../runtime/index.ts';
import { MODEL_DEPLOYMENTS, WRITTEN } from './resources.ts';

/** A kind's own type, as read from the API server. */
export type Live<T> = Omit<T, 'metadata' | 'apiVersion' | 'kind'> & KubeObject;
/** A ModelDeployment with what matters of its managed fields. */
export type LiveModel = Live<ModelDeployment> & { ownsRollbackTo?: boolean; requestedBy?: string };

export type Informers = ReturnType<typeof makeInformers>;

/** Index of all children by `namespace/name` of their ModelDeployment. */
export const BY_MODEL = 'model';

type Common = Pick<InformerOptions<KubeObject>, 'client' | 'namespaces' | 'log' | 'metrics'>;

/**
 * What the operator watches. Children are found by one label, so objects of others are never even cached. With `only`
 * there is but one ModelDeployment, and its children, to be seen.
 */
export function makeInformers(common: Common, only?: string) {
  const labelSelector = only === undefined ? MANAGED_SELECTOR : managedSelectorOf(only);
  const fieldSelector = only === undefined ? undefined : `metadata.name=${only}`;
  const child = <T extends KubeObject>(type: InformerOptions<T>['type'], transform?: (object: T) => T) =>
    new Informer<T>({
      ...common,
      type,
      labelSelector,
      indexes: { [BY_MODEL]: (object) => modelKeys(object) },
      ...(transform === undefined ? {} : { transform }),
    });
  return {
    models: new Informer<LiveModel>({
      ...common,
      type: MODEL_DEPLOYMENTS,
      fieldSelector,
      transform: noteManagers,
    }),
    deployments: child<Live<IDeployment> & Edited>(WRITTEN.Deployment, noteEditors),
    replicaSets: child<Live<IReplicaSet>>(WRITTEN.ReplicaSet, slimReplicaSet),
    revisions: child<Live<IControllerRevision>>(WRITTEN.ControllerRevision),
    pods: child<Live<IPod>>(WRITTEN.Pod, slimPod),
    services: child<Live<IService>>(WRITTEN.Service),
    disruptionBudgets: child<Live<IPodDisruptionBudget>>(WRITTEN.PodDisruptionBudget),
    serviceAccounts: child<Live<IServiceAccount>>(WRITTEN.ServiceAccount),
  };
}

export type HttpRouteInformer = OptionalInformer<Live<HttpRoute>>;

/** HTTPRoutes are users', and bear no label of ours: all of them are watched, once the cluster has Gateway API. */
export const makeRouteInformer = (common: Common): HttpRouteInformer =>
  new OptionalInformer<Live<HttpRoute>>({ ...common, type: WRITTEN.HTTPRoute });

/** A change of an HTTPRoute wakes the ModelDeployments whose trials use it. */
export function wakeByRoutes(routes: HttpRouteInformer, models: Informers['models'], enqueue: (key: string) => void) {
  routes.store.onChange(({ object: { metadata } }) => {
    for (const { metadata: owner, spec, status } of models.store.list()) {
      const names = [...(spec.rollout?.gatewayAPI?.httpRoutes ?? []), ...(status?.trial?.httpRoutes ?? [])];
      if (owner.namespace === metadata.namespace && names.includes(metadata.name)) enqueue(keyOf(owner));
    }
  });
}

/** Every change of a ModelDeployment or of a child wakes that ModelDeployment. */
export function wake(informers: Informers, enqueue: (key: string) => void): void {
  informers.models.store.onChange(({ object }) => enqueue(keyOf(object.metadata)));
  for (const informer of Object.values(informers)) {
    if (informer === informers.models) continue;
    (informer.store.onChange as (handler: (change: Change<KubeObject>) => void) => void)(({ object }) => {
      for (const key of modelKeys(object)) enqueue(key);
    });
  }
}

function modelKeys(object: KubeObject): string[] {
  const { namespace, ownerReferences, labels } = object.metadata;
  const owner = ownerReferences?.find(({ kind }) => kind === KIND)?.name ?? labels?.[INSTANCE_LABEL];
  return owner === undefined ? [] : [keyOf({ namespace, name: owner })];
}

/** Who else wrote a part of it: kept where it is somebody, for what is said of edits. */
function noteEditors<T extends KubeObject>(object: T): T & Edited {
  const editors = editorsOf(object.metadata.managedFields);
  return editors.length === 0 ? object : { ...object, editors };
}

/** Who wrote spec.rollbackTo and spec.model, from the managed fields, which are not worth caching. */
export function noteManagers(object: LiveModel): LiveModel {
  const { managedFields, ...metadata } = object.metadata;
  const fields = (managedFields ?? []) as ManagedField[];
  const owns = (part: 'f:rollbackTo' | 'f:model'): ManagedField[] =>
    fields.filter(({ fieldsV1 }) => fieldsV1?.['f:spec']?.[part] !== undefined);
  const ownsRollbackTo = owns('f:rollbackTo').some(({ manager }) => manager === FIELD_MANAGER);
  const [latest] = owns('f:model').sort((x, y) => (y.time ?? '').localeCompare(x.time ?? ''));
  const requestedBy = latest?.manager === undefined ? undefined : `${latest.manager}, ${latest.time ?? ''}`;
  return { ...object, metadata, ownsRollbackTo, ...(requestedBy === undefined ? {} : { requestedBy }) };
}

interface ManagedField {
  manager?: string;
  time?: string;
  fieldsV1?: { 'f:spec'?: { 'f:rollbackTo'?: unknown; 'f:model'?: unknown } };
}

/** Of a ReplicaSet's template only the labels are worth caching: the Deployment and the history have the rest. */
function slimReplicaSet({ spec, ...set }: Live<IReplicaSet>): Live<IReplicaSet> {
  const { replicas, selector, template } = spec ?? {};
  const { labels } = template?.metadata ?? {};
  return {
    ...set,
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: selector ?? {},
      ...(labels === undefined ? {} : { template: { metadata: { labels } } }),
    },
  };
}

/** Of a pod only its status matters here, and how long a resolver may take. */
function slimPod({ spec, ...pod }: Live<IPod>): Live<IPod> {
  const activeDeadlineSeconds = spec?.activeDeadlineSeconds;
  return activeDeadlineSeconds === undefined ? pod : { ...pod, spec: { containers: [], activeDeadlineSeconds } };
}

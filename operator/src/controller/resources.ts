import type { WrittenKind } from '../core/actions.ts';
import { GROUP, KIND, PLURAL, VERSION } from '../api/group.ts';
import type { ResourceType } from '../runtime/index.ts';

const resource = (group: string, kind: string, plural: string, version = 'v1'): ResourceType => ({
  group,
  version,
  kind,
  plural,
  namespaced: true,
});

export const MODEL_DEPLOYMENTS = resource(GROUP, KIND, PLURAL, VERSION);

/** The kinds the operator writes: its children, and the HTTPRoutes of users. */
export const WRITTEN: Record<WrittenKind, ResourceType> = {
  ControllerRevision: resource('apps', 'ControllerRevision', 'controllerrevisions'),
  Deployment: resource('apps', 'Deployment', 'deployments'),
  HTTPRoute: resource('gateway.networking.k8s.io', 'HTTPRoute', 'httproutes'),
  Pod: resource('', 'Pod', 'pods'),
  PodDisruptionBudget: resource('policy', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  ReplicaSet: resource('apps', 'ReplicaSet', 'replicasets'),
  Service: resource('', 'Service', 'services'),
  ServiceAccount: resource('', 'ServiceAccount', 'serviceaccounts'),
};

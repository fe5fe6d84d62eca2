import type { ChildKind } from '../core/actions.ts';
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

/** The kinds the operator writes as children. */
export const CHILDREN: Record<ChildKind, ResourceType> = {
  ControllerRevision: resource('apps', 'ControllerRevision', 'controllerrevisions'),
  Deployment: resource('apps', 'Deployment', 'deployments'),
  Pod: resource('', 'Pod', 'pods'),
  PodDisruptionBudget: resource('policy', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  ReplicaSet: resource('apps', 'ReplicaSet', 'replicasets'),
  Service: resource('', 'Service', 'services'),
  ServiceAccount: resource('', 'ServiceAccount', 'serviceaccounts'),
};

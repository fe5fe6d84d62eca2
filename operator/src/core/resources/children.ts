import { PORT } from '@modeldeployment/modelpack/contract';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IService, IServiceAccount } from 'kubernetes-models/v1';
import { type Owner, canaryName, childLabels, ownerReference, podSelector } from '../names.ts';

/** The children that are the same for every revision: what a client calls, and what keeps evictions in bounds. */

const metadata = (owner: Owner) => ({
  name: owner.name,
  namespace: owner.namespace,
  labels: childLabels(owner.name),
  ownerReferences: [ownerReference(owner)],
});

/** @param revision the only one whose pods it selects; undefined: those of all */
export const makeService = (owner: Owner, revision?: number): IService => serviceOf(owner, owner.name, revision);

/** The pods on trial by themselves: where the serving ones forward to, and a person looks at a preview. */
export const makePreview = (owner: Owner, revision: number): IService =>
  serviceOf(owner, canaryName(owner.name), revision);

function serviceOf(owner: Owner, name: string, revision: number | undefined): IService {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...metadata(owner), name },
    spec: {
      selector: podSelector(owner.name, revision),
      ports: [
        { name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' },
        { name: 'grpc', port: PORT.grpc, targetPort: 'grpc', protocol: 'TCP' },
        { name: 'metrics', port: PORT.admin, targetPort: 'admin', protocol: 'TCP' },
      ],
    },
  };
}

/**
 * One pod may be evicted at a time, and a pod that is not ready always may: a broken revision must never block the
 * drain of a node.
 */
export function makeDisruptionBudget(owner: Owner, revision?: number): IPodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(owner),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: podSelector(owner.name, revision) },
    },
  };
}

/**
 * An identity without any right: model servers get no token. The kubelet pulls with its Secrets, of which the API server takes
 * the list as a whole: those that are there already, of a person or of the platform, stay.
 */
export function makeServiceAccount(
  owner: Owner,
  pullSecrets: readonly string[],
  live?: IServiceAccount,
): IServiceAccount {
  const there = live?.imagePullSecrets ?? [];
  const missing = pullSecrets.filter((secret) => !there.some(({ name }) => name === secret));
  const imagePullSecrets = [...there, ...missing.map((name) => ({ name }))];
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadata(owner),
    automountServiceAccountToken: false,
    ...(imagePullSecrets.length === 0 ? {} : { imagePullSecrets }),
  };
}

import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Names, addresses and folders of one cluster. Pure: everything follows from its name. All addresses live in network
 * namespaces of the cluster itself, so two clusters may use the same ones.
 */

export const LINK = {
  network: '172.30.0.0/24',
  registry: '172.30.0.1',
  controlPlane: '172.30.0.10',
  node: (index: number): string => `172.30.0.${20 + index}`,
} as const;

export const SERVICES = { network: '10.96.0.0/16', apiserver: '10.96.0.1', dns: '10.96.0.10' } as const;
export const PODS = { network: '10.244.0.0/16', ofNode: (index: number): string => `10.244.${index}.0/24` } as const;

export const REGISTRY_PORT = 5000;
/** How pods and nodes call the registry. */
export const REGISTRY_NAME = `registry.local:${REGISTRY_PORT}`;
export const MAX_NODES = 5;

export interface ClusterPlan {
  name: string;
  nodes: number;
  /** Everything the cluster writes, outside the checkout. */
  folder: string;
}

const NAME = /^[a-z]([-a-z0-9]{0,13}[a-z0-9])?$/;

export function planCluster(name: string, nodes: number): ClusterPlan {
  if (!NAME.test(name))
    throw new Error(`a cluster's name has at most 15 lower-case letters, digits and '-': ${JSON.stringify(name)}`);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES)
    throw new Error(`a cluster has 1 to ${MAX_NODES} nodes, not ${nodes}`);
  return { name, nodes, folder: join(clustersFolder(), name) };
}

export function clustersFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'modeldeployment', 'clusters');
}

/** Network namespaces: `net` holds the bridge and the registry, `cp` the control plane, `n0`… the nodes. */
export const namespaceOf = (cluster: string, member: string): string => `mdep-${cluster}-${member}`;
export const namespaceFile = (cluster: string, member: string): string => `/run/netns/${namespaceOf(cluster, member)}`;
export const nodeMember = (index: number): string => `n${index}`;
export const nodeName = (index: number): string => `node${index}`;
export const nodeIndexes = ({ nodes }: Pick<ClusterPlan, 'nodes'>): number[] =>
  Array.from({ length: nodes }, (_, i) => i);

/** Below every cgroup hierarchy. */
export const cgroupOf = (cluster: string, node?: number): string =>
  node === undefined ? `/mdep-${cluster}` : `/mdep-${cluster}/${nodeName(node)}`;

export const nodeFolder = (plan: Pick<ClusterPlan, 'folder'>, index: number): string =>
  join(plan.folder, nodeName(index));

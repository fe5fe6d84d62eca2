import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterPlan, LINK, namespaceFile, REGISTRY_PORT } from './plan.ts';
import { recordPid } from './processes.ts';
import { daemon } from './shell.ts';

export const registryFolder = (plan: ClusterPlan): string => join(plan.folder, 'registry');

/** Starts the registry (distribution) at the bridge. What it stores stays until the cluster is purged. */
export function startRegistry(plan: ClusterPlan): void {
  mkdirSync(registryFolder(plan), { recursive: true });
  const config = {
    version: '0.1',
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: registryFolder(plan) }, delete: { enabled: true } },
    http: { addr: `${LINK.registry}:${REGISTRY_PORT}` },
  };
  const file = join(plan.folder, 'registry.yml');
  // The version must be text; JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  const command = ['nsenter', `--net=${namespaceFile(plan.name, 'net')}`, 'docker-registry', 'serve', file];
  recordPid(plan, 'registry', daemon(command, join(plan.folder, 'log', 'registry.log')));
}

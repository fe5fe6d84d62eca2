import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupOf, type ClusterPlan, nodeIndexes } from './plan.ts';

const ROOT = '/sys/fs/cgroup';

/** Every hierarchy of cgroup v1, or the single one of v2. */
function hierarchies(): string[] {
  if (existsSync(join(ROOT, 'cgroup.controllers'))) return [ROOT];
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(ROOT, entry.name));
}

/** A cgroup for each node: two kubelets below one root would kill each other's pods. */
export function makeCgroups(plan: ClusterPlan): void {
  for (const hierarchy of hierarchies()) {
    makeCgroup(hierarchy, cgroupOf(plan.name));
    for (const index of nodeIndexes(plan)) makeCgroup(hierarchy, cgroupOf(plan.name, index));
  }
}

function makeCgroup(hierarchy: string, path: string): void {
  const folder = join(hierarchy, path);
  mkdirSync(folder, { recursive: true });
  // A new cpuset is empty, and nothing can run in it until it is filled, parent before child.
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (existsSync(join(hierarchy, file)) && hierarchy !== ROOT)
      writeFileSync(join(folder, file), readFileSync(join(hierarchy, file)));
  }
}

/** Removes the cgroups below `path`, deepest first. They must be empty of processes. */
export function removeCgroups(path: string): void {
  for (const hierarchy of hierarchies()) removeTree(join(hierarchy, path));
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  rmdirSync(folder);
}

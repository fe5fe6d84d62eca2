import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

/** CPUs this container may use, at least 1: its limit rounded up, or the machine's. */
export function availableCores(): number {
  return Math.max(1, Math.min(cgroupLimit(readText) ?? Infinity, availableParallelism()));
}

/** Memory that this container may use, in bytes; undefined where there is no limit. */
export function availableMemory(): number | undefined {
  // Node knows both kinds of cgroups, and says of no limit 0, or more than any machine has.
  const bytes = process.constrainedMemory();
  return bytes > 0 && bytes < totalmem() ? bytes : undefined;
}

/** Files that this process may have open at once. */
export function openFiles(read = readText): number {
  return Number(/^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1] ?? Infinity);
}

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** What this container may use of one core: 1, unless its limit is lower. */
export const cpuQuota = (read = readText): number => Math.min(1, limitOf(read) ?? 1);

/** CPU limit of the container rounded up, or undefined when there is none. */
export function cgroupLimit(read: (path: string) => string | undefined): number | undefined {
  const limit = limitOf(read);
  return limit === undefined ? undefined : Math.ceil(limit);
}

/** cgroup v2 first, then v1. */
function limitOf(read: (path: string) => string | undefined): number | undefined {
  const v2 = read('/sys/fs/cgroup/cpu.max')?.trim().split(/\s+/);
  const quota = Number(v2?.[0] ?? read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? NaN);
  const period = Number(v2?.[1] ?? read('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? NaN);
  return quota > 0 && period > 0 ? quota / period : undefined;
}

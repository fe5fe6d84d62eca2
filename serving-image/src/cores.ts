import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** CPUs this container may use, at least 1: its limit rounded up, or the machine's. */
export function availableCores(): number {
  return Math.max(1, Math.min(cgroupLimit(readText) ?? Infinity, availableParallelism()));
}

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** CPU limit of the container rounded up, or undefined when there is none; cgroup v2 first, then v1. */
export function cgroupLimit(read: (path: string) => string | undefined): number | undefined {
  const v2 = read('/sys/fs/cgroup/cpu.max')?.trim().split(/\s+/);
  const quota = Number(v2?.[0] ?? read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? NaN);
  const period = Number(v2?.[1] ?? read('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? NaN);
  return quota > 0 && period > 0 ? Math.ceil(quota / period) : undefined;
}

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ClusterPlan } from './plan.ts';

/** Pid files of a cluster's processes. A pid may be another process by now, so its start time is kept beside it. */

const folderOf = (plan: ClusterPlan): string => join(plan.folder, 'run');

export function recordPid(plan: ClusterPlan, name: string, pid: number): void {
  mkdirSync(folderOf(plan), { recursive: true });
  writeFileSync(join(folderOf(plan), `${name}.pid`), `${pid} ${startTime(pid) ?? ''}`);
}

/** Pid of a process that we started and that still is the same one. */
export function livePid(plan: ClusterPlan, name: string): number | undefined {
  const file = join(folderOf(plan), `${name}.pid`);
  if (!existsSync(file)) return undefined;
  const [pid = '', started = ''] = readFileSync(file, 'utf8').split(' ');
  return startTime(Number(pid)) === started && started !== '' ? Number(pid) : undefined;
}

export function recordedNames(plan: ClusterPlan): string[] {
  if (!existsSync(folderOf(plan))) return [];
  return readdirSync(folderOf(plan))
    .filter((name) => name.endsWith('.pid'))
    .map((name) => name.slice(0, -4));
}

export const forgetPids = (plan: ClusterPlan): void => rmSync(folderOf(plan), { recursive: true, force: true });

/** Clock ticks since boot at which a process started (field 22 of /proc/PID/stat); undefined when there is none. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; its parent has not looked yet.
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Pids of all processes in any of the given network namespaces. */
export function processesIn(namespaceFiles: readonly string[]): number[] {
  const wanted = new Set(
    namespaceFiles.filter((file) => existsSync(file)).map((file) => `net:[${statSync(file).ino}]`),
  );
  return pids().filter((pid) => {
    try {
      return wanted.has(readlinkSync(`/proc/${pid}/ns/net`));
    } catch {
      return false;
    }
  });
}

/** Pids of all processes in the containers of a pod, by the uid of the pod. */
export function processesOfPod(uid: string): number[] {
  const names = [uid, uid.replaceAll('-', '_')].map((name) => `pod${name}`);
  return pids().filter((pid) => names.some((name) => read(pid, 'cgroup').includes(name)));
}

/** What a process was started with; empty when there is none. */
export const commandLine = (pid: number): string => read(pid, 'cmdline').replaceAll('\0', ' ');

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Empty for a process that has ended. */
function read(pid: number, file: 'cgroup' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterPlan, nodeFolder, nodeName } from './plan.ts';
import { livePid } from './processes.ts';

export type NodeService = 'containerd' | 'kubelet' | 'kube-proxy';

/** Ends (or kills) a daemon of a node. */
export function signalService(
  plan: ClusterPlan,
  index: number,
  service: NodeService,
  signal: 'SIGTERM' | 'SIGKILL',
): void {
  const pid = servicePid(plan, index, service);
  if (pid === undefined) throw new Error(`${service} of ${nodeName(index)} is not running`);
  process.kill(pid, signal);
}

/** Asks pid 1 of the node to start a daemon again. */
export function startService(plan: ClusterPlan, index: number, service: NodeService): void {
  const folder = join(nodeFolder(plan, index), 'run', 'start');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, service), '');
}

/** Pid, as the machine sees it, of a daemon whose pid inside the node was noted. */
export function servicePid(plan: ClusterPlan, index: number, service: NodeService): number | undefined {
  const file = join(nodeFolder(plan, index), 'run', `${service}.nspid`);
  const init = livePid(plan, `${nodeName(index)}-init`);
  if (init === undefined || !existsSync(file)) return undefined;
  const inside = readFileSync(file, 'utf8').trim();
  const children = readFileSync(`/proc/${init}/task/${init}/children`, 'utf8').trim().split(' ');
  return children.map(Number).find((pid) => {
    if (!existsSync(`/proc/${pid}/status`)) return false;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return /^NSpid:.*\t(\d+)$/m.exec(status)?.[1] === inside && !/^State:\tZ/m.test(status);
  });
}

/** The last lines of every log that has some, for a failing start. */
export function tailOfLogs(plan: ClusterPlan, lines: number): string {
  const folders = [
    join(plan.folder, 'log'),
    ...readdirSync(plan.folder)
      .filter((name) => name.startsWith('node') && !name.includes('.'))
      .map((name) => join(plan.folder, name, 'log')),
  ];
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.log') && name !== 'audit.log')
        .map((name) => join(folder, name)),
    )
    .map(
      (file) =>
        [
          file,
          readFileSync(file, 'utf8')
            .trimEnd()
            .split('\n')
            .filter((line) => /(\b[EF]\d{4} |error|fatal|panic|denied)/i.test(line))
            .slice(-lines),
        ] as const,
    )
    .filter(([, tail]) => tail.length > 0)
    .map(
      ([file, tail]) =>
        `${file.slice(plan.folder.length + 1)}:\n  ${tail.map((line) => line.slice(0, 300)).join('\n  ')}`,
    )
    .join('\n');
}

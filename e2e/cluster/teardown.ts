import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../../tools/wait.ts';
import { removeCgroups } from './cgroups.ts';
import { members, removeNetwork } from './network.ts';
import { cgroupOf, type ClusterPlan, MAX_NODES, namespaceFile, nodeFolder, nodeIndexes } from './plan.ts';
import { forgetPids, livePid, processesIn, recordedNames } from './processes.ts';

/**
 * Ends whatever is left of a cluster, also of one that died half-way: processes, mounts (they live in the nodes'
 * namespaces and go with them), network namespaces, cgroups. Keys, images and the registry stay unless purged.
 */
export async function tearDown(plan: ClusterPlan, options: { purge?: boolean }): Promise<void> {
  // It may have had more nodes than are asked for now.
  const whole = { ...plan, nodes: MAX_NODES };
  const namespaces = members(whole).map((member) => namespaceFile(plan.name, member));
  // The first process of a node takes everything in the node along.
  const names = recordedNames(plan).sort((a, b) => Number(b.endsWith('-init')) - Number(a.endsWith('-init')));
  for (const name of names) kill(livePid(plan, name));
  await waitFor(
    'the processes of the cluster to end',
    async () => {
      const left = processesIn(namespaces);
      for (const pid of left) kill(pid);
      return Promise.resolve(left.length === 0 ? true : undefined);
    },
    { seconds: 20, seen: async () => Promise.resolve(processesIn(namespaces).map(describe).join('\n')) },
  );
  await removeNetwork(whole);
  await waitFor('the cgroups to be empty', async () => Promise.resolve(tryRemoveCgroups(plan)), { seconds: 10 });
  forgetPids(plan);
  rmSync(join(plan.folder, 'etcd'), { recursive: true, force: true });
  for (const index of nodeIndexes(whole)) {
    for (const sub of ['run', 'fs', 'mnt', 'kubelet'])
      rmSync(join(nodeFolder(plan, index), sub), { recursive: true, force: true });
  }
  if (options.purge === true) rmSync(plan.folder, { recursive: true, force: true });
}

function kill(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The kernel empties a cgroup a moment after its last process ended. */
function tryRemoveCgroups(plan: ClusterPlan): true | undefined {
  try {
    removeCgroups(cgroupOf(plan.name));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return undefined;
    throw error;
  }
}

function describe(pid: number): string {
  const file = `/proc/${pid}/cmdline`;
  return `${pid} ${existsSync(file) ? readFileSync(file, 'utf8').replaceAll('\0', ' ').slice(0, 200) : ''}`;
}

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { exec } from '../../tools/exec.ts';
import { cacheFolder } from '../../tools/cache-folder.ts';

/** Programs with which a cluster is used, whoever made it. */
export interface Clients {
  kubectl: string;
  helm: string;
}

/** Absolute paths of the programs a cluster consists of. */
export interface Binaries extends Clients {
  kubebox: string;
  crane: string;
  coredns: string;
  containerd: string;
  ctr: string;
  forward: string;
  pause: string;
  /** Folder of all of them, for PATH: containerd looks for its shim there. */
  folder: string;
}

const SOURCE = new URL('go/', import.meta.url).pathname;
export const KUBERNETES_VERSION = 'v1.34.4';

const PROGRAMS = [
  './kubebox',
  './forward',
  './pause',
  'helm.sh/helm/v3/cmd/helm',
  'github.com/coredns/coredns',
  'github.com/containerd/containerd/v2/cmd/containerd',
  'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
  'github.com/containerd/containerd/v2/cmd/ctr',
  'github.com/google/go-containerregistry/cmd/crane',
];

const FLAGS = [
  '-trimpath',
  '-tags=no_btrfs,no_devmapper,no_zfs,no_aufs',
  `-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=${KUBERNETES_VERSION} -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=34`,
];

/**
 * Builds Kubernetes and its companions from their Go modules: about nine minutes on two cores the first time, nothing
 * afterwards. One go.mod, so that what they share is compiled once.
 */
export async function ensureBinaries(log: (text: string) => void): Promise<Binaries> {
  const folder = join(cacheFolder(), 'kubernetes', keyOfSources());
  if (!existsSync(join(folder, 'kubectl'))) await build(folder, log);
  const path = (name: string): string => join(folder, name);
  return {
    kubebox: path('kubebox'),
    kubectl: path('kubectl'),
    helm: path('helm'),
    crane: path('crane'),
    coredns: path('coredns'),
    containerd: path('containerd'),
    ctr: path('ctr'),
    forward: path('forward'),
    pause: path('pause'),
    folder,
  };
}

/** Those of this machine, where it has both: nobody waits for a compile of Kubernetes to use a cluster that is there. */
export async function ensureClients(log: (text: string) => void): Promise<Clients> {
  const folders = (process.env['PATH'] ?? '').split(':');
  const find = (name: string): string | undefined =>
    folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  const [kubectl, helm] = [find('kubectl'), find('helm')];
  return kubectl === undefined || helm === undefined ? ensureBinaries(log) : { kubectl, helm };
}

/** Into a folder of its own that is renamed at the end: whoever builds at the same time does no harm. */
async function build(folder: string, log: (text: string) => void): Promise<void> {
  mkdirSync(join(folder, '..'), { recursive: true });
  const temporary = mkdtempSync(`${folder}.building-`);
  const env = { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '' };
  try {
    log('downloading Go modules');
    await exec('go', ['mod', 'download'], { cwd: SOURCE, env });
    log('compiling (minutes, on a first run)');
    await exec('go', ['build', ...FLAGS, '-o', `${temporary}/`, ...PROGRAMS], { cwd: SOURCE, env, onLine: log });
    await exec('ln', ['-s', 'kubebox', join(temporary, 'kubectl')]);
    if (!existsSync(folder)) renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function keyOfSources(): string {
  const hash = createHash('sha256').update(JSON.stringify([PROGRAMS, FLAGS]));
  const read = (relative: string): void => {
    for (const entry of readdirSync(join(SOURCE, relative), { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = join(relative, entry.name);
      if (entry.isDirectory()) read(path);
      else hash.update(path).update(readFileSync(join(SOURCE, path)));
    }
  };
  read('');
  return hash.digest('hex').slice(0, 16);
}

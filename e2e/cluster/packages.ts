import { existsSync } from 'node:fs';
import { exec } from '../../tools/exec.ts';

type Packages = Readonly<Record<string, string>>;

/** Debian packages that a cluster of ours stands on, by a file each of them brings. */
export const CLUSTER_PACKAGES: Packages = {
  runc: '/usr/sbin/runc',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  iptables: '/usr/sbin/iptables',
  conntrack: '/usr/sbin/conntrack',
  'docker-registry': '/usr/bin/docker-registry',
  iproute2: '/usr/sbin/ip',
  procps: '/usr/bin/pgrep',
  openssl: '/usr/bin/openssl',
  'util-linux': '/usr/bin/nsenter',
};

/** Debian packages that build the images, and TensorFlow's addon for them. */
export const IMAGE_PACKAGES: Packages = {
  buildah: '/usr/bin/buildah',
  mmdebstrap: '/usr/bin/mmdebstrap',
  make: '/usr/bin/make',
  'g++': '/usr/bin/g++',
};

/**
 * Installs what is missing, when root on a Debian machine; otherwise says what to install. Not to be called twice at
 * the same time: apt-get locks its database.
 */
export async function ensurePackages(packages: Packages, log: (text: string) => void): Promise<void> {
  const missing = Object.entries(packages)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name);
  if (missing.length === 0) return;
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`these programs are missing: ${missing.join(', ')}; as root, run: ${command}`);
  }
  log(`apt-get installs ${missing.join(', ')}`);
  // Services of these packages must not be started: only a cluster starts a registry, in its own namespace.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await exec('apt-get', ['update', '-q'], { env });
  await exec('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...missing], { env });
}

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../../tools/wait.ts';
import type { Binaries } from './build.ts';
import { removeCgroups } from './cgroups.ts';
import {
  cgroupOf,
  type ClusterPlan,
  LINK,
  namespaceFile,
  nodeFolder,
  nodeMember,
  nodeName,
  PODS,
  REGISTRY_NAME,
  REGISTRY_PORT,
  SERVICES,
} from './plan.ts';
import { writeKubeconfig } from './pki.ts';
import { livePid, recordPid } from './processes.ts';
import { daemon } from './shell.ts';

const INIT = new URL('node.sh', import.meta.url).pathname;

export const containerdSocket = (plan: ClusterPlan, index: number): string =>
  join(nodeFolder(plan, index), 'run', 'containerd.sock');
/** The node starts its kubelet when this file exists: the API server answers and its Node object is there. */
export const readyFile = (plan: ClusterPlan): string => join(plan.folder, 'run', 'apiserver.ready');
export const PAUSE_IMAGE = 'localhost/pause:1';

/** Writes the settings of a node's three daemons. */
export function configureNode(plan: ClusterPlan, index: number): void {
  const folder = nodeFolder(plan, index);
  for (const sub of ['log', 'run', 'cni', 'fs', 'certs.d']) mkdirSync(join(folder, sub), { recursive: true });
  for (const host of [REGISTRY_NAME, `${LINK.registry}:${REGISTRY_PORT}`]) {
    const server = `http://${LINK.registry}:${REGISTRY_PORT}`;
    mkdirSync(join(folder, 'certs.d', host), { recursive: true });
    writeFileSync(
      join(folder, 'certs.d', host, 'hosts.toml'),
      `server = "${server}"\n[host."${server}"]\n  capabilities = ["pull", "resolve"]\n`,
    );
  }
  writeFileSync(join(folder, 'containerd.toml'), containerdConfig(folder));
  writeFileSync(join(folder, 'cni', '10-bridge.conflist'), JSON.stringify(podNetwork(plan, index)));
  writeFileSync(join(folder, 'kubelet.json'), JSON.stringify(kubeletConfig(plan, index)));
  writeKubeconfig(plan, join(folder, 'kubelet.kubeconfig'), nodeName(index), `https://${LINK.controlPlane}:6443`);
  writeKubeconfig(plan, join(folder, 'proxy.kubeconfig'), 'proxy', `https://${LINK.controlPlane}:6443`);
  writeFileSync(join(folder, 'proxy.json'), JSON.stringify(proxyConfig(folder, index)));
}

function containerdConfig(folder: string): string {
  return `version = 2
root = "${folder}/containerd"
state = "${folder}/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "${folder}/run/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE a container cannot lower its score, and would not start.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${folder}/certs.d"
`;
}

function podNetwork(plan: ClusterPlan, index: number): object {
  // Pods get routes instead of a default route: whatever lies outside fails at once.
  const routes = [...Array(plan.nodes).keys()].map((node) => ({ dst: PODS.ofNode(node) }));
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(nodeFolder(plan, index), 'run', 'cni'),
          ranges: [[{ subnet: PODS.ofNode(index) }]],
          routes: [...routes, { dst: SERVICES.network }, { dst: LINK.network }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

function kubeletConfig(plan: ClusterPlan, index: number): object {
  const pki = (name: string): string => join(plan.folder, 'pki', name);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      x509: { clientCAFile: pki('ca.crt') },
      anonymous: { enabled: false },
      webhook: { enabled: true },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: pki(`${nodeName(index)}.crt`),
    tlsPrivateKeyFile: pki(`${nodeName(index)}.key`),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroupOf(plan.name, index),
    failSwapOn: false,
    failCgroupV1: false,
    containerRuntimeEndpoint: `unix://${containerdSocket(plan, index)}`,
    clusterDNS: [SERVICES.dns],
    clusterDomain: 'cluster.local',
    resolvConf: '',
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    enforceNodeAllocatable: [],
    syncFrequency: '10s',
    nodeStatusUpdateFrequency: '2s',
    nodeLeaseDurationSeconds: 4,
    serializeImagePulls: false,
    featureGates: { ImageVolume: true },
  };
}

function proxyConfig(folder: string, index: number): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: join(folder, 'proxy.kubeconfig') },
    mode: 'iptables',
    clusterCIDR: PODS.network,
    hostnameOverride: nodeName(index),
    // Zero leaves the machine's own settings alone.
    conntrack: { maxPerCore: 0, min: 0, tcpCloseWaitTimeout: '0s', tcpEstablishedTimeout: '0s' },
    iptables: { minSyncPeriod: '100ms' },
  };
}

/** Boots a node: its pid 1 is node.sh, in namespaces of its own. */
export async function startNode(plan: ClusterPlan, bin: Binaries, index: number): Promise<void> {
  const folder = nodeFolder(plan, index);
  // A machine that boots has an empty /run.
  for (const sub of ['run', 'fs/run']) rmSync(join(folder, sub), { recursive: true, force: true });
  mkdirSync(join(folder, 'run'), { recursive: true });
  removeCgroups(`${cgroupOf(plan.name, index)}/kubepods`);
  const namespaces = [
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
    '--uts',
    '--ipc',
    '--mount-proc',
  ];
  const command = ['nsenter', `--net=${namespaceFile(plan.name, nodeMember(index))}`, 'unshare', ...namespaces, INIT];
  const env = {
    ...process.env,
    PATH: `${bin.folder}:${process.env['PATH']}`,
    NODE_NAME: nodeName(index),
    NODE_IP: LINK.node(index),
    NODE_FOLDER: folder,
    READY_FILE: readyFile(plan),
    REGISTRY_IP: LINK.registry,
  };
  const pid = daemon(command, join(folder, 'log', 'init.log'), { env, cwd: folder });
  recordPid(plan, nodeName(index), pid);
  recordPid(plan, `${nodeName(index)}-init`, await childOf(pid));
}

/** The child that unshare forks becomes pid 1 of the node. */
function childOf(pid: number): Promise<number> {
  return waitFor(
    'the first process of the node',
    async () => {
      const file = `/proc/${pid}/task/${pid}/children`;
      const child = existsSync(file) ? Number(readFileSync(file, 'utf8').trim().split(' ')[0]) : 0;
      return Promise.resolve(child > 0 ? child : undefined);
    },
    { seconds: 10 },
  );
}

/** Pulls the plug: everything in the node's pid namespace dies at once, and its mounts go with it. */
export function crashNode(plan: ClusterPlan, index: number): void {
  const pid = livePid(plan, `${nodeName(index)}-init`);
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
}

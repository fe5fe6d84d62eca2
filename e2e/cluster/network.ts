import { existsSync, mkdirSync } from 'node:fs';
import { exec } from '../../tools/exec.ts';
import { type ClusterPlan, LINK, namespaceFile, namespaceOf, nodeIndexes, nodeMember, PODS, SERVICES } from './plan.ts';
import { inNamespace } from './shell.ts';

/**
 *   [net] bridge br0 172.30.0.1 ── veth ── [cp] 172.30.0.10
 *                               ├─ veth ── [n0] 172.30.0.20   pods 10.244.0.0/24
 *                               └─ veth ── [n1] 172.30.0.21   pods 10.244.1.0/24
 *
 * No namespace has a default route or a link to the machine: nothing leaks, and an outside address fails at once.
 */
export async function makeNetwork(plan: ClusterPlan): Promise<void> {
  mkdirSync('/run/netns', { recursive: true });
  const net = await addNamespace(plan, 'net');
  await inNamespace(net, ['ip', 'link', 'add', 'br0', 'type', 'bridge']);
  await inNamespace(net, ['ip', 'addr', 'add', `${LINK.registry}/24`, 'dev', 'br0']);
  await inNamespace(net, ['ip', 'link', 'set', 'br0', 'up']);
  await join(plan, 'cp', LINK.controlPlane);
  for (const index of nodeIndexes(plan)) await join(plan, nodeMember(index), LINK.node(index));
  for (const member of members(plan)) await addRoutes(plan, member);
  for (const index of nodeIndexes(plan)) await prepareNode(plan, index);
}

/** All namespaces of a cluster. */
export const members = (plan: Pick<ClusterPlan, 'nodes'>): string[] => [
  'net',
  'cp',
  ...nodeIndexes(plan).map(nodeMember),
];

async function addNamespace(plan: ClusterPlan, member: string): Promise<string> {
  const file = namespaceFile(plan.name, member);
  await exec('ip', ['netns', 'add', namespaceOf(plan.name, member)]);
  await inNamespace(file, ['ip', 'link', 'set', 'lo', 'up']);
  return file;
}

async function join(plan: ClusterPlan, member: string, address: string): Promise<void> {
  const file = await addNamespace(plan, member);
  const net = namespaceFile(plan.name, 'net');
  await inNamespace(net, [
    'ip',
    'link',
    'add',
    `v-${member}`,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    namespaceOf(plan.name, member),
  ]);
  await inNamespace(net, ['ip', 'link', 'set', `v-${member}`, 'master', 'br0', 'up']);
  await inNamespace(file, ['ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0']);
  await inNamespace(file, ['ip', 'link', 'set', 'eth0', 'up']);
}

/** Everybody reaches the pods of every node through that node. */
async function addRoutes(plan: ClusterPlan, member: string): Promise<void> {
  const file = namespaceFile(plan.name, member);
  for (const index of nodeIndexes(plan)) {
    if (member !== nodeMember(index))
      await inNamespace(file, ['ip', 'route', 'add', PODS.ofNode(index), 'via', LINK.node(index)]);
  }
}

async function prepareNode(plan: ClusterPlan, index: number): Promise<void> {
  const file = namespaceFile(plan.name, nodeMember(index));
  await inNamespace(file, ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  // Packets made on the node itself must reach the NAT rules of kube-proxy.
  await inNamespace(file, ['ip', 'route', 'add', SERVICES.network, 'dev', 'eth0']);
  await inNamespace(file, ['ip', 'route', 'add', 'unreachable', PODS.network]);
  // A service that nobody serves is refused at once. The kernel answers only about one refusal a second unless told
  // otherwise, and a DNS client that gets none hangs for ten seconds.
  await inNamespace(file, ['sysctl', '-qw', 'net.ipv4.icmp_ratelimit=0', 'net.ipv4.icmp_msgs_per_sec=100000']);
  for (const chain of ['OUTPUT', 'FORWARD']) {
    await inNamespace(file, [
      'iptables',
      '-w',
      '-A',
      chain,
      '-d',
      SERVICES.network,
      '-j',
      'REJECT',
      '--reject-with',
      'icmp-port-unreachable',
    ]);
  }
}

/** Removes the namespaces; links, routes and rules inside go with them. */
export async function removeNetwork(plan: ClusterPlan): Promise<void> {
  for (const member of members({ nodes: plan.nodes }).reverse()) {
    if (existsSync(namespaceFile(plan.name, member)))
      await exec('ip', ['netns', 'del', namespaceOf(plan.name, member)]);
  }
}

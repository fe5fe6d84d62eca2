import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../../tools/wait.ts';
import { writeProgramImage } from './archive.ts';
import { type Binaries, ensureBinaries, ensureClients } from './build.ts';
import { makeCgroups } from './cgroups.ts';
import { Cluster } from './cluster.ts';
import { startApiserver, startControllers } from './controlplane.ts';
import { DNS_IMAGE, DNS_MANIFEST } from './dns.ts';
import { makeNetwork } from './network.ts';
import { configureNode, PAUSE_IMAGE, readyFile, startNode } from './node.ts';
import { CLUSTER_PACKAGES, ensurePackages } from './packages.ts';
import { type ClusterPlan, LINK, nodeIndexes, nodeName, planCluster, PODS, REGISTRY_PORT } from './plan.ts';
import { makePki, writeKubeconfig } from './pki.ts';
import { forwardPort, freePort } from './ports.ts';
import { livePid } from './processes.ts';
import { startRegistry } from './registry.ts';
import { tailOfLogs } from './services.ts';
import { tearDown } from './teardown.ts';

export { Cluster } from './cluster.ts';

export interface UpOptions {
  name: string;
  nodes: number;
  log?: (text: string) => void;
}

/** What `attach` needs to know of a cluster that is up. */
interface Facts {
  nodes: number;
  apiPort: number;
  registryPort: number;
}

const factsFile = (plan: Pick<ClusterPlan, 'folder'>): string => join(plan.folder, 'run', 'cluster.json');
const PATIENCE_S = 120;

/** Brings up a cluster; whatever a cluster of that name left behind is cleared first. */
export async function up({ name, nodes, log = () => undefined }: UpOptions): Promise<Cluster> {
  const plan = planCluster(name, nodes);
  requireRoot();
  await ensurePackages(CLUSTER_PACKAGES, log);
  const bin = await ensureBinaries(log);
  await tearDown(plan, {});
  mkdirSync(join(plan.folder, 'run'), { recursive: true });
  rmSync(join(plan.folder, 'log'), { recursive: true, force: true });
  mkdirSync(join(plan.folder, 'log'), { recursive: true });
  try {
    return await start(plan, bin, log);
  } catch (error) {
    const tail = tailOfLogs(plan, 5);
    await tearDown(plan, {});
    throw new Error(`the cluster did not come up: ${(error as Error).message}${tail === '' ? '' : `\n${tail}`}`, {
      cause: error,
    });
  }
}

async function start(plan: ClusterPlan, bin: Binaries, log: (text: string) => void): Promise<Cluster> {
  log('network and keys');
  makeCgroups(plan);
  const facts: Facts = { nodes: plan.nodes, apiPort: await freePort(), registryPort: await freePort() };
  await Promise.all([makeNetwork(plan), makePki(plan), makeImages(plan, bin)]);
  const kubeconfig = join(plan.folder, 'kubeconfig');
  writeKubeconfig(plan, kubeconfig, 'admin', `https://127.0.0.1:${facts.apiPort}`);

  startApiserver(plan, bin);
  startRegistry(plan);
  forwardPort(plan, bin, 'apiserver', facts.apiPort, 'cp', '127.0.0.1:6443');
  forwardPort(plan, bin, 'registry', facts.registryPort, 'net', `${LINK.registry}:${REGISTRY_PORT}`);
  for (const index of nodeIndexes(plan)) {
    configureNode(plan, index);
    await startNode(plan, bin, index);
  }
  writeFileSync(factsFile(plan), JSON.stringify(facts));
  const cluster = makeCluster(plan, bin, facts);

  log('waiting for the API server');
  await alive(plan, ['etcd', 'kube-apiserver'], 'the API server to answer', () =>
    succeeds(cluster.kubectl(['get', '--raw', '/readyz'])),
  );
  startControllers(plan, bin);
  await cluster.kubectl(['create', '-f', '-'], {
    input: nodeIndexes(plan)
      .map((index) => JSON.stringify(nodeObject(index)))
      .join('\n'),
  });
  log('waiting for containerd, loading images');
  for (const image of ['pause', 'coredns']) await cluster.nodes?.loadImage(join(plan.folder, 'images', `${image}.tar`));
  writeFileSync(readyFile(plan), '');
  await cluster.kubectl(['create', '-f', '-'], {
    input: DNS_MANIFEST.map((object) => JSON.stringify(object)).join('\n'),
  });
  log(`waiting for ${plan.nodes} nodes to be Ready`);
  await cluster.kubectl(['wait', 'node', '--all', '--for=condition=Ready', `--timeout=${PATIENCE_S}s`]);
  log('waiting for the registry, DNS and the default service account');
  await alive(plan, ['registry'], 'the registry to answer', () =>
    succeeds(fetch(`http://${cluster.registry.push}/v2/`)),
  );
  await cluster.kubectl(['rollout', 'status', '-n', 'kube-system', 'deployment/coredns', `--timeout=${PATIENCE_S}s`]);
  // Pods are refused in a namespace that lacks it.
  await alive(plan, ['kube-controller-manager'], 'the default service account', () =>
    succeeds(cluster.kubectl(['get', 'serviceaccount', 'default'])),
  );
  return cluster;
}

/** Ends a cluster. `purge` forgets its keys, images and registry too. */
export async function down(name: string, options: { purge?: boolean }): Promise<void> {
  requireRoot();
  await tearDown(planCluster(name, 1), options);
}

/** The cluster of that name that is up. */
export async function attach(name: string): Promise<Cluster> {
  const { folder } = planCluster(name, 1);
  if (!existsSync(factsFile({ folder })))
    throw new Error(`there is no cluster ${name}; bring it up: npm run cluster -- up --name ${name}`);
  const facts = JSON.parse(readFileSync(factsFile({ folder }), 'utf8')) as Facts;
  return makeCluster(planCluster(name, facts.nodes), await ensureBinaries(() => undefined), facts);
}

/** A cluster that exists already, by the name of its context in the kubeconfig. */
export async function useContext(
  context: string,
  push: string,
  pull: string,
  log: (text: string) => void,
): Promise<Cluster> {
  const bin = await ensureClients(log);
  const kubeconfig = process.env['KUBECONFIG'] ?? join(process.env['HOME'] ?? '', '.kube', 'config');
  return new Cluster({
    name: context,
    bin,
    kubeconfig,
    context,
    registry: { push, pull, plainHttp: /^(localhost|127\.)/.test(push) },
  });
}

function makeCluster(plan: ClusterPlan, bin: Binaries, facts: Facts): Cluster {
  return new Cluster({
    name: plan.name,
    bin,
    kubeconfig: join(plan.folder, 'kubeconfig'),
    registry: { push: `127.0.0.1:${facts.registryPort}`, pull: `registry.local:${REGISTRY_PORT}`, plainHttp: true },
    own: { plan, bin },
  });
}

const succeeds = (attempt: Promise<unknown>): Promise<true | undefined> =>
  attempt.then(
    () => true as const,
    () => undefined,
  );

/** Waits for something to answer, and fails at once when a process it needs has ended. */
function alive(
  plan: ClusterPlan,
  processes: readonly string[],
  what: string,
  look: () => Promise<true | undefined>,
): Promise<true> {
  return waitFor(
    what,
    async () => {
      const dead = processes.find((name) => livePid(plan, name) === undefined);
      if (dead !== undefined) throw new Error(`${dead} ended`);
      return look();
    },
    { seconds: PATIENCE_S },
  );
}

function nodeObject(index: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName(index) },
    spec: { podCIDR: PODS.ofNode(index), podCIDRs: [PODS.ofNode(index)] },
  };
}

/** Images that every node needs before it can pull any other. */
async function makeImages(plan: ClusterPlan, bin: Binaries): Promise<void> {
  const folder = join(plan.folder, 'images');
  mkdirSync(folder, { recursive: true });
  await writeProgramImage(join(folder, 'pause.tar'), PAUSE_IMAGE, bin.pause, '/pause');
  await writeProgramImage(join(folder, 'coredns.tar'), DNS_IMAGE, bin.coredns, '/coredns');
}

function requireRoot(): void {
  if (process.getuid?.() !== 0)
    throw new Error(
      'a cluster needs root: it makes network namespaces and cgroups (an existing cluster can be used instead: --context NAME)',
    );
}

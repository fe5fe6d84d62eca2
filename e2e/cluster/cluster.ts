import { join } from 'node:path';
import { exec, type ExecOptions } from '../../tools/exec.ts';
import { waitFor } from '../../tools/wait.ts';
import type { Binaries, Clients } from './build.ts';
import { ApiReader } from './api.ts';
import { auditLog } from './controlplane.ts';
import { containerdSocket, crashNode, startNode } from './node.ts';
import { type ClusterPlan, nodeFolder, nodeIndexes } from './plan.ts';
import { commandLine, processesOfPod } from './processes.ts';
import { registryFolder } from './registry.ts';
import { type NodeService, signalService, startService } from './services.ts';

export interface RegistryAddress {
  /** Where this machine pushes. */
  push: string;
  /** Where nodes and pods pull. */
  pull: string;
  plainHttp: boolean;
}

interface ClusterOptions {
  name: string;
  bin: Clients;
  kubeconfig: string;
  context?: string;
  registry: RegistryAddress;
  /** Only of a cluster that we brought up: what it consists of, and its programs. */
  own?: { plan: ClusterPlan; bin: Binaries };
}

/** A running cluster, ours or somebody else's. */
export class Cluster {
  readonly name: string;
  readonly bin: Clients;
  readonly kubeconfig: string;
  readonly registry: RegistryAddress;
  /** Flags that every kubectl and helm call needs. */
  readonly kubectlFlags: readonly string[];
  /** For looks that are taken often. */
  readonly api: ApiReader;
  readonly auditLog: string | undefined;
  readonly nodes: NodeControl | undefined;
  private readonly context: string | undefined;

  constructor({ name, bin, kubeconfig, context, registry, own }: ClusterOptions) {
    this.name = name;
    this.bin = bin;
    this.kubeconfig = kubeconfig;
    this.context = context;
    this.registry = registry;
    this.kubectlFlags = [`--kubeconfig=${kubeconfig}`, ...(context === undefined ? [] : [`--context=${context}`])];
    this.api = new ApiReader(bin.kubectl, this.kubectlFlags);
    this.auditLog = own === undefined ? undefined : auditLog(own.plan);
    this.nodes = own === undefined ? undefined : new NodeControl(own.plan, own.bin);
  }

  /** What stories may count on. */
  get can(): { audit: boolean; nodeControl: boolean } {
    return { audit: this.auditLog !== undefined, nodeControl: this.nodes !== undefined };
  }

  kubectl(args: readonly string[], options: Pick<ExecOptions, 'input' | 'onLine'> = {}): Promise<string> {
    return exec(this.bin.kubectl, [...this.kubectlFlags, ...args], options);
  }

  helm(args: readonly string[]): Promise<string> {
    const flags = [
      `--kubeconfig=${this.kubeconfig}`,
      ...(this.context === undefined ? [] : [`--kube-context=${this.context}`]),
    ];
    return exec(this.bin.helm, [...flags, ...args]);
  }
}

/** Faults and facts of the nodes of a cluster that we brought up. */
export class NodeControl {
  constructor(
    private readonly plan: ClusterPlan,
    private readonly bin: Binaries,
  ) {}

  get count(): number {
    return this.plan.nodes;
  }

  /** Pulls the plug of a node. */
  crash(index: number): void {
    crashNode(this.plan, index);
  }

  /** Boots a node that crashed. */
  start(index: number): Promise<void> {
    return startNode(this.plan, this.bin, index);
  }

  signal(index: number, service: NodeService, signal: 'SIGTERM' | 'SIGKILL'): void {
    signalService(this.plan, index, service, signal);
  }

  /** Kills the processes of a pod whose command line has `command`, as the kernel does when memory runs out. @returns how many */
  killInPod(uid: string, command: string): number {
    const found = processesOfPod(uid).filter((pid) => commandLine(pid).includes(command));
    for (const pid of found) process.kill(pid, 'SIGKILL');
    return found.length;
  }

  startService(index: number, service: NodeService): void {
    startService(this.plan, index, service);
  }

  /** A folder of the machine that belongs to a node and is seen there under the same path. */
  folder(index: number): string {
    return nodeFolder(this.plan, index);
  }

  /** Where the registry keeps its blobs, for tests that damage one. */
  get registryFolder(): string {
    return registryFolder(this.plan);
  }

  async importImages(index: number, archives: readonly string[]): Promise<void> {
    const socket = containerdSocket(this.plan, index);
    const ctr = (args: readonly string[]): Promise<string> =>
      exec(this.bin.ctr, ['-a', socket, '-n', 'k8s.io', ...args]);
    await waitFor(
      'containerd to answer',
      () =>
        ctr(['version']).then(
          () => true as const,
          () => undefined,
        ),
      {
        seconds: 60,
        seen: () => exec('tail', ['-n', '5', join(this.folder(index), 'log', 'containerd.log')]),
      },
    );
    for (const archive of archives) await ctr(['images', 'import', archive]);
  }

  /** Loads an archive into every node. */
  async loadImage(archive: string): Promise<void> {
    await Promise.all(nodeIndexes(this.plan).map((index) => this.importImages(index, [archive])));
  }
}

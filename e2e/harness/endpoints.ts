import { spawn } from 'node:child_process';
import type { Cluster } from '../cluster/index.ts';
import { lineSplitter } from '../../tools/exec.ts';
import { waitFor } from '../../tools/wait.ts';

/** Counts the ready endpoints of a Service at every change of its EndpointSlices, as kube-proxy sees them. */
export class EndpointSampler {
  /** Ready endpoints at every change so far. */
  readonly history: number[] = [];
  private readonly child;
  private ended = false;

  private constructor(cluster: Cluster, namespace: string, service: string) {
    // The bare watch of the API: one JSON line for each event.
    const query = `watch=true&labelSelector=${encodeURIComponent(`kubernetes.io/service-name=${service}`)}`;
    const args = ['get', '--raw', `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?${query}`];
    this.child = spawn(cluster.bin.kubectl, [...cluster.kubectlFlags, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child.on('close', () => (this.ended = true));
    const lines = lineSplitter((line) => this.history.push(readyIn(JSON.parse(line) as SliceEvent)));
    this.child.stdout.setEncoding('utf8').on('data', lines);
  }

  /** Counts from the moment that so many are ready: what is told of pods runs ahead of the endpoints. */
  static async start(cluster: Cluster, namespace: string, service: string, ready: number): Promise<EndpointSampler> {
    const sampler = new EndpointSampler(cluster, namespace, service);
    const { history } = sampler;
    await waitFor(
      `${ready} ready endpoints`,
      () => Promise.resolve((history.at(-1) ?? -1) >= ready ? true : undefined),
      { seconds: 30, seen: () => Promise.resolve(history.join(' ')) },
    );
    history.splice(
      0,
      history.findIndex((count) => count >= ready),
    );
    return sampler;
  }

  /** The fewest that were ever ready. */
  get least(): number {
    if (this.ended) throw new Error('the watch of the endpoints ended too soon');
    return Math.min(...this.history);
  }

  async stop(): Promise<void> {
    if (this.ended) return;
    const closed = new Promise((resolve) => this.child.on('close', resolve));
    this.child.kill();
    await closed;
  }
}

interface SliceEvent {
  object: { endpoints?: { conditions?: { ready?: boolean } }[] | null };
}

const readyIn = ({ object }: SliceEvent): number =>
  (object.endpoints ?? []).filter(({ conditions }) => conditions?.ready === true).length;

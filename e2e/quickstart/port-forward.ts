import { spawn, type ChildProcess } from 'node:child_process';
import type { Cluster } from '../cluster/index.ts';

/** `kubectl port-forward` on a free loopback port, for as long as it is needed. */
export class PortForward {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static start(cluster: Cluster, namespace: string, target: string, port: number): Promise<PortForward> {
    const args = [...cluster.kubectlFlags, 'port-forward', '-n', namespace, target, `:${port}`];
    const child = spawn(cluster.bin.kubectl, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    return new Promise((resolve, reject) => {
      let said = '';
      const listen = (text: string): void => {
        said += text;
        const local = /127\.0\.0\.1:(\d+) ->/.exec(said)?.[1];
        if (local !== undefined) resolve(new PortForward(Number(local), child));
      };
      child.stdout.setEncoding('utf8').on('data', listen);
      child.stderr.setEncoding('utf8').on('data', listen);
      child.on('close', () => reject(new Error(`kubectl port-forward ${target} ended: ${said.trim()}`)));
    });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.on('close', resolve));
    this.child.kill();
    await ended;
  }
}

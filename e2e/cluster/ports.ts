import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Binaries } from './build.ts';
import { type ClusterPlan, namespaceFile } from './plan.ts';
import { recordPid } from './processes.ts';
import { daemon } from './shell.ts';

/** A port of the loopback interface that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Makes an address inside a namespace of the cluster reachable at a loopback port of the machine. */
export function forwardPort(
  plan: ClusterPlan,
  bin: Binaries,
  name: string,
  port: number,
  member: string,
  target: string,
): void {
  const command = [bin.forward, `127.0.0.1:${port}`, namespaceFile(plan.name, member), target];
  recordPid(plan, `forward-${name}`, daemon(command, join(plan.folder, 'log', `forward-${name}.log`)));
}

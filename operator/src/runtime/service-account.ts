import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from './clock.ts';
import { pooledAgent, type Connection } from './connection.ts';

/** Where a pod finds its token and the certificate of the API server. */
export const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The kubelet rotates the token long before it runs out; reading it this often is often enough. */
const TOKEN_MS = 30_000;

/**
 * Connection of a pod to its API server, by its service account. Written out, because loading KubeConfig for it costs a
 * third of the memory of the whole process. Rejects when the files cannot be read.
 */
export async function serviceAccountConnection(
  service: { host: string; port: string },
  folder = SERVICE_ACCOUNT_FOLDER,
): Promise<Connection> {
  const agent = pooledAgent({ ca: await readFile(join(folder, 'ca.crt')) });
  const host = service.host.includes(':') ? `[${service.host}]` : service.host;
  let current: { headers: Record<string, string>; until: number } | undefined;
  return {
    server: `https://${host}:${service.port}`,
    async authorize() {
      if (current === undefined || systemClock.now() >= current.until) {
        const token = (await readFile(join(folder, 'token'), 'utf8')).trim();
        current = { headers: { Authorization: `Bearer ${token}` }, until: systemClock.now() + TOKEN_MS };
      }
      return { agent, headers: current.headers };
    },
    forget() {
      current = undefined;
    },
    close: () => agent.destroy(),
  };
}

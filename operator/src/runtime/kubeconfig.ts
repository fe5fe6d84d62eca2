import type http from 'node:http';
import type https from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import type { KubeConfig } from '@kubernetes/client-node';
import { systemClock } from './clock.ts';
import { pooledAgent, type Connection } from './connection.ts';
import { serviceAccountConnection } from './service-account.ts';

export interface ConnectOptions {
  /** Address of the API server inside a cluster (KUBERNETES_SERVICE_HOST, _PORT); undefined outside of one. */
  service?: { host: string; port: string } | undefined;
  /** Path of a kubeconfig; default: kubectl's own rules. */
  kubeconfig?: string;
  context?: string;
}

/** KubeConfig re-reads a token file every minute; asking it this often keeps a rotated token fresh without work per request. */
const CREDENTIALS_MS = 30_000;

/**
 * Inside a cluster the connection of the pod's service account; outside, that of a kubeconfig, by the KubeConfig of
 * @kubernetes/client-node, which is loaded only then. Rejects with KubeConfig's own error when the file cannot be read.
 */
export async function connect({ service, kubeconfig, context }: ConnectOptions = {}): Promise<Connection> {
  if (service !== undefined && kubeconfig === undefined) return serviceAccountConnection(service);
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  if (context !== undefined) config.setCurrentContext(context);
  return connectionOf(config);
}

/** Rejects when the current context names no cluster. */
export function connectionOf(config: KubeConfig): Connection {
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    const contexts = config.contexts.map(({ name }) => name).join(', ');
    throw new Error(
      `the kubeconfig has no cluster for context "${config.getCurrentContext()}"; its contexts: ${contexts}`,
    );
  }
  const usesProxy = cluster.proxyUrl !== undefined;
  let tls: https.AgentOptions | undefined;
  let current: { agent: http.Agent; headers: Record<string, string>; until: number } | undefined;

  async function refresh(): Promise<NonNullable<typeof current>> {
    const options: https.RequestOptions & { headers: Record<string, string> } = { headers: {} };
    await config.applyToHTTPSOptions(options);
    const fresh = tlsOf(options);
    let agent = current?.agent;
    if (agent === undefined || !isDeepStrictEqual(fresh, tls)) {
      // The old agent is left alone: a write may be under way on it.
      agent = usesProxy || cluster?.server.startsWith('http:') ? (options.agent as http.Agent) : pooledAgent(fresh);
      tls = fresh;
    }
    const headers = { ...options.headers };
    if (options.auth) headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    return { agent, headers, until: systemClock.now() + CREDENTIALS_MS };
  }

  return {
    server: cluster.server,
    async authorize() {
      if (current === undefined || systemClock.now() >= current.until) current = await refresh();
      return current;
    },
    forget() {
      if (current !== undefined) current.until = 0;
    },
    close: () => current?.agent.destroy(),
  };
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: https.RequestOptions): https.AgentOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}

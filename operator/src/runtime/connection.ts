import http from 'node:http';
import https from 'node:https';

/** How to reach an API server. */
export interface Connection {
  /** `https://host:port`, with a path prefix if the server has one. */
  readonly server: string;
  /** Agent and credentials for one request; cheap, called for each. */
  authorize(): Promise<{ agent: http.Agent; headers: Record<string, string> }>;
  /** Drops cached credentials, after a 401. */
  forget(): void;
  /** Closes idle connections. */
  close(): void;
}

/** TCP probes find a peer that vanished; a pool keeps the number of handshakes near zero. */
const POOL: http.AgentOptions = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 8 };

/** Plain http without credentials: tests, `kubectl proxy`. */
export function plainConnection(server: string): Connection {
  const agent = new http.Agent(POOL);
  return {
    server,
    authorize: () => Promise.resolve({ agent, headers: {} }),
    forget: () => {},
    close: () => agent.destroy(),
  };
}

/** One pooled agent for all requests with the same TLS material. */
export function pooledAgent(tls: https.AgentOptions): https.Agent {
  return new https.Agent({ ...tls, ...POOL });
}

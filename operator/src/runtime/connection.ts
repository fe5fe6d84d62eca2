import type http from 'node:http';

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

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface HealthOptions {
  /** 0 takes a free one. */
  port: number;
  host?: string;
  register: Pick<Registry, 'metrics' | 'contentType'>;
  /** What is wrong with the process itself, for a restart; undefined when nothing is. */
  live?: () => string | undefined;
  /** What is missing until it can work, or undefined. A standby that waits for the lease is ready. */
  ready: () => string | undefined;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** `/healthz`, `/readyz`, `/metrics`. Rejects when the port is taken. */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const server = http.createServer((request, response) => {
    answer(options, request).then(
      ({ status, type = 'text/plain; charset=utf-8', body }) => {
        response.writeHead(status, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' });
        response.end(request.method === 'HEAD' ? undefined : body);
      },
      () => response.writeHead(500).end('the metrics could not be collected\n'),
    );
  });
  // Probes and scrapers are quick; nobody else has business here.
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  { live, ready, register }: HealthOptions,
  { method, url }: http.IncomingMessage,
): Promise<{ status: number; type?: string; body: string }> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'only GET and HEAD\n' };
  switch (url?.split('?', 1)[0]) {
    case '/healthz':
      return verdict(live?.());
    case '/readyz':
      return verdict(ready());
    case '/metrics':
      return { status: 200, type: register.contentType, body: await register.metrics() };
    case undefined:
    default:
      return { status: 404, body: 'there is /healthz, /readyz and /metrics\n' };
  }
}

function verdict(trouble: string | undefined): { status: number; body: string } {
  return trouble === undefined ? { status: 200, body: 'ok\n' } : { status: 503, body: `${trouble}\n` };
}

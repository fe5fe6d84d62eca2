import http from 'node:http';
import https from 'node:https';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { ApiError, type ApiStatus } from './errors.ts';

export interface Exchange {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  body?: string | undefined;
  signal: AbortSignal;
  /** Called at the last moment before anything is sent; when it throws, nothing is. */
  beforeSend?: (() => void) | undefined;
}

/**
 * Sends one request and resolves with the answer's head. Rejects with an ApiError of status 0 when none came.
 * A read that met a pooled connection which the server had just closed is sent once more: it cannot have been answered.
 */
export async function send(connection: Connection, exchange: Exchange): Promise<http.IncomingMessage> {
  const { agent, headers } = await connection.authorize();
  const url = new URL(connection.server.replace(/\/$/, '') + exchange.path);
  const attempt = () =>
    new Promise<http.IncomingMessage>((resolve, reject) => {
      exchange.beforeSend?.();
      const request = (url.protocol === 'http:' ? http : https).request(url, {
        method: exchange.method,
        agent,
        signal: exchange.signal,
        headers: {
          ...headers,
          ...exchange.headers,
          ...(exchange.body === undefined ? {} : { 'Content-Length': Buffer.byteLength(exchange.body) }),
        },
      });
      request.once('response', resolve);
      request.once('error', (cause) => reject(new NoAnswer(cause, request.reusedSocket)));
      request.end(exchange.body);
    });
  return attempt()
    .catch((error: unknown) => {
      if (exchange.method !== 'GET' || !(error instanceof NoAnswer) || !error.staleConnection) throw error;
      return attempt();
    })
    .catch((error: unknown) => {
      throw error instanceof NoAnswer ? noAnswer(exchange, error.cause as NodeJS.ErrnoException) : error;
    });
}

class NoAnswer extends Error {
  readonly staleConnection: boolean;
  constructor(cause: NodeJS.ErrnoException, reused: boolean) {
    super('no answer', { cause });
    this.staleConnection = reused && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE');
  }
}

/** The whole body as text. */
export async function readText(response: http.IncomingMessage, exchange: Exchange): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (cause) {
    throw noAnswer(exchange, cause as NodeJS.ErrnoException);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** An ApiError without an answer; the signal's reason says whether a deadline or the caller ended it. */
export function noAnswer(
  exchange: Pick<Exchange, 'method' | 'path' | 'signal'>,
  cause: NodeJS.ErrnoException,
): ApiError {
  const what = `${exchange.method} ${pathOnly(exchange.path)}`;
  const ended: unknown = exchange.signal.aborted ? exchange.signal.reason : undefined;
  if (ended instanceof Expired) {
    return new ApiError({ status: 0, reason: 'Timeout', message: `${what}: no answer within ${ended.ms / 1000} s` });
  }
  if (exchange.signal.aborted) return new ApiError({ status: 0, reason: 'Aborted', message: `${what}: aborted` });
  const message = `${what}: the connection failed (${cause.code ?? cause.message})`;
  return new ApiError({ status: 0, reason: 'ConnectionFailed', message, cause });
}

/** What the server said in an answer that is not a success. */
export function refusal(response: http.IncomingMessage, exchange: Exchange, body: string): ApiError {
  const status = response.statusCode ?? 0;
  const told = parseStatus(body);
  const seconds = Number(response.headers['retry-after'] ?? told.details?.retryAfterSeconds ?? NaN);
  return new ApiError({
    status,
    reason: told.reason ?? http.STATUS_CODES[status] ?? 'Unknown',
    message: told.message ?? `${exchange.method} ${pathOnly(exchange.path)}: HTTP ${status}`,
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined,
    details: told.details,
  });
}

function parseStatus(body: string): ApiStatus {
  try {
    const parsed = JSON.parse(body) as ApiStatus | null;
    return parsed !== null && typeof parsed === 'object' ? parsed : {};
  } catch {
    // Proxies and overloaded servers answer in plain text.
    return {};
  }
}

function pathOnly(path: string): string {
  return path.split('?', 1)[0] ?? path;
}

class Expired extends Error {
  constructor(readonly ms: number) {
    super('deadline');
  }
}

/** A signal that aborts with `parent` or after `ms`. */
export function deadline(clock: Clock, ms: number, parent?: AbortSignal): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const follow = () => controller.abort(parent?.reason);
  if (parent?.aborted) follow();
  parent?.addEventListener('abort', follow, { once: true });
  const cancel = clock.setTimeout(() => controller.abort(new Expired(ms)), ms);
  return {
    signal: controller.signal,
    clear: () => {
      cancel();
      parent?.removeEventListener('abort', follow);
    },
  };
}

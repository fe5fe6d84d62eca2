import type http from 'node:http';
import { sleep, systemClock, type Clock } from './clock.ts';
import type { KubeClientOptions } from './client-options.ts';
import { ApiError } from './errors.ts';
import { noMetrics, type RuntimeMetrics } from './metrics.ts';
import { RateLimiter } from './rate-limiter.ts';
import { deadline, readText, refusal, send, type Exchange } from './transport.ts';

/** One request in the words of the API: what RBAC, metrics and HTTP need to know of it. */
export interface Call {
  verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  /** See `resourceName`. */
  resource: string;
  method: Exchange['method'];
  path: string;
  query?: Record<string, string | number | boolean | undefined> | undefined;
  contentType?: string | undefined;
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Called at the last moment; when it throws, nothing is sent. */
  guard?: (() => void) | undefined;
}

/** A request that the server did not take (429, 503 with Retry-After) is repeated so often, and while it asks for waits this short; a longer wait is the caller's. */
const REPEATS = 4;
const LONGEST_WAIT_MS = 10_000;
const JSON_TYPE = 'application/json';

/** Sends calls: rate limit, deadline, the server's wish to wait, measurements. Every failure is an ApiError. */
export class Requester {
  readonly clock: Clock;
  private readonly metrics: RuntimeMetrics;
  private readonly limiter: RateLimiter;

  constructor(private readonly options: KubeClientOptions) {
    this.clock = options.clock ?? systemClock;
    this.metrics = options.metrics ?? noMetrics;
    this.limiter = new RateLimiter(options.rateLimit ?? { perSecond: 50, burst: 100 }, this.clock);
  }

  /** The whole answer, within the request timeout. */
  async json<T>(call: Call): Promise<T> {
    const limit = deadline(this.clock, this.options.requestTimeoutMs ?? 30_000, call.signal);
    try {
      const { response, exchange } = await this.open(call, limit.signal);
      const text = await readText(response, exchange);
      try {
        return JSON.parse(text) as T;
      } catch (cause) {
        const message = `${call.method} ${call.path}: the answer is not JSON`;
        throw new ApiError({ status: 0, reason: 'Malformed', message, cause });
      }
    } finally {
      limit.clear();
    }
  }

  /** The head of a successful answer; its body is still to be read. */
  async open(call: Call, signal: AbortSignal): Promise<{ response: http.IncomingMessage; exchange: Exchange }> {
    const exchange: Exchange = {
      method: call.method,
      path: call.path + queryOf(call.query),
      headers: {
        Accept: JSON_TYPE,
        'User-Agent': this.options.userAgent,
        ...(call.body === undefined ? {} : { 'Content-Type': call.contentType ?? JSON_TYPE }),
      },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      signal,
      beforeSend: call.guard,
    };
    for (let repeat = 0; ; repeat += 1) {
      await this.limiter.take(signal);
      try {
        return { response: await this.once(call, exchange), exchange };
      } catch (error) {
        const wait = waitAskedFor(error);
        if (wait === undefined || wait > LONGEST_WAIT_MS || repeat >= REPEATS) throw error;
        await sleep(this.clock, wait, signal);
      }
    }
  }

  private async once(call: Call, exchange: Exchange): Promise<http.IncomingMessage> {
    const started = this.clock.now();
    let code = 'error';
    try {
      const response = await send(this.options.connection, exchange);
      code = String(response.statusCode);
      if (response.statusCode !== undefined && response.statusCode < 300) return response;
      if (response.statusCode === 401) this.options.connection.forget();
      throw refusal(response, exchange, await readText(response, exchange));
    } finally {
      const seconds = (this.clock.now() - started) / 1000;
      this.metrics.apiRequest({ verb: call.verb, resource: call.resource, code, seconds });
    }
  }
}

function waitAskedFor(error: unknown): number | undefined {
  if (!(error instanceof ApiError)) return undefined;
  if (error.status === 429) return error.retryAfterMs ?? 1_000;
  return error.status === 503 ? error.retryAfterMs : undefined;
}

function queryOf(query: Call['query'] = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(key, String(value));
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}

import type {
  ApplyOptions,
  DeleteOptions,
  JsonPatch,
  ListOptions,
  ObjectList,
  RequestOptions,
  WatchOptions,
  WriteOptions,
} from './client-options.ts';
import { sleep, systemClock, type Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { ApiError } from './errors.ts';
import { noMetrics, type RuntimeMetrics } from './metrics.ts';
import type { KubeObject, Manifest, ObjectRef } from './objects.ts';
import { RateLimiter, type RateLimit } from './rate-limiter.ts';
import { collectionPath, objectPath, resourceName, type ResourceType } from './resources.ts';
import { deadline, noAnswer, readText, refusal, send, type Exchange } from './transport.ts';
import { decodeWatch, type WatchEvent } from './watch.ts';

export interface KubeClientOptions {
  connection: Connection;
  userAgent: string;
  /** Owner of the fields that `apply`, `create` and all patches write. */
  fieldManager: string;
  /** Default 30 000. */
  requestTimeoutMs?: number;
  /** Default 50 requests/s on average, 100 at once. */
  rateLimit?: RateLimit;
  metrics?: RuntimeMetrics;
  clock?: Clock;
}

/** A server that closes a watch at its timeout needs no longer than this to say so. */
const WATCH_GRACE_MS = 5_000;
/** A request that the server asked to repeat (429, 503 with Retry-After) is repeated so often, and while waits are this short; a longer wait is the caller's. */
const REPEATS = 4;
const LONGEST_WAIT_MS = 10_000;

interface Call {
  verb: string;
  resource: string;
  method: Exchange['method'];
  path: string;
  query?: Record<string, string | number | boolean | undefined> | undefined;
  contentType?: string | undefined;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

/** Raw JSON in, raw JSON out. Every failure is an ApiError (errors.ts has the predicates). Writes are repeated only when the server said that it did not take them. */
export class KubeClient {
  private readonly clock: Clock;
  private readonly metrics: RuntimeMetrics;
  private readonly limiter: RateLimiter;
  private guard: (() => void) | undefined;

  constructor(private readonly options: KubeClientOptions) {
    this.clock = options.clock ?? systemClock;
    this.metrics = options.metrics ?? noMetrics;
    this.limiter = new RateLimiter(options.rateLimit ?? { perSecond: 50, burst: 100 }, this.clock);
  }

  /** The same client whose writes first call `guard`; when that throws, nothing is sent. */
  fenced(guard: () => void): KubeClient {
    const fenced = Object.create(this) as KubeClient;
    fenced.guard = guard;
    return fenced;
  }

  async get<T extends KubeObject>(type: ResourceType, ref: ObjectRef, options: RequestOptions = {}): Promise<T> {
    return this.json<T>({
      verb: 'get',
      resource: resourceName(type),
      method: 'GET',
      path: objectPath(type, ref),
      ...options,
    });
  }

  /** One page. */
  async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<ObjectList<T>> {
    const { namespace, signal, ...query } = options;
    const page = await this.json<{ items: T[] | null; metadata: { resourceVersion: string; continue?: string } }>({
      verb: 'list',
      resource: resourceName(type),
      method: 'GET',
      path: collectionPath(type, namespace),
      query,
      signal,
    });
    const { resourceVersion, continue: next } = page.metadata;
    return { items: page.items ?? [], resourceVersion, ...(next ? { continue: next } : {}) };
  }

  /** All pages. 410 when the pages' snapshot expired on the way. */
  async listAll<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<ObjectList<T>> {
    const items: T[] = [];
    let page: ObjectList<T> | undefined;
    do {
      page = await this.list<T>(type, { limit: 500, ...options, continue: page?.continue });
      for (const item of page.items) items.push(item);
    } while (page.continue !== undefined);
    return { items, resourceVersion: page.resourceVersion };
  }

  async create<T extends KubeObject>(type: ResourceType, manifest: Manifest, options: WriteOptions = {}): Promise<T> {
    const path = collectionPath(type, manifest.metadata?.namespace);
    if (type.namespaced && !manifest.metadata?.namespace) {
      throw new TypeError(`${type.kind} ${manifest.metadata?.name ?? ''}: the namespace is missing`);
    }
    return this.write<T>(
      { verb: 'create', type, method: 'POST', path, body: manifest, contentType: JSON_TYPE },
      options,
    );
  }

  /** Server-side apply. */
  async apply<T extends KubeObject>(type: ResourceType, manifest: Manifest, options: ApplyOptions = {}): Promise<T> {
    const { force = false, ...rest } = options;
    const path = objectPath(type, refIn(manifest), options.subresource);
    const contentType = 'application/apply-patch+yaml';
    return this.write<T>(
      { verb: 'patch', type, method: 'PATCH', path, body: manifest, contentType, query: { force } },
      rest,
    );
  }

  /** Replaces what was read; the object's resourceVersion fences off a change in between. */
  async replace<T extends KubeObject>(type: ResourceType, object: T, options: WriteOptions = {}): Promise<T> {
    const path = objectPath(type, object.metadata, options.subresource);
    return this.write<T>({ verb: 'update', type, method: 'PUT', path, body: object, contentType: JSON_TYPE }, options);
  }

  async jsonPatch<T extends KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    patch: JsonPatch,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.patch<T>(type, ref, patch, 'application/json-patch+json', options);
  }

  async mergePatch<T extends KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    patch: object,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.patch<T>(type, ref, patch, 'application/merge-patch+json', options);
  }

  /** The object when it lives on for a while (finalizers, grace period), undefined when it is gone. */
  async delete<T extends KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    options: DeleteOptions = {},
  ): Promise<T | undefined> {
    const { uid, resourceVersion, propagationPolicy = 'Background', signal } = options;
    const body = {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      propagationPolicy,
      preconditions: { uid, resourceVersion },
    };
    const path = objectPath(type, ref);
    const call: Call = { verb: 'delete', resource: resourceName(type), method: 'DELETE', path, body, signal };
    const left = await this.json<T>({ ...call, contentType: JSON_TYPE });
    // Some kinds answer with the object although it is gone already; only a mark of deletion means that it stays.
    return left.metadata.deletionTimestamp === undefined ? undefined : left;
  }

  /** Ends when the server closes; throws an ApiError for everything else, `Timeout` when the stream outlived its time. */
  async *watch<T extends KubeObject>(type: ResourceType, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const { namespace, signal, ...query } = options;
    const call: Call = {
      verb: 'watch',
      resource: resourceName(type),
      method: 'GET',
      path: collectionPath(type, namespace),
      query: { watch: true, allowWatchBookmarks: true, ...query },
    };
    const limit = deadline(this.clock, options.timeoutSeconds * 1000 + WATCH_GRACE_MS, signal);
    try {
      const { response, exchange } = await this.exchange(call, limit.signal);
      try {
        yield* decodeWatch<T>(response);
      } catch (error) {
        throw error instanceof ApiError ? error : noAnswer(exchange, error as NodeJS.ErrnoException);
      } finally {
        response.destroy();
      }
    } finally {
      limit.clear();
    }
  }

  private patch<T>(
    type: ResourceType,
    ref: ObjectRef,
    body: object,
    contentType: string,
    options: WriteOptions,
  ): Promise<T> {
    const path = objectPath(type, ref, options.subresource);
    return this.write<T>({ verb: 'patch', type, method: 'PATCH', path, body, contentType }, options);
  }

  private write<T>(call: Omit<Call, 'resource'> & { type: ResourceType }, options: WriteOptions): Promise<T> {
    const { type, query, ...rest } = call;
    return this.json<T>({
      ...rest,
      resource: resourceName(type, options.subresource),
      query: { fieldManager: this.options.fieldManager, dryRun: options.dryRun ? 'All' : undefined, ...query },
      signal: options.signal,
    });
  }

  private async json<T>(call: Call): Promise<T> {
    const limit = deadline(this.clock, this.options.requestTimeoutMs ?? 30_000, call.signal);
    try {
      const { response, exchange } = await this.exchange(call, limit.signal);
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

  /** Sends until there is a success or a failure that is not worth repeating. */
  private async exchange(call: Call, signal: AbortSignal) {
    const exchange: Exchange = {
      method: call.method,
      path: call.path + queryOf(call.query),
      headers: {
        Accept: JSON_TYPE,
        'User-Agent': this.options.userAgent,
        ...(call.contentType === undefined ? {} : { 'Content-Type': call.contentType }),
      },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      signal,
      beforeSend: call.method === 'GET' ? undefined : this.guard,
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

  private async once(call: Call, exchange: Exchange) {
    const started = this.clock.now();
    let code = 'error';
    try {
      const response = await send(this.options.connection, exchange);
      code = String(response.statusCode);
      if (response.statusCode !== undefined && response.statusCode < 300) return response;
      if (response.statusCode === 401) this.options.connection.forget();
      throw refusal(response, exchange, await readText(response, exchange));
    } finally {
      this.metrics.apiRequest({
        verb: call.verb,
        resource: call.resource,
        code,
        seconds: (this.clock.now() - started) / 1000,
      });
    }
  }
}

const JSON_TYPE = 'application/json';

function waitAskedFor(error: unknown): number | undefined {
  if (!(error instanceof ApiError)) return undefined;
  if (error.status === 429) return error.retryAfterMs ?? 1_000;
  return error.status === 503 ? error.retryAfterMs : undefined;
}

function refIn(manifest: Manifest): ObjectRef {
  return { namespace: manifest.metadata?.namespace, name: manifest.metadata?.name ?? '' };
}

function queryOf(query: Call['query'] = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(key, String(value));
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}

import type {
  ApplyOptions,
  DeleteOptions,
  JsonPatch,
  KubeClientOptions,
  ListOptions,
  ObjectList,
  RequestOptions,
  WatchOptions,
  WriteOptions,
} from './client-options.ts';
import { ApiError } from './errors.ts';
import type { KubeObject, Manifest, ObjectRef } from './objects.ts';
import { Requester, type Call } from './requester.ts';
import { apiVersionOf, collectionPath, objectPath, resourceName, type ResourceType } from './resources.ts';
import { deadline, noAnswer } from './transport.ts';
import { decodeWatch, type WatchEvent } from './watch.ts';

/** A server that closes a watch at its timeout needs no longer than this to say so. */
const WATCH_GRACE_MS = 5_000;

/**
 * Raw JSON in, raw JSON out. Every failure is an ApiError (errors.ts has the predicates). A write is repeated only when the
 * server said that it did not take it.
 */
export class KubeClient {
  constructor(
    private readonly options: KubeClientOptions,
    private readonly requester = new Requester(options),
    private readonly guard?: () => void,
  ) {}

  /** The same client whose writes first call `guard`; when that throws, nothing is sent. */
  fenced(guard: () => void): KubeClient {
    return new KubeClient(this.options, this.requester, guard);
  }

  async get<T extends KubeObject>(type: ResourceType, ref: ObjectRef, options: RequestOptions = {}): Promise<T> {
    const path = objectPath(type, ref);
    return this.requester.json<T>({ verb: 'get', resource: resourceName(type), method: 'GET', path, ...options });
  }

  /** One page. */
  async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<ObjectList<T>> {
    const { namespace, signal, ...query } = options;
    const path = collectionPath(type, namespace);
    const call: Call = { verb: 'list', resource: resourceName(type), method: 'GET', path, query, signal };
    const page = await this.requester.json<ListBody<T>>(call);
    const { resourceVersion, continue: next } = page.metadata;
    // Items of a list come without them, those of a watch with.
    const kind = { apiVersion: apiVersionOf(type), kind: type.kind };
    const items = (page.items ?? []).map((item) => ({ ...kind, ...item }));
    return { items, resourceVersion, ...(next ? { continue: next } : {}) };
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
    const { name = '', namespace } = manifest.metadata ?? {};
    if (type.namespaced && !namespace) throw new TypeError(`${type.kind} ${name}: the namespace is missing`);
    const path = collectionPath(type, namespace);
    return this.write<T>(type, { verb: 'create', method: 'POST', path, body: manifest }, options);
  }

  /** Server-side apply. */
  async apply<T extends KubeObject>(type: ResourceType, manifest: Manifest, options: ApplyOptions = {}): Promise<T> {
    const { force = false, ...rest } = options;
    const { name = '', namespace } = manifest.metadata ?? {};
    const path = objectPath(type, { namespace, name }, options.subresource);
    const contentType = 'application/apply-patch+yaml';
    return this.write<T>(
      type,
      { verb: 'patch', method: 'PATCH', path, body: manifest, contentType, query: { force } },
      rest,
    );
  }

  /** Replaces what was read; the object's resourceVersion fences off a change in between. */
  async replace<T extends KubeObject>(type: ResourceType, object: T, options: WriteOptions = {}): Promise<T> {
    const path = objectPath(type, object.metadata, options.subresource);
    return this.write<T>(type, { verb: 'update', method: 'PUT', path, body: object }, options);
  }

  /** RFC 6902. A `test` that fails is told as 422 Invalid; a changed `/metadata/resourceVersion` as 409. */
  async jsonPatch<T extends KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    patch: JsonPatch,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.patch<T>(type, ref, patch, 'application/json-patch+json', options);
  }

  /** RFC 7386. */
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
    const preconditions = { uid, resourceVersion };
    const left = await this.requester.json<Partial<T>>({
      verb: 'delete',
      resource: resourceName(type),
      method: 'DELETE',
      path: objectPath(type, ref),
      body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy, preconditions },
      signal,
      guard: this.guard,
    });
    // Some kinds answer with the object although it is gone already; only a mark of deletion means that it stays.
    return left.metadata?.deletionTimestamp === undefined ? undefined : (left as T);
  }

  /** Ends when the server closes; throws an ApiError for everything else, `Timeout` when the stream outlived its time. */
  async *watch<T extends KubeObject>(type: ResourceType, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const { namespace, signal, ...selection } = options;
    const query = { watch: true, allowWatchBookmarks: true, ...selection };
    const path = collectionPath(type, namespace);
    const limit = deadline(this.requester.clock, options.timeoutSeconds * 1000 + WATCH_GRACE_MS, signal);
    try {
      const call: Call = { verb: 'watch', resource: resourceName(type), method: 'GET', path, query };
      const { response, exchange } = await this.requester.open(call, limit.signal);
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
    return this.write<T>(type, { verb: 'patch', method: 'PATCH', path, body, contentType }, options);
  }

  private write<T>(type: ResourceType, call: Omit<Call, 'resource'>, options: WriteOptions): Promise<T> {
    const { fieldManager } = this.options;
    return this.requester.json<T>({
      ...call,
      resource: resourceName(type, options.subresource),
      query: { fieldManager, ...call.query },
      signal: options.signal,
      guard: this.guard,
    });
  }
}

interface ListBody<T> {
  items: T[] | null;
  metadata: { resourceVersion: string; continue?: string };
}

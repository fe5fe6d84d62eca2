/** The public face of the runtime. Import from here; the files behind it are its own business. */
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Log } from './log.ts';
import type { RuntimeMetrics } from './metrics.ts';
import type { KubeObject, Manifest, ObjectRef } from './objects.ts';
import type { ResourceType, Subresource } from './resources.ts';
import type { Backoff } from './backoff.ts';

export * from './objects.ts';
export * from './resources.ts';
export * from './errors.ts';
export * from './clock.ts';
export * from './backoff.ts';
export * from './log.ts';
export * from './metrics.ts';
export type { Connection } from './connection.ts';

// ---- client ----
export interface KubeClientOptions {
  connection: Connection;
  userAgent: string;
  /** Owner of the fields that `apply` and all patches write. */
  fieldManager: string;
  /** Default 30 000. */
  requestTimeoutMs?: number;
  /** Default 50 requests/s on average, 100 at once. */
  rateLimit?: { perSecond: number; burst: number };
  metrics?: RuntimeMetrics;
  clock?: Clock;
}
export interface RequestOptions {
  signal?: AbortSignal | undefined;
}
export interface WriteOptions extends RequestOptions {
  subresource?: Subresource;
  dryRun?: boolean;
}
export interface ApplyOptions extends WriteOptions {
  /** Take fields from other managers (default false: a conflict is an error). */
  force?: boolean;
}
export interface DeleteOptions extends RequestOptions {
  uid?: string;
  resourceVersion?: string;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
}
export interface Selection {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}
export interface ListOptions extends Selection, RequestOptions {
  limit?: number;
  continue?: string;
  resourceVersion?: string;
}
export interface WatchOptions extends Selection, RequestOptions {
  resourceVersion: string;
  timeoutSeconds: number;
}
export interface ObjectList<T> {
  items: T[];
  resourceVersion: string;
  continue?: string;
}
export type JsonPatch = (
  | { op: 'add' | 'replace' | 'test'; path: string; value: unknown }
  | { op: 'remove'; path: string }
  | { op: 'move' | 'copy'; from: string; path: string }
)[];
export type WatchEvent<T> =
  { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T } | { type: 'BOOKMARK'; resourceVersion: string };

export declare class KubeClient {
  constructor(options: KubeClientOptions);
  /** The same client whose writes first call `guard`; when that throws, nothing is sent. */
  fenced(guard: () => void): KubeClient;
  get<T extends KubeObject>(type: ResourceType, ref: ObjectRef, options?: RequestOptions): Promise<T>;
  /** One page. */
  list<T extends KubeObject>(type: ResourceType, options?: ListOptions): Promise<ObjectList<T>>;
  /** All pages. */
  listAll<T extends KubeObject>(type: ResourceType, options?: ListOptions): Promise<ObjectList<T>>;
  create<T extends KubeObject, M extends Manifest = Manifest>(
    type: ResourceType,
    manifest: M,
    options?: WriteOptions,
  ): Promise<T>;
  apply<T extends KubeObject, M extends Manifest = Manifest>(
    type: ResourceType,
    manifest: M,
    options?: ApplyOptions,
  ): Promise<T>;
  replace<T extends KubeObject>(type: ResourceType, object: T, options?: WriteOptions): Promise<T>;
  jsonPatch<T extends KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    patch: JsonPatch,
    options?: WriteOptions,
  ): Promise<T>;
  mergePatch<T extends KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    patch: object,
    options?: WriteOptions,
  ): Promise<T>;
  /** The object when it lives on for a while (finalizers), undefined when it is gone. */
  delete<T extends KubeObject>(type: ResourceType, ref: ObjectRef, options?: DeleteOptions): Promise<T | undefined>;
  watch<T extends KubeObject>(type: ResourceType, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
}

export interface ConnectOptions {
  /** Path of a kubeconfig; default: the pod's service account, else kubectl's own rules. */
  kubeconfig?: string;
  context?: string;
}
/** Connection by KubeConfig of @kubernetes/client-node. */
export declare function connect(options?: ConnectOptions): Connection;
/** Plain http without credentials: tests, `kubectl proxy`. */
export declare function plainConnection(server: string): Connection;

// ---- cache ----
export type Change<T> =
  { type: 'added'; object: T } | { type: 'updated'; object: T; old: T } | { type: 'deleted'; object: T };
export declare class Store<T extends KubeObject> {
  get(ref: ObjectRef): T | undefined;
  getByUid(uid: string): T | undefined;
  list(namespace?: string): T[];
  addIndex(name: string, keysOf: (object: T) => readonly string[]): void;
  /** Throws a TypeError for an unknown index. */
  byIndex(name: string, key: string): T[];
  readonly size: number;
  /** Read-your-writes: the answer of an own create, apply, patch or replace. */
  observeWrite(object: T): void;
  /** Read-your-writes: an own delete after which the object is gone. */
  observeDelete(uid: string): void;
  /** Handlers only enqueue keys. The answer unsubscribes. */
  onChange(handler: (change: Change<T>) => void): () => void;
}
export interface InformerOptions<T extends KubeObject> {
  client: KubeClient;
  type: ResourceType;
  /** Default: all. */
  namespaces?: readonly string[];
  labelSelector?: string;
  fieldSelector?: string;
  /** Applied before caching, after managedFields were dropped. */
  transform?: (object: T) => T;
  indexes?: Record<string, (object: T) => readonly string[]>;
  log?: Log;
  metrics?: RuntimeMetrics;
  clock?: Clock;
  random?: () => number;
}
/** A store and the reflectors that keep it. */
export declare class Informer<T extends KubeObject> {
  constructor(options: InformerOptions<T>);
  readonly type: ResourceType;
  readonly store: Store<T>;
  hasSynced(): boolean;
  /** Resolves at the first complete list of every namespace, or when the signal aborts. */
  waitForSync(signal?: AbortSignal): Promise<void>;
  /** Runs until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

// ---- queue ----
export interface WorkQueueOptions {
  name: string;
  /** Default 1 s to 5 min. */
  backoff?: Backoff;
  clock?: Clock;
  random?: () => number;
  metrics?: RuntimeMetrics;
}
export declare class WorkQueue {
  constructor(options: WorkQueueOptions);
  readonly name: string;
  readonly depth: number;
  add(key: string): void;
  addAfter(key: string, ms: number): void;
  /** By the key's own backoff, at least `leastMs`; answers the delay chosen. */
  addRateLimited(key: string, leastMs?: number): number;
  forget(key: string): void;
  retries(key: string): number;
  /** The next key, marked as being processed; undefined after shutDown. */
  take(): Promise<string | undefined>;
  done(key: string): void;
  /** No new keys, delayed ones dropped; resolves when all that were taken are done. */
  shutDown(): Promise<void>;
}

// ---- leader election ----
export interface LeaderElectorOptions {
  client: KubeClient;
  namespace: string;
  name: string;
  /** Unique per process, e.g. `<pod>_<uuid>`. */
  identity: string;
  leaseDurationMs?: number;
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
  /** Starts the work; must settle soon after its signal aborts. */
  onStartedLeading: (signal: AbortSignal) => Promise<void>;
  onStoppedLeading?: (why: 'lost' | 'released') => void;
  onNewLeader?: (identity: string) => void;
  log?: Log;
  metrics?: RuntimeMetrics;
  clock?: Clock;
  random?: () => number;
}
export declare class LeaderElector {
  constructor(options: LeaderElectorOptions);
  /** True only while no other can have taken over. */
  isLeader(): boolean;
  /** Guard for `KubeClient.fenced`: throws NotLeaderError. */
  assertLeading(): void;
  /** Until the signal aborts (`released`) or the lease is lost (`lost`: exit the process). Rejects when the work rejects. */
  run(signal: AbortSignal): Promise<'released' | 'lost'>;
}

// ---- events ----
export interface EventRecorderOptions {
  client: KubeClient;
  reportingController: string;
  reportingInstance: string;
  log?: Log;
  metrics?: RuntimeMetrics;
  clock?: Clock;
}
export interface EventInput {
  type: 'Normal' | 'Warning';
  /** What was done, CamelCase: `RollBack`. */
  action: string;
  /** Why, CamelCase, in the `kubectl describe` column. */
  reason: string;
  /** One sentence, cut at 1 kB. */
  note: string;
}
export declare class EventRecorder {
  constructor(options: EventRecorderOptions);
  /** Queues and returns; never throws. Needs apiVersion and kind on the object. */
  record(regarding: KubeObject, event: EventInput): void;
  /** Sends until the signal aborts, then what is queued. */
  run(signal: AbortSignal): Promise<void>;
}

// ---- controller ----
export type Request = ObjectRef;
export interface Result {
  requeueAfterMs?: number;
}
export type Reconcile = (request: Request, signal: AbortSignal) => Promise<Result | undefined>;
export interface ControllerOptions {
  name: string;
  queue: WorkQueue;
  reconcile: Reconcile;
  /** Default 4. */
  workers?: number;
  /** A reconcile's signal aborts after this; default 120 000. */
  reconcileTimeoutMs?: number;
  log?: Log;
  metrics?: RuntimeMetrics;
  clock?: Clock;
}
/** Works the queue until the signal aborts and the keys in work are done. */
export declare function runController(options: ControllerOptions, signal: AbortSignal): Promise<void>;

export interface ManagerOptions {
  informers: readonly Informer<never>[];
  controllers: readonly ControllerOptions[];
  /** Without it the controllers start as soon as the caches are synced. */
  leaderElection?: Omit<LeaderElectorOptions, 'onStartedLeading'>;
  log?: Log;
}
/** Caches first, then leadership, then controllers; the way back on abort. `lost`: exit the process. */
export declare function runManager(options: ManagerOptions, signal: AbortSignal): Promise<'stopped' | 'lost'>;

import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { RuntimeMetrics } from './metrics.ts';
import type { RateLimit } from './rate-limiter.ts';
import type { Subresource } from './resources.ts';

export interface KubeClientOptions {
  connection: Connection;
  userAgent: string;
  /** Owner of the fields that `apply`, `create` and all patches write. */
  fieldManager: string;
  /** For everything but watches; default 30 000. */
  requestTimeoutMs?: number | undefined;
  /** Default 50 requests/s on average, 100 at once. */
  rateLimit?: RateLimit | undefined;
  metrics?: RuntimeMetrics | undefined;
  clock?: Clock | undefined;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
}
export interface WriteOptions extends RequestOptions {
  subresource?: Subresource | undefined;
}
export interface ApplyOptions extends WriteOptions {
  /** Take fields from other managers (default false: a conflict is an error). */
  force?: boolean | undefined;
}
export interface DeleteOptions extends RequestOptions {
  uid?: string | undefined;
  resourceVersion?: string | undefined;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan' | undefined;
}
export interface Selection {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}
export interface ListOptions extends Selection, RequestOptions {
  /** Objects per page; `listAll` takes 500. */
  limit?: number | undefined;
  continue?: string | undefined;
  resourceVersion?: string | undefined;
}
export interface WatchOptions extends Selection, RequestOptions {
  resourceVersion: string;
  /** The server closes after this; the client gives up 5 s later. */
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

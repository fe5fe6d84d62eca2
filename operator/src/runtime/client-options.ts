import type { Subresource } from './resources.ts';

export interface RequestOptions {
  signal?: AbortSignal | undefined;
}
export interface WriteOptions extends RequestOptions {
  subresource?: Subresource | undefined;
  dryRun?: boolean | undefined;
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

/** Shapes every Kubernetes object shares. Objects are raw JSON as the API server sent it: dates are strings, nothing is a class. */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Metadata of an object that the API server has stored. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  /** RFC 3339. */
  creationTimestamp?: string;
  /** RFC 3339; present once deletion was asked for. */
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: unknown[];
}

/** An object as read from the API server. Combine with a kind's own type: `IDeployment & KubeObject`. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** An object as it is sent: the server adds uid and resourceVersion. */
export interface Manifest {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata?:
    { name?: string | undefined; generateName?: string | undefined; namespace?: string | undefined } | undefined;
}

/** Names one object of a known type; `namespace` is left out for cluster-scoped types. An object's `metadata` is one. */
export interface ObjectRef {
  namespace?: string | undefined;
  name: string;
}

/** `namespace/name`, or `name` when cluster-scoped: the key of caches and queues. */
export function keyOf(ref: ObjectRef): string {
  return ref.namespace ? `${ref.namespace}/${ref.name}` : ref.name;
}

/** The inverse of `keyOf`. */
export function refOf(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

const DECIMAL = /^(0|[1-9]\d*)$/;

/**
 * Orders two resourceVersions of one resource type: negative when `a` is older.
 * The API calls them opaque, yet every real API server uses etcd's revision, a decimal that only grows; no number type
 * is used because it may pass 2^53. For anything else the answer is 0 ("cannot tell"), and callers then trust the server.
 */
export function compareResourceVersions(a: string, b: string): number {
  if (a === b || !DECIMAL.test(a) || !DECIMAL.test(b)) return 0;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}

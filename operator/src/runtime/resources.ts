import type { ObjectRef } from './objects.ts';

/** One resource of the API, as a constant of the caller: `{group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true}`. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export type Subresource = 'status' | 'scale';

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf(type: ResourceType): string {
  return type.group ? `${type.group}/${type.version}` : type.version;
}

/** `deployments.apps`, or `pods`: the name RBAC and metrics use. */
export function resourceName(type: ResourceType, subresource?: Subresource): string {
  const name = type.group ? `${type.plural}.${type.group}` : type.plural;
  return subresource ? `${name}/${subresource}` : name;
}

/** Path of a collection; without a namespace, a namespaced type means all namespaces. */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.group ? `/apis/${type.group}/${type.version}` : `/api/${type.version}`;
  if (!type.namespaced || !namespace) return `${root}/${type.plural}`;
  return `${root}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`;
}

/** Path of one object. Throws a TypeError when a namespaced type comes without a namespace, or a name is empty. */
export function objectPath(type: ResourceType, ref: ObjectRef, subresource?: Subresource): string {
  if (!ref.name) throw new TypeError(`${type.kind}: the name is missing`);
  if (type.namespaced && !ref.namespace) throw new TypeError(`${type.kind} ${ref.name}: the namespace is missing`);
  const path = `${collectionPath(type, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource ? `${path}/${subresource}` : path;
}

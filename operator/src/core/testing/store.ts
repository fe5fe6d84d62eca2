import type { IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPod } from 'kubernetes-models/v1';
import { sameJson } from '../objects/covers.ts';
import type { PatchOperation } from '../objects/patch.ts';

export interface OwnerReference {
  uid: string;
  kind: string;
  name: string;
  controller?: boolean;
}

/** Any object of the cluster in memory. */
export interface Stored {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    generation: number;
    creationTimestamp: string;
    deletionTimestamp?: string;
    finalizers?: string[];
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: OwnerReference[];
  };
  [key: string]: unknown;
}

/** A write that the API server refuses: of an object that has changed since, or that is not there. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/**
 * The objects of a cluster in memory, as an API server keeps them; who writes an older version is refused. An object is
 * never changed, only replaced: copies of the cluster share all that is the same, and exploring takes millions of these.
 */
export class ObjectStore {
  now = Date.parse('2026-01-01T00:00:00Z');
  version = 1;
  /** How long a pod finishes its work once it is to go. */
  drainMs = 0;
  /** What admission makes of an object that is written; the object itself where it changes nothing. */
  admission: (object: Stored) => Stored = (object) => object;
  private readonly objects = new Map<string, Stored>();

  clone(): ObjectStore {
    const copy = new ObjectStore();
    copy.now = this.now;
    copy.version = this.version;
    copy.drainMs = this.drainMs;
    copy.admission = this.admission;
    for (const [key, object] of this.objects) copy.objects.set(key, object);
    return copy;
  }

  get<T = Stored>(kind: string, name: string): T | undefined {
    return this.objects.get(`${kind}/${name}`) as T | undefined;
  }

  list<T = Stored>(kind: string): T[] {
    return [...this.objects.values()].filter((object) => object.kind === kind) as T[];
  }

  all(): Stored[] {
    return [...this.objects.values()];
  }

  create(object: object): Stored {
    const { kind, metadata } = object as Stored;
    const key = `${kind}/${metadata.name}`;
    if (this.objects.has(key)) throw new Refused(`${key} exists already`);
    const created = copyOf(this.admission(object as Stored));
    created.metadata.uid = `uid-${++this.version}`;
    created.metadata.generation = 1;
    created.metadata.creationTimestamp = new Date(this.now).toISOString();
    created.metadata.resourceVersion = String(++this.version);
    this.objects.set(key, created);
    return created;
  }

  /** Server-side apply by one manager of everything: what is not said is gone. */
  apply(object: object): Stored {
    const { kind, metadata } = object as Stored;
    const live = this.get(kind, metadata.name);
    if (live === undefined) return this.create(object);
    return this.write(live, { ...copyOf(object as Stored), metadata: { ...live.metadata, ...metadata } });
  }

  patch(kind: string, name: string, operations: readonly PatchOperation[]): Stored {
    const object = this.get(kind, name);
    if (object === undefined) throw new Refused(`${kind}/${name} does not exist`);
    const [first] = operations;
    if (first?.path === '/metadata/resourceVersion' && first.value !== object.metadata.resourceVersion)
      throw new Refused(`${kind}/${name} has changed`);
    const next = copyOf(object);
    for (const operation of operations) applyOperation(next, operation);
    return this.write(object, next);
  }

  /** What changes nothing is no write: the object keeps its version. */
  private write(live: Stored, written: Stored): Stored {
    const next = this.admission(written);
    if (sameJson(next, live)) return live;
    this.replace(next, true);
    return next;
  }

  delete(kind: string, name: string, uid: string, propagation: 'Background' | 'Orphan' | 'Foreground' = 'Background') {
    const object = this.get(kind, name);
    if (object?.metadata.uid !== uid) return;
    if (propagation === 'Background') return void this.objects.delete(`${kind}/${name}`);
    this.change(object, ({ metadata }) => {
      metadata.deletionTimestamp ??= new Date(this.now).toISOString();
      metadata.finalizers ??= [propagation];
    });
  }

  remove({ kind, metadata }: Stored): void {
    this.objects.delete(`${kind}/${metadata.name}`);
  }

  /** Puts a changed copy in the place of an object. */
  change<T extends object>(object: T, edit: (next: T & Stored) => void, isSpec = false): T & Stored {
    const next = copyOf(object as T & Stored);
    edit(next);
    this.replace(next, isSpec);
    return next;
  }

  private replace(next: Stored, isSpec: boolean): void {
    next.metadata.resourceVersion = String(++this.version);
    if (isSpec) next.metadata.generation++;
    this.objects.set(`${next.kind}/${next.metadata.name}`, next);
  }
}

/** Copies what an edit may change, and shares the rest: templates, above all. */
function copyOf<T extends Stored>(object: T): T {
  const { metadata, spec } = object as Stored & { spec?: object };
  const { labels, annotations, ownerReferences } = metadata;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(labels === undefined ? {} : { labels: { ...labels } }),
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(ownerReferences === undefined ? {} : { ownerReferences: [...ownerReferences] }),
    },
    ...(spec === undefined ? {} : { spec: object.kind === 'HTTPRoute' ? structuredClone(spec) : { ...spec } }),
  };
}

function applyOperation(target: object, { op, path, value }: PatchOperation): void {
  if (path === '/metadata/resourceVersion') return;
  const keys = path
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/'));
  const last = keys.pop() ?? '';
  let at = target as Record<string, unknown>;
  for (const key of keys) at = (at[key] ??= {}) as Record<string, unknown>;
  if (Array.isArray(at) && last === '-') at.push(value);
  else if (op === 'remove') delete at[last];
  else at[last] = value;
}

export const controllerOf = ({ metadata }: Stored | IPod | IReplicaSet | IDeployment): string | undefined =>
  (metadata?.ownerReferences as OwnerReference[] | undefined)?.find(({ controller }) => controller === true)?.uid;

export const isReadyPod = (pod: IPod): boolean =>
  pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;

export const matches = (labels: Record<string, string> | undefined, selector: Record<string, string> = {}): boolean =>
  Object.entries(selector).every(([key, value]) => labels?.[key] === value);

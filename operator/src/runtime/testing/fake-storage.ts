import { isDeepStrictEqual } from 'node:util';
import { keyOf, type KubeObject, type ObjectRef } from '../objects.ts';
import { resourceName, type ResourceType } from '../resources.ts';
import { applyFields, fieldsOf, type FieldOwner } from './applied-fields.ts';
import { isObject, type Json, type JsonObject } from './patches.ts';

/** A refusal in the API server's words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

export interface LogEntry {
  resource: string;
  resourceVersion: number;
  before: KubeObject | undefined;
  /** Undefined for a deletion, whose last state is `before` with the deletion's version. */
  after: KubeObject | undefined;
}

/** Objects with the rules every API server keeps: versions, uids, generations, preconditions, finalizers. */
export class FakeStorage {
  private readonly objects = new Map<string, Map<string, KubeObject>>();
  private readonly log: LogEntry[] = [];
  private readonly listeners = new Set<(entry: LogEntry) => void>();
  private version = 1000;
  private uids = 0;
  /** Watches from before this are answered 410. */
  compactedAt = 0;

  get resourceVersion(): number {
    return this.version;
  }

  get<T extends KubeObject = KubeObject>(type: ResourceType, ref: ObjectRef): T | undefined {
    return structuredClone(this.kind(type).get(keyOf(ref))) as T | undefined;
  }

  list<T extends KubeObject = KubeObject>(type: ResourceType, namespace?: string): T[] {
    return [...this.kind(type).values()]
      .filter(({ metadata }) => !namespace || metadata.namespace === namespace)
      .sort((a, b) => (keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1))
      .map((object) => structuredClone(object) as T);
  }

  /** Writes by somebody else, everything as given, status too: creates or replaces. */
  put<T extends KubeObject = KubeObject>(type: ResourceType, object: unknown): T {
    const manifest = structuredClone(object) as JsonObject;
    const current = this.kind(type).get(keyOf(nameIn(manifest)));
    return this.commit(type, current, current ? manifest : this.born(type, manifest)) as T;
  }

  create(type: ResourceType, body: JsonObject): KubeObject {
    const ref = nameIn(body);
    if (!ref.name) throw new Refusal(422, 'Invalid', 'metadata.name: Required value');
    if (this.kind(type).has(keyOf(ref))) {
      throw new Refusal(409, 'AlreadyExists', `${resourceName(type)} "${ref.name}" already exists`);
    }
    const { status: _, ...manifest } = structuredClone(body);
    return this.commit(type, undefined, this.born(type, manifest));
  }

  /** Replaces an object, or only its status, by what `change` makes of it. */
  update(type: ResourceType, ref: ObjectRef, subresource: string, change: (live: JsonObject) => Json): KubeObject {
    const current = this.existing(type, ref);
    const live = structuredClone(current) as unknown as JsonObject;
    const changed = change(structuredClone(live)) as JsonObject;
    const { resourceVersion, uid } = (changed['metadata'] ?? {}) as Partial<KubeObject['metadata']>;
    this.check(type, current, { resourceVersion, uid });
    const status = (subresource === 'status' ? changed : live)['status'];
    const base = subresource === 'status' ? live : changed;
    const { status: _, ...rest } = base;
    return this.commit(type, current, status === undefined ? rest : { ...rest, status });
  }

  apply(type: ResourceType, ref: ObjectRef, subresource: string, manager: string, body: JsonObject): KubeObject {
    const manifest = structuredClone(body);
    const claimed = { ...manifest };
    const { labels, annotations } = (manifest['metadata'] ?? {}) as JsonObject;
    claimed['metadata'] = { ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
    delete claimed['apiVersion'];
    delete claimed['kind'];
    const owner: FieldOwner = { manager, operation: 'Apply', fieldsV1: fieldsOf(claimed) };
    const owned = (live: JsonObject): JsonObject => {
      const metadata = live['metadata'] as JsonObject;
      const owners = (metadata['managedFields'] ?? []) as unknown as FieldOwner[];
      const others = owners.filter((other) => other.manager !== manager);
      const before = owners.find((other) => other.manager === manager)?.fieldsV1 ?? {};
      const applied = applyFields(live, manifest, before);
      const managedFields = [...others, owner] as unknown as Json;
      return { ...applied, metadata: { ...(applied['metadata'] as JsonObject), managedFields } };
    };
    if (subresource !== '' || this.kind(type).has(keyOf(ref))) return this.update(type, ref, subresource, owned);
    if (nameIn(manifest).uid) throw new Refusal(409, 'Conflict', 'the uid in the precondition does not exist');
    return this.create(type, owned({ metadata: {} }));
  }

  /** The object when finalizers keep it, undefined when it is gone. */
  delete(
    type: ResourceType,
    ref: ObjectRef,
    preconditions: { uid?: string | undefined; resourceVersion?: string | undefined } = {},
  ): KubeObject | undefined {
    const current = this.existing(type, ref);
    this.check(type, current, preconditions);
    if (current.metadata.finalizers?.length) {
      const deletionTimestamp = current.metadata.deletionTimestamp ?? new Date().toISOString();
      const marked = { ...current, metadata: { ...current.metadata, deletionTimestamp } };
      return this.commit(type, current, marked as unknown as JsonObject);
    }
    this.commit(type, current, undefined);
    return undefined;
  }

  /** Forgets the past: watches and continue tokens from before now are too old. */
  compact(): void {
    this.compactedAt = this.version;
  }

  /** What happened after a version, then what happens; the answer unsubscribes. */
  follow(since: number, listener: (entry: LogEntry) => void): () => void {
    for (const entry of this.log) if (entry.resourceVersion > since) listener(entry);
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private commit(type: ResourceType, current: KubeObject | undefined, next: JsonObject | undefined): KubeObject {
    if (current && next && isSame(current, next)) return structuredClone(current);
    this.version += 1;
    const resourceVersion = String(this.version);
    const stored = next === undefined ? undefined : this.stored(type, current, next, resourceVersion);
    const gone = stored?.metadata.deletionTimestamp !== undefined && !stored.metadata.finalizers?.length;
    const subject = stored ?? current;
    if (subject === undefined) throw new TypeError('nothing is stored and nothing is deleted');
    const key = keyOf(subject.metadata);
    if (stored && !gone) this.kind(type).set(key, stored);
    else this.kind(type).delete(key);
    const entry: LogEntry = {
      resource: resourceName(type),
      resourceVersion: this.version,
      before: current,
      after: gone ? undefined : stored,
    };
    this.log.push(entry);
    for (const listener of [...this.listeners]) listener(entry);
    return structuredClone(stored ?? (current as KubeObject));
  }

  private stored(
    type: ResourceType,
    current: KubeObject | undefined,
    next: JsonObject,
    resourceVersion: string,
  ): KubeObject {
    const identity = current?.metadata ?? ((next['metadata'] ?? {}) as unknown as KubeObject['metadata']);
    const { uid, creationTimestamp, generation = 1, name, namespace } = identity;
    const respecified = current !== undefined && !isDeepStrictEqual(specOf(current), specOf(next));
    return {
      apiVersion: type.group ? `${type.group}/${type.version}` : type.version,
      kind: type.kind,
      ...next,
      metadata: {
        ...(next['metadata'] as JsonObject),
        name,
        ...(namespace === undefined ? {} : { namespace }),
        uid,
        creationTimestamp,
        generation: respecified ? generation + 1 : generation,
        resourceVersion,
      },
    } as KubeObject;
  }

  private born(_type: ResourceType, manifest: JsonObject): JsonObject {
    this.uids += 1;
    const metadata = (manifest['metadata'] ?? {}) as JsonObject;
    const uid = `00000000-0000-4000-8000-${String(this.uids).padStart(12, '0')}`;
    return { ...manifest, metadata: { ...metadata, uid, creationTimestamp: new Date().toISOString() } };
  }

  private existing(type: ResourceType, ref: ObjectRef): KubeObject {
    const object = this.kind(type).get(keyOf(ref));
    if (!object) throw new Refusal(404, 'NotFound', `${resourceName(type)} "${ref.name}" not found`);
    return object;
  }

  private check(
    type: ResourceType,
    { metadata }: KubeObject,
    { uid, resourceVersion }: { uid?: string | undefined; resourceVersion?: string | undefined },
  ): void {
    const differs = (uid && uid !== metadata.uid) || (resourceVersion && resourceVersion !== metadata.resourceVersion);
    if (!differs) return;
    const message = `Operation cannot be fulfilled on ${resourceName(type)} "${metadata.name}": the object has been modified`;
    throw new Refusal(409, 'Conflict', message);
  }

  private kind(type: ResourceType): Map<string, KubeObject> {
    const name = resourceName(type);
    const kind = this.objects.get(name) ?? new Map<string, KubeObject>();
    this.objects.set(name, kind);
    return kind;
  }
}

function nameIn(manifest: JsonObject): { name: string; namespace?: string; uid?: string } {
  const metadata = manifest['metadata'];
  return (isObject(metadata) ? metadata : { name: '' }) as { name: string };
}

function specOf(object: object): unknown {
  const { metadata: _metadata, status: _status, ...spec } = object as JsonObject;
  return spec;
}

/** Equal but for what the server itself writes: then nothing is stored and no version is spent. */
function isSame(current: KubeObject, next: JsonObject): boolean {
  const bare = (object: object) => {
    const { metadata, ...rest } = object as JsonObject;
    const { resourceVersion: _r, generation: _g, uid: _u, creationTimestamp: _c, ...own } = metadata as JsonObject;
    return { ...rest, metadata: own };
  };
  return isDeepStrictEqual(bare(current), bare({ apiVersion: current.apiVersion, kind: current.kind, ...next }));
}

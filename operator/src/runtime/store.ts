import { ObjectIndex, type KeysOf } from './object-index.ts';
import { silentLog, type Log } from './log.ts';
import { compareResourceVersions, keyOf, type KubeObject, type ObjectRef } from './objects.ts';

export type Change<T> =
  { type: 'added'; object: T } | { type: 'updated'; object: T; old: T } | { type: 'deleted'; object: T };

interface Entry<T> {
  object: T;
  /** What handlers were told last; undefined while only an own write knows the object. */
  announced: T | undefined;
  /** Whether list or watch has shown this version, as opposed to the answer of an own write. */
  confirmed: boolean;
}

// A method type, so that a store of Deployments is a store of objects.
export type Transform<T> = { transform(object: T): T }['transform'];

export interface StoreOptions<T> {
  /** Applied to every object before it is kept, while it still has its managedFields, which are dropped afterwards. */
  transform?: Transform<T> | undefined;
  indexes?: Record<string, KeysOf<T>> | undefined;
  log?: Log | undefined;
}

/**
 * The cache of one resource type. Objects in it are shared: never change one.
 *
 * Own writes: `observeWrite` makes the answer of a write visible at once. It is held until list or watch has come at least
 * as far, so neither a late watch nor a list that was on its way hides it; and it is ignored if the watch is already
 * further, so that an object deleted in the meantime does not rise again. Handlers are called by list and watch only.
 *
 * This rests on resourceVersions of one type being comparable (see `compareResourceVersions`). Where they are not, own
 * writes show up when the watch delivers them.
 */
export class Store<T extends KubeObject> {
  private readonly entries = new Map<string, Entry<T>>();
  private readonly keyByUid = new Map<string, string>();
  private readonly index: ObjectIndex<T>;
  private readonly handlers = new Set<{ call(change: Change<T>): void }>();
  /** How far list and watch have come, by scope: a namespace, or '' for all. */
  private readonly seen = new Map<string, string>();
  private readonly unconfirmed = new Set<string>();
  /** Deleted by us, not yet told by the watch: uid to what handlers know. A uid never comes back. */
  private readonly deletedByUs = new Map<string, { scope: string; announced: T | undefined }>();
  private readonly log: Log;

  constructor(private readonly options: StoreOptions<T> = {}) {
    this.log = options.log ?? silentLog;
    this.index = new ObjectIndex(options.indexes ?? {}, this.log);
  }

  get size(): number {
    return this.entries.size;
  }

  get(ref: ObjectRef): T | undefined {
    return this.entries.get(keyOf(ref))?.object;
  }

  getByUid(uid: string): T | undefined {
    const key = this.keyByUid.get(uid);
    return key === undefined ? undefined : this.entries.get(key)?.object;
  }

  list(namespace?: string): T[] {
    const all = [...this.entries.values()].map(({ object }) => object);
    return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace);
  }

  /** Indexes objects by what `keysOf` answers; also those already here. */
  addIndex(name: string, keysOf: KeysOf<T>): void {
    this.index.define(name, keysOf, this.entries);
  }

  /** Throws a TypeError for an index that was never added. */
  byIndex(name: string, key: string): T[] {
    return this.index.keys(name, key).flatMap((found) => this.entries.get(found)?.object ?? []);
  }

  /** Handlers must only enqueue keys; one that throws is logged. The answer unsubscribes. */
  onChange(handler: (change: Change<T>) => void): () => void {
    const entry = { call: handler };
    this.handlers.add(entry);
    return () => this.handlers.delete(entry);
  }

  /** Takes the answer of an own create, apply, patch or replace, as it came from the client. */
  observeWrite(answer: T): void {
    const { uid, resourceVersion } = answer.metadata;
    if (this.deletedByUs.has(uid)) return;
    const seen = this.seen.get(this.scopeOf(answer));
    if (seen !== undefined && compareResourceVersions(resourceVersion, seen) <= 0) return;
    const key = keyOf(answer.metadata);
    const current = this.entries.get(key);
    if (current && compareResourceVersions(resourceVersion, current.object.metadata.resourceVersion) <= 0) return;
    const same = current?.object.metadata.uid === uid;
    if (current && !same) this.remove(key, current);
    this.put(key, { object: this.prepare(answer), announced: same ? current?.announced : undefined, confirmed: false });
  }

  /** Hides an object that an own delete has removed, until the watch tells its end. */
  observeDelete(uid: string): void {
    const key = this.keyByUid.get(uid);
    const entry = key === undefined ? undefined : this.entries.get(key);
    if (key === undefined || entry === undefined) return;
    this.forget(key, entry);
    this.deletedByUs.set(uid, { scope: this.scopeOf(entry.object), announced: entry.announced });
  }

  // ---- for the reflector ----

  /** Takes a complete list. False, and nothing changed, when the list is older than what is already known. */
  replace(
    scope: string,
    items: readonly T[],
    resourceVersion: string,
    options: { evenIfOlder?: boolean } = {},
  ): boolean {
    const seen = this.seen.get(scope);
    const older = seen !== undefined && compareResourceVersions(resourceVersion, seen) < 0;
    if (older && options.evenIfOlder !== true) return false;
    const listed = new Set<string>();
    for (const item of items) {
      listed.add(item.metadata.uid);
      this.upsert(item, older);
    }
    for (const [key, entry] of [...this.entries]) {
      if (this.scopeOf(entry.object, scope) !== scope || listed.has(entry.object.metadata.uid)) continue;
      const own = !entry.confirmed && !older;
      if (own && compareResourceVersions(entry.object.metadata.resourceVersion, resourceVersion) > 0) continue;
      this.remove(key, entry);
    }
    for (const [uid, { scope: its, announced }] of [...this.deletedByUs]) {
      if (its !== scope || listed.has(uid)) continue;
      this.deletedByUs.delete(uid);
      if (announced) this.announce({ type: 'deleted', object: announced });
    }
    this.seen.set(scope, resourceVersion);
    return true;
  }

  applyEvent(scope: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    if (type === 'DELETED') this.applyDeleted(object);
    else this.upsert(object, false);
    this.progress(scope, object.metadata.resourceVersion);
  }

  /** The watch has told everything up to here. */
  progress(scope: string, resourceVersion: string): void {
    const seen = this.seen.get(scope);
    if (seen === undefined || compareResourceVersions(resourceVersion, seen) > 0) this.seen.set(scope, resourceVersion);
    for (const key of this.unconfirmed) {
      const entry = this.entries.get(key);
      if (!entry || this.scopeOf(entry.object, scope) !== scope) continue;
      if (compareResourceVersions(entry.object.metadata.resourceVersion, resourceVersion) >= 0) continue;
      // The watch passed this write without showing it: the selectors do not cover the object, or it is gone.
      this.remove(key, entry);
    }
  }

  private upsert(incoming: T, evenIfOlder: boolean): void {
    const { uid, resourceVersion } = incoming.metadata;
    if (this.deletedByUs.has(uid)) return;
    const key = keyOf(incoming.metadata);
    const current = this.entries.get(key);
    const order = current ? compareResourceVersions(resourceVersion, current.object.metadata.resourceVersion) : 1;
    if (order < 0 && !evenIfOlder) return;
    if (current?.confirmed && current.object.metadata.resourceVersion === resourceVersion) return;
    if (current && current.object.metadata.uid !== uid) this.remove(key, current);
    const old = current?.object.metadata.uid === uid ? current.announced : undefined;
    const object = this.prepare(incoming);
    this.put(key, { object, announced: object, confirmed: true });
    this.announce(old === undefined ? { type: 'added', object } : { type: 'updated', object, old });
  }

  private applyDeleted(object: T): void {
    const { uid } = object.metadata;
    const ours = this.deletedByUs.get(uid);
    this.deletedByUs.delete(uid);
    if (ours?.announced) this.announce({ type: 'deleted', object: ours.announced });
    const key = keyOf(object.metadata);
    const current = this.entries.get(key);
    if (current?.object.metadata.uid === uid) this.remove(key, current);
  }

  private put(key: string, entry: Entry<T>): void {
    const before = this.entries.get(key);
    if (before) this.forget(key, before);
    this.entries.set(key, entry);
    this.keyByUid.set(entry.object.metadata.uid, key);
    this.index.add(key, entry.object);
    if (!entry.confirmed) this.unconfirmed.add(key);
  }

  private forget(key: string, entry: Entry<T>): void {
    this.entries.delete(key);
    this.keyByUid.delete(entry.object.metadata.uid);
    this.index.remove(key, entry.object);
    this.unconfirmed.delete(key);
  }

  private remove(key: string, entry: Entry<T>): void {
    this.forget(key, entry);
    if (entry.announced) this.announce({ type: 'deleted', object: entry.announced });
  }

  private prepare(object: T): T {
    let kept = object;
    try {
      kept = this.options.transform?.(object) ?? object;
    } catch (error) {
      // One odd object must not stop the watch of all others.
      this.log.error({ err: error, key: keyOf(object.metadata) }, 'a transform failed; the object is kept whole');
    }
    const { managedFields: _, ...metadata } = kept.metadata;
    return { ...kept, metadata };
  }

  private scopeOf(object: T, scope?: string): string {
    const namespace = object.metadata.namespace ?? '';
    return scope === '' || (scope === undefined && !this.seen.has(namespace)) ? '' : namespace;
  }

  private announce(change: Change<T>): void {
    for (const handler of this.handlers) {
      try {
        handler.call(change);
      } catch (error) {
        this.log.error({ err: error, key: keyOf(change.object.metadata) }, 'a handler of cache changes failed');
      }
    }
  }
}

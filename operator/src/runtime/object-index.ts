import type { Log } from './log.ts';
import { keyOf, type KubeObject } from './objects.ts';

// A method type, so that a store of Deployments is a store of objects.
export type KeysOf<T> = { keysOf(object: T): readonly string[] }['keysOf'];

/** Named secondary indexes from index key to store keys. */
export class ObjectIndex<T extends KubeObject> {
  private readonly indexes = new Map<string, { keysOf: KeysOf<T>; keys: Map<string, Set<string>> }>();

  constructor(
    definitions: Record<string, KeysOf<T>>,
    private readonly log: Log,
  ) {
    for (const [name, keysOf] of Object.entries(definitions)) this.define(name, keysOf, []);
  }

  define(name: string, definition: KeysOf<T>, existing: Iterable<readonly [string, { object: T }]>): void {
    const keysOf = (object: T): readonly string[] => {
      try {
        return definition(object);
      } catch (error) {
        this.log.error(
          { err: error, index: name, key: keyOf(object.metadata) },
          'an index failed; the object is not in it',
        );
        return [];
      }
    };
    this.indexes.set(name, { keysOf, keys: new Map() });
    for (const [key, { object }] of existing) this.insert(name, key, object);
  }

  /** Store keys under `key`, in order of insertion. Throws a TypeError for an unknown index. */
  keys(name: string, key: string): string[] {
    const index = this.indexes.get(name);
    if (!index) throw new TypeError(`there is no index "${name}"; known: ${[...this.indexes.keys()].join(', ')}`);
    return [...(index.keys.get(key) ?? [])];
  }

  add(key: string, object: T): void {
    for (const name of this.indexes.keys()) this.insert(name, key, object);
  }

  remove(key: string, object: T): void {
    for (const { keysOf, keys } of this.indexes.values()) {
      for (const found of keysOf(object)) {
        const members = keys.get(found);
        members?.delete(key);
        if (members?.size === 0) keys.delete(found);
      }
    }
  }

  private insert(name: string, key: string, object: T): void {
    const index = this.indexes.get(name);
    for (const found of index?.keysOf(object) ?? []) {
      const members = index?.keys.get(found) ?? new Set();
      index?.keys.set(found, members.add(key));
    }
  }
}

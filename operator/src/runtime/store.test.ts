import { describe, expect, it } from '@jest/globals';
import { Store, type StoreOptions } from './store.ts';
import { thing, type Thing } from './testing/things.ts';

function makeStore(options: StoreOptions<Thing> = {}) {
  const store = new Store<Thing>(options);
  const changes: string[] = [];
  store.onChange((change) => {
    const { name, uid, resourceVersion } = change.object.metadata;
    const of = uid === `uid-of-${name}` ? name : uid;
    changes.push(`${change.type} ${of}@${resourceVersion}`);
  });
  return { store, changes };
}
const version = (store: Store<Thing>, name: string) =>
  store.get({ namespace: 'default', name })?.metadata.resourceVersion;

describe('a store', () => {
  it('finds by name, uid, namespace and index, and forgets with the object', () => {
    const { store } = makeStore({ indexes: { color: ({ spec }) => (spec?.color ? [spec.color] : []) } });
    store.replace('', [thing('a', 1, { spec: { color: 'red' } }), thing('b', 2, { spec: { color: 'red' } })], '5');
    store.applyEvent('', 'MODIFIED', thing('b', 6, { spec: { color: 'blue' } }));
    const names = (color: string) => store.byIndex('color', color).map(({ metadata }) => metadata.name);
    expect([names('red'), names('blue'), names('green')]).toEqual([['a'], ['b'], []]);
    expect(store.getByUid('uid-of-b')?.spec?.color).toBe('blue');
    expect([store.list('default').length, store.list('other').length]).toEqual([2, 0]);
    store.applyEvent('', 'DELETED', thing('b', 7));
    expect([names('blue'), store.getByUid('uid-of-b'), store.size]).toEqual([[], undefined, 1]);
  });

  it('indexes what is already there when an index is added', () => {
    const { store } = makeStore();
    store.replace('', [thing('a', 1)], '5');
    store.addIndex('initial', ({ metadata }) => [metadata.name.slice(0, 1)]);
    expect(store.byIndex('initial', 'a')).toHaveLength(1);
    expect(() => store.byIndex('typo', 'a')).toThrow('there is no index "typo"; known: initial');
  });

  it('tells additions, updates and deletions, and nothing for what it knows', () => {
    const { store, changes } = makeStore();
    store.replace('', [thing('a', 1)], '5');
    store.applyEvent('', 'ADDED', thing('a', 1));
    store.applyEvent('', 'MODIFIED', thing('a', 6));
    store.applyEvent('', 'DELETED', thing('a', 7));
    expect(changes).toEqual(['added a@1', 'updated a@6', 'deleted a@6']);
  });

  it('tells a deletion and an addition when another object has taken the name', () => {
    const { store, changes } = makeStore();
    store.replace('', [thing('a', 1, { uid: 'first' })], '5');
    store.applyEvent('', 'ADDED', thing('a', 9, { uid: 'second' }));
    expect(changes).toEqual(['added first@1', 'deleted first@1', 'added second@9']);
    store.applyEvent('', 'DELETED', thing('a', 8, { uid: 'first' }));
    expect(version(store, 'a')).toBe('9');
  });

  it('infers the deletions that a list shows', () => {
    const { store, changes } = makeStore();
    store.replace('', [thing('a', 1), thing('b', 2)], '5');
    store.replace('', [thing('b', 2)], '9');
    expect(changes).toEqual(['added a@1', 'added b@2', 'deleted a@1']);
  });

  it('keeps the lists of several namespaces apart', () => {
    const { store } = makeStore();
    const other = { ...thing('a', 2), metadata: { ...thing('a', 2).metadata, namespace: 'other', uid: 'other' } };
    store.replace('default', [thing('a', 1)], '5');
    store.replace('other', [other], '6');
    store.replace('default', [], '7');
    expect(store.list().map(({ metadata }) => metadata.namespace)).toEqual(['other']);
  });

  it('refuses a list that is older than what it knows, unless told that history was rewound', () => {
    const { store } = makeStore();
    store.replace('', [thing('a', 9)], '9');
    expect(store.replace('', [thing('a', 1), thing('ghost', 2)], '5')).toBe(false);
    expect([version(store, 'a'), store.size]).toEqual(['9', 1]);
    expect(store.replace('', [thing('a', 1)], '5', { evenIfOlder: true })).toBe(true);
    expect(version(store, 'a')).toBe('1');
  });

  it('lives on when a handler, a transform or an index throws', () => {
    const fail = () => {
      throw new Error('broken');
    };
    const { store, changes } = makeStore({ transform: fail, indexes: { broken: fail } });
    const failing = new Store<Thing>();
    failing.onChange(fail);
    failing.replace('', [thing('a', 1)], '5');
    store.replace('', [thing('a', 1)], '5');
    expect([failing.size, changes, store.byIndex('broken', 'a')]).toEqual([1, ['added a@1'], []]);
  });

  it('transforms before it keeps, own writes too, and never keeps managedFields', () => {
    const transform = (object: Thing): Thing => ({
      ...object,
      spec: { size: object.metadata.managedFields?.length ?? 0 },
    });
    const { store } = makeStore({ transform });
    const managed = (name: string, at: number) => {
      const plain = thing(name, at);
      return { ...plain, metadata: { ...plain.metadata, managedFields: [{}, {}] } };
    };
    store.replace('', [managed('a', 1)], '5');
    store.observeWrite(managed('b', 6));
    for (const kept of store.list()) expect([kept.spec, kept.metadata.managedFields]).toEqual([{ size: 2 }, undefined]);
  });
});

describe('own writes in a store', () => {
  it('are seen at once, and told to handlers when the watch brings them', () => {
    const { store, changes } = makeStore();
    store.replace('', [thing('a', 1)], '5');
    store.observeWrite(thing('a', 8));
    expect([version(store, 'a'), changes]).toEqual(['8', ['added a@1']]);
    store.applyEvent('', 'MODIFIED', thing('a', 8));
    expect(changes).toEqual(['added a@1', 'updated a@8']);
  });

  it('are not hidden by older events or by a list that was on its way', () => {
    const { store, changes } = makeStore();
    store.replace('', [thing('a', 1)], '5');
    store.observeWrite(thing('a', 8));
    store.observeWrite(thing('new', 9));
    store.applyEvent('', 'MODIFIED', thing('a', 6));
    store.replace('', [thing('a', 6)], '7');
    expect([version(store, 'a'), version(store, 'new'), changes]).toEqual(['8', '9', ['added a@1']]);
  });

  it('do not raise an object whose deletion the watch has already told', () => {
    const { store } = makeStore();
    store.replace('', [], '5');
    store.applyEvent('', 'ADDED', thing('a', 8));
    store.applyEvent('', 'DELETED', thing('a', 9));
    store.observeWrite(thing('a', 8));
    expect(store.size).toBe(0);
  });

  it('vanish when the watch passes them without showing them', () => {
    const { store, changes } = makeStore();
    store.replace('', [], '5');
    store.observeWrite(thing('not-selected', 8));
    store.progress('', '7');
    expect(store.size).toBe(1);
    store.progress('', '9');
    expect([store.size, changes]).toEqual([0, []]);
  });

  it('of the answer of an older write do not undo a newer one', () => {
    const { store } = makeStore();
    store.replace('', [], '5');
    store.observeWrite(thing('a', 9));
    store.observeWrite(thing('a', 8));
    expect(version(store, 'a')).toBe('9');
  });

  it('under a name taken anew end the old object', () => {
    const { store, changes } = makeStore();
    store.replace('', [thing('a', 1, { uid: 'first' })], '5');
    store.observeWrite(thing('a', 8, { uid: 'second' }));
    store.applyEvent('', 'DELETED', thing('a', 7, { uid: 'first' }));
    store.applyEvent('', 'ADDED', thing('a', 8, { uid: 'second' }));
    expect(changes).toEqual(['added first@1', 'deleted first@1', 'added second@8']);
  });

  it('that deleted an object hide it at once, also from late events, and the watch tells the end', () => {
    const { store, changes } = makeStore();
    store.replace('', [thing('a', 1)], '5');
    store.observeDelete('uid-of-a');
    store.applyEvent('', 'MODIFIED', thing('a', 6));
    store.observeWrite(thing('a', 6));
    expect([store.size, changes]).toEqual([0, ['added a@1']]);
    store.applyEvent('', 'DELETED', thing('a', 8));
    expect(changes).toEqual(['added a@1', 'deleted a@1']);
  });

  it('that deleted an object are told by the next list when the watch missed them', () => {
    const { store, changes } = makeStore();
    store.replace('', [thing('a', 1)], '5');
    store.observeDelete('uid-of-a');
    store.replace('', [thing('a', 1)], '6');
    expect(store.size).toBe(0);
    store.replace('', [], '9');
    expect(changes).toEqual(['added a@1', 'deleted a@1']);
  });
});

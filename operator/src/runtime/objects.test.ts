import { describe, expect, it } from '@jest/globals';
import { backoffMs } from './backoff.ts';
import { microTime } from './clock.ts';
import { compareResourceVersions, keyOf, refOf } from './objects.ts';
import { collectionPath, objectPath, resourceName } from './resources.ts';
import { THINGS } from './testing/things.ts';

describe('keys', () => {
  it.each([{ name: 'a' }, { namespace: 'n', name: 'a' }])('name an object and lead back to it: %j', (ref) => {
    expect(refOf(keyOf(ref))).toEqual(ref);
  });
});

describe('resourceVersions', () => {
  it.each([
    ['9', '10', -1],
    ['10', '9', 1],
    ['10', '10', 0],
    ['9007199254740993', '9007199254740992', 1],
    ['abc', '10', 0],
    ['010', '9', 0],
  ])('%s against %s', (a, b, sign) => {
    expect(Math.sign(compareResourceVersions(a, b))).toBe(sign);
  });
});

describe('paths', () => {
  it('of objects, collections and subresources', () => {
    expect(objectPath(THINGS, { namespace: 'n', name: 'a' }, 'status')).toBe(
      '/apis/example.dev/v1/namespaces/n/things/a/status',
    );
    expect(collectionPath(THINGS)).toBe('/apis/example.dev/v1/things');
    const nodes = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };
    expect(objectPath(nodes, { name: 'a' })).toBe('/api/v1/nodes/a');
    expect(resourceName(nodes)).toBe('nodes');
    expect(resourceName(THINGS, 'scale')).toBe('things.example.dev/scale');
  });

  it('cannot be led elsewhere by a name', () => {
    expect(objectPath(THINGS, { namespace: 'n', name: '../b?c' })).toBe(
      '/apis/example.dev/v1/namespaces/n/things/..%2Fb%3Fc',
    );
  });

  it('are refused without a namespace or a name, because they would name something else', () => {
    expect(() => objectPath(THINGS, { name: 'a' })).toThrow('the namespace is missing');
    expect(() => objectPath(THINGS, { namespace: 'n', name: '' })).toThrow('the name is missing');
  });
});

describe('time', () => {
  it('has the six digits that the API server asks of a MicroTime', () => {
    expect(microTime(new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 78)))).toBe('2026-02-03T04:05:06.078000Z');
  });

  it('backs off by doubling, jittered between half and all, up to the cap', () => {
    const backoff = { baseMs: 1000, capMs: 10_000 };
    expect([0, 1, 2, 3, 4, 99].map((attempt) => backoffMs(backoff, attempt, () => 0))).toEqual([
      500, 1000, 2000, 4000, 5000, 5000,
    ]);
    expect(backoffMs(backoff, 0, () => 1)).toBe(1000);
  });
});

import { describe, expect, it } from '@jest/globals';
import { sameJson } from './covers.ts';

describe('two values are the same JSON', () => {
  it.each<[string, unknown, unknown]>([
    [
      'whatever the order of their keys',
      { a: 1, b: { c: [1, { d: 2 }], e: null } },
      { b: { e: null, c: [1, { d: 2 }] }, a: 1 },
    ],
    ['when a value is undefined in one, and missing in the other', { a: 1, b: undefined }, { a: 1 }],
    ['when there is nothing in either', {}, {}],
  ])('%s', (_name, one, other) => {
    expect(sameJson(one, other)).toBe(true);
    expect(sameJson(other, one)).toBe(true);
  });

  it.each<[string, unknown, unknown]>([
    ['of other keys', { a: 1 }, { b: 1 }],
    ['with a key more', { a: 1 }, { a: 1, b: 2 }],
    ['of another type', { a: '1' }, { a: 1 }],
    ['with items in another order', [1, 2], [2, 1]],
    ['with an item more', [1], [1, 2]],
    ['of which one is a list', {}, []],
    ['of which one is null', { a: {} }, { a: null }],
  ])('but not those %s', (_name, one, other) => {
    expect(sameJson(one, other)).toBe(false);
    expect(sameJson(other, one)).toBe(false);
  });
});

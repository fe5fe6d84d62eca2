import { describe, expect, it } from '@jest/globals';
import { decodeBody, tokenValue } from './json.ts';

const decode = (text: string, bareTokens = false) => decodeBody(Buffer.from(text), { bareTokens });

describe('a request body', () => {
  it.each(['', '{', '[1]', 'null', '"text"', '{"a":NaN}', '{"a":1}x'])(
    '%p is no JSON object and is refused',
    (text) => {
      expect(() => decode(text)).toThrow(expect.objectContaining({ status: 400 }));
    },
  );

  it('nested a million deep is refused or read, but ends nothing', () => {
    const deep = `{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`;
    expect(Object.keys(decode(deep))).toEqual(['a']);
    expect(() => decode('['.repeat(1_000_000))).toThrow(expect.objectContaining({ status: 400 }));
  });

  it('may hold bare tokens where they are allowed, but not inside text', () => {
    const { a } = decode('{"a":[NaN,"NaN",-Infinity,"say \\"Infinity\\""]}', true);
    const values = a as unknown[];
    expect(values.map(tokenValue)).toEqual([NaN, undefined, -Infinity, undefined]);
    expect(values[3]).toBe('say "Infinity"');
  });

  it('cannot smuggle in a bare token as text', () => {
    const { a } = decode('{"a":"\\u0001NaN"}', true);
    expect(() => decode('{"a":"\\u0001NaN","b":NaN}', true)).toThrow('not valid JSON');
    expect(a).toBe('\u0001NaN');
  });
});

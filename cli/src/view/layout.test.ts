import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { clip, entry, flow, table, wrap } from './layout.ts';
import { makeStyle } from './style.ts';

const style = makeStyle({ colour: false, unicode: true });

describe('wrap', () => {
  it('breaks between words, and a word only when it is longer than a line', () => {
    expect(wrap('one two  three\nfour', 9)).toEqual(['one two', 'three', 'four']);
    expect(wrap('a abcdefghij', 4)).toEqual(['a', 'abcd', 'efgh', 'ij']);
    expect(wrap('one two three', Infinity)).toEqual(['one two three']);
  });

  it('loses no letter and exceeds no line', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 30 }), (text, width) => {
        const lines = wrap(text, width);
        expect(lines.every((line) => line.length <= width)).toBe(true);
        expect(lines.join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
      }),
    );
  });
});

describe('clip', () => {
  it('marks what is cut, at the end or in the middle, and never exceeds the width', () => {
    expect(clip('abcdefgh', 8, '…')).toBe('abcdefgh');
    expect(clip('abcdefgh', 5, '…')).toBe('abcd…');
    expect(clip('digits-canary-5d96-x2k', 11, '…', 'middle')).toBe('digit…6-x2k');
    fc.assert(
      fc.property(fc.string(), fc.nat(20), fc.constantFrom('end' as const, 'middle' as const), (text, width, at) =>
        expect(clip(text, width, '…', at).length).toBeLessThanOrEqual(Math.max(width, 0)),
      ),
    );
  });
});

describe('a table', () => {
  const columns = [
    { title: 'NAME', least: 6, cut: 'middle' as const },
    { title: 'AGE', yields: 2 },
    { title: 'INFO', least: 4, yields: 1 },
  ];
  const rows = [
    [{ text: 'digits-1' }, { text: '5m' }, { text: 'some words' }],
    [{ text: 'x' }, { text: '' }, { text: '' }],
  ];
  const draw = (width: number): string[] => table(columns, rows, width, style);

  it('aligns its columns and ends no line with a space', () => {
    expect(draw(80)).toEqual(['NAME      AGE  INFO', 'digits-1  5m   some words', 'x']);
  });

  it('shortens first, and then leaves out, what may yield', () => {
    expect(draw(20)[1]).toBe('digits-1  5m   some…');
    expect(draw(14)[0]).toBe('NAME      AGE');
    expect(draw(8)).toEqual(['NAME', 'digits-1', 'x']);
    expect(draw(6)[1]).toBe('di…s-1');
  });

  it('leaves out a column that says nothing', () => {
    expect(table(columns, [[{ text: 'a' }, { text: '' }, { text: 'b' }]], 80, style)).toEqual([
      'NAME  INFO',
      'a     b',
    ]);
  });

  it('adds colour to what is shown only', () => {
    const paint = (text: string): string => `<${text}>`;
    expect(table([{ title: 'A' }, { title: 'B' }], [[{ text: 'a', paint }, { text: 'b' }]], 80, style)[1]).toBe(
      '<a>  b',
    );
  });
});

describe('entries and flows', () => {
  it('keep what belongs together below each other', () => {
    expect(entry('label', 'one two three four five six', 7, 27, style)).toEqual([
      'label  one two three four',
      '       five six',
    ]);
  });

  it('put as much into a line as fits', () => {
    expect(flow([{ text: 'abc' }, { text: 'def' }, { text: 'ghi' }], 9)).toEqual(['abc  def', 'ghi']);
  });
});

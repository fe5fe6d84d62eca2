import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { printable } from './foreign-text.ts';

describe('text of others', () => {
  it.each([
    ['a title of the terminal', '\u001b]0;owned\u0007words', '�]0;owned�words'],
    ['colours and a cleared screen', '\u001b[2J\u001b[31mred', '�[2J�[31mred'],
    ['the same of one byte (C1)', '\u009b2J', '�2J'],
    ['several lines', 'one\r\ntwo\n\tthree', 'one two three'],
    ['another direction of writing', 'abc\u202edcba', 'abc�dcba'],
    ['isolates and marks of direction', '\u2066x\u2069\u200f\u061c', '�x���'],
    ['what has no width', 'pass\u200bword\ufeff\u00ad', 'pass�word��'],
    ['letters that show as nothing', 'a\u3164\u115f\u2800b', 'a���b'],
    ['tags and variations', 'a\u{e0061}\ufe0f', 'a��'],
    ['half a character', 'a\ud800b', 'a�b'],
    ['marks that pile up', `a${'\u0301'.repeat(50)}b`, `a${'\u0301'.repeat(4)}b`],
  ])('with %s becomes one line that shows what it is', (_, text, shown) => {
    expect(printable(text, 200)).toBe(shown);
  });

  it('of people is left as it is', () => {
    for (const text of ['größer als 3 µm', 'модель', '模型 1', 'नमस्ते', 'عدد', '🙂 ok'])
      expect(printable(text, 200)).toBe(text);
  });

  it('has no more than so many characters, whatever it is, and nothing that cannot be seen', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 1, max: 100 }), (text, longest) => {
        const shown = printable(text, longest);
        expect([...shown].length).toBeLessThanOrEqual(longest);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(printable(shown, longest)).toBe(shown);
      }),
    );
  });
});

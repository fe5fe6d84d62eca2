import { describe, expect, it } from '@jest/globals';
import { RequestError } from '../../errors.ts';
import { MAX_PARTS, Scanner } from './scanner.ts';
import { jsonTextOf } from './text.ts';

const passes = (text: string): boolean => {
  const scan = new Scanner(jsonTextOf(text));
  try {
    scan.pass();
    scan.finish();
    return true;
  } catch (error) {
    if (error instanceof RequestError) return false;
    throw error;
  }
};

const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const PIECES = [
  ...['{', '}', '[', ']', ',', ':', '"', '"a"', '"a":', '\\', '\\"', '\\u00e9', '\\uD8', '\\x', '"\\n"', '"\t"'],
  ...['0', '01', '-', '-0', '1.', '.5', '1.5', '1e', '1e+', '1e5', '1E-5', '1.5e3', '--1', '+1', '12'],
  ...['true', 'false', 'null', 'nul', 'truee', 'NaN', ' ', '\n', '\r', 'x'],
];

describe('what nobody wants', () => {
  it('is passed over when JSON.parse takes it, and refused when it does not: 200,000 texts', () => {
    // Numbers that look random, and are the same each time.
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    const differ: string[] = [];
    let good = 0;
    for (let i = 0; i < 200_000; i++) {
      let text = '';
      for (let length = 1 + random(6); length > 0; length--) text += PIECES[random(PIECES.length)];
      if (i % 3 === 0) text = `[${text}]`;
      if (i % 3 === 1) text = `{"k":${text}}`;
      if (parses(text)) good++;
      if (parses(text) !== passes(text)) differ.push(text);
    }
    expect(differ).toEqual([]);
    expect(good).toBeGreaterThan(5_000);
  });

  it('is counted before anything is made of it', () => {
    const scan = new Scanner(jsonTextOf(`[${'{},'.repeat(MAX_PARTS)}{}]`));
    expect(() => scan.value()).toThrow(`more than ${MAX_PARTS} values`);
  });
});

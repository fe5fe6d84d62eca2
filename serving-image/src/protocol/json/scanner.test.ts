import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RequestError } from '../../errors.ts';
import { openBody } from './body.ts';
import { MAX_DEPTH, Scanner } from './scanner.ts';
import { jsonText, jsonTextOf } from './text.ts';

/** Reads an object member by member, lists item by item, and everything else as it comes. */
function walk(scan: Scanner): unknown {
  const c = String.fromCharCode(scan.peek());
  if (c === '{') {
    const object = new Map<string, unknown>();
    for (let key = scan.firstKey(); key !== undefined; key = scan.nextKey()) object.set(key, walk(scan));
    return Object.fromEntries(object);
  }
  if (c === '[') {
    const list: unknown[] = [];
    for (let more = scan.firstItem(); more; more = scan.nextItem()) list.push(walk(scan));
    return list;
  }
  return c === '"' ? scan.string() : scan.value();
}

function read(text: string): unknown {
  const scan = new Scanner(jsonTextOf(text));
  const value = walk(scan);
  scan.finish();
  return value;
}

function outcome(make: () => unknown): unknown {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof RequestError || error instanceof SyntaxError) return 'refused';
    throw error;
  }
}

describe('a JSON text', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.boolean(), (json, spaced) => {
        const text = spaced ? JSON.stringify(JSON.parse(json), null, '\t') : json;
        expect(read(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  it('is refused where JSON.parse refuses it', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"\\',
      '\\u00',
      '\\n',
      '1',
      '-',
      'true',
      'nul',
      ' ',
      '\n',
      '\u0001',
      'ü',
    ];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 10 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (json) => {
        expect(outcome(() => read(json))).toEqual(outcome(() => JSON.parse(json) as unknown));
      }),
      { numRuns: 10_000, seed: 2 },
    );
  });

  it.each(['"\\ud83d"', '"\\u0000"', '"\\/"', '"\u007f\u2028"', '"😀"'])('may hold the string %s', (json) => {
    expect(read(json)).toBe(JSON.parse(json));
  });

  it('may be passed over, to its end only', () => {
    const scan = new Scanner(jsonTextOf('{"a" : {"x":"]}\\"", "y":[1, [2]]} , "b":1}'));
    expect(scan.firstKey()).toBe('a');
    scan.skip();
    expect(scan.nextKey()).toBe('b');
    scan.skip();
    expect(scan.nextKey()).toBeUndefined();
  });

  it.each(['skip', 'value'] as const)(`nested deeper than ${MAX_DEPTH} is refused by %s without an overflow`, (how) => {
    const nested = (depth: number) => new Scanner(jsonTextOf('['.repeat(depth) + ']'.repeat(depth)));
    nested(MAX_DEPTH)[how]();
    for (const depth of [MAX_DEPTH + 1, 1_000_000]) {
      expect(() => nested(depth)[how]()).toThrow('nested deeper');
    }
  });

  it('may come in pieces', () => {
    const pieces = ['{"a', '":1', '}'].map((piece) => Buffer.from(piece));
    expect(walk(new Scanner(jsonText(pieces, 7)))).toEqual({ a: 1 });
  });

  it('does not see what an earlier, longer one has left behind', () => {
    jsonTextOf('[1,2,3,4,5,6,7,8,9,10]');
    expect(() => read('[1')).toThrow('it ends too early');
  });
});

describe('a request body', () => {
  it.each([
    ['', 'is empty'],
    ['[1]', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['"text"', 'not a JSON object'],
    ['nul', 'not valid JSON: unexpected "nul" at byte 0'],
    ['\ufeff{}', 'not valid JSON'],
  ])('%j is refused in words', (text, words) => {
    expect(() => openBody(jsonTextOf(text))).toThrow(words);
  });

  it('that is not UTF-8 is refused', () => {
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    expect(() => openBody(jsonText([bytes], bytes.length))).toThrow('not valid UTF-8');
  });
});

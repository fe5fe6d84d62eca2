import { describe, expect, it } from '@jest/globals';
import { drawAnswer, readAnswer } from './answer.ts';
import { makeStyle } from './style.ts';

const style = makeStyle({ colour: false, unicode: true });
const draw = (text: string, width = 80): string[] =>
  drawAnswer(readAnswer(text)?.outputs ?? [], { width, style, now: 0 });

describe('an answer', () => {
  it('of v2 has its version, and a line for every row with the largest number', () => {
    const text = JSON.stringify({
      model_version: '3',
      outputs: [{ name: 'p', datatype: 'FP32', shape: [2, 3], data: [0.1, 0.7, 0.2, 0.123456, 0, 0.5] }],
    });
    expect(readAnswer(text)?.version).toBe('3');
    expect(draw(text)).toEqual(['p FP32[2, 3]', '  0.1 0.7 0.2  largest 0.7 at 1', '  0.1235 0 0.5  largest 0.5 at 2']);
  });

  it.each([
    ['rows', { predictions: [[1, 2]] }, ['predictions [1, 2]', '  1 2  largest 2 at 1']],
    [
      'rows of named outputs',
      { predictions: [{ a: 1, b: [2, 3] }] },
      ['a [1]', '  1', 'b [1, 2]', '  2 3  largest 3 at 1'],
    ],
    ['named columns', { outputs: { a: [[1], [2]] } }, ['a [2, 1]', '  1', '  2']],
    ['one column', { outputs: [[1, 2]] }, ['outputs [1, 2]', '  1 2  largest 2 at 1']],
    ['texts', { predictions: [['yes', 'no']] }, ['predictions [1, 2]', '  yes no']],
  ])('of v1 is shown with %s', (_, body, lines) => {
    expect(draw(JSON.stringify(body))).toEqual(lines);
  });

  it('may hold NaN and Infinity, which JSON does not know', () => {
    expect(draw('{"predictions": [NaN, -Infinity, 1]}')).toEqual(['predictions [3]', '  NaN', '  -Infinity', '  1']);
  });

  it('fits into the terminal, and of many rows shows the first', () => {
    const row = Array.from({ length: 100 }, (_, i) => i / 7);
    const lines = draw(JSON.stringify({ predictions: Array.from({ length: 30 }, () => row) }), 60);
    expect(lines.filter((line) => line.length > 60)).toEqual([]);
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)).toContain('20 more rows');
  });

  it.each(['no JSON', '{"neither": 1}', '3', '[1]', 'null'])('that is %s is left to be shown as it came', (text) => {
    expect(readAnswer(text)).toBeUndefined();
  });
});

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { drawTree } from './picture.ts';
import { makeStyle } from './style.ts';
import { lineOf } from './summary.ts';
import type { Tree } from './tree.ts';

/**
 * fixtures/NAME.json was printed by `kubectl mdep get NAME -o json` on a real cluster; fixtures/NAME.WIDTH.txt is the
 * picture of it. After a wanted change of the pictures: UPDATE_PICTURES=1 npm run unit -- cli/src/view, and read git diff.
 */
const FOLDER = new URL('fixtures/', import.meta.url);
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replace('.json', ''));
const WIDTHS = [60, 80, Infinity] as const;

const plain = makeStyle({ colour: false, unicode: true });
const read = (name: string): Tree => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as Tree;
/** A minute after it was made. */
const nowOf = ({ created = '' }: Tree): number => Date.parse(created) + 60_000;
const draw = (tree: Tree, width: number, style = plain): string[] => drawTree(tree, { width, style, now: nowOf(tree) });

describe.each(names)('the picture of fixtures/%s.json', (name) => {
  const tree = read(name);

  it.each(WIDTHS)('is that of the text beside it at %d columns', (width) => {
    const file = new URL(`${name}.${width === Infinity ? 'piped' : width}.txt`, FOLDER);
    const drawn = `${draw(tree, width).join('\n')}\n`;
    if (process.env['UPDATE_PICTURES'] === '1') writeFileSync(file, drawn);
    expect(drawn).toBe(readFileSync(file, 'utf8'));
  });

  it.each([40, 60, 80, 120])('fits into %d columns, and no line ends with a space', (width) => {
    const lines = draw(tree, width);
    expect(lines.filter((line) => line.length > width)).toEqual([]);
    expect(lines.filter((line) => line.endsWith(' '))).toEqual([]);
  });

  it('says the same with colours, which add no character', () => {
    const coloured = draw(tree, 80, makeStyle({ colour: true, unicode: true })).join('\n');
    expect(coloured).toContain('\u001b[');
    // eslint-disable-next-line no-control-regex
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(draw(tree, 80).join('\n'));
  });

  it('needs nothing but ASCII where the locale knows no more', () => {
    expect(draw(tree, 80, makeStyle({ colour: false, unicode: false })).join('\n')).toMatch(/^[\n -~]+$/);
  });

  it('is one line in a log', () => {
    expect(lineOf(tree)).toMatch(/^\S.*$/);
  });
});

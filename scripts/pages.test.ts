/** Pages for those who carry the code on: what they name is there. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const words = (text: string) => [...text.matchAll(/`([\w./-]+)`/g)].map((match) => match[1] ?? '');

/** Rooms that a newcomer has to find the way in. */
const ROOMS = [
  ...['supervisor', 'versions', 'worker', 'handlers', 'trial', 'http', 'loading'].map(
    (name) => `serving-image/src/${name}`,
  ),
  ...['operator/src/core', 'operator/src/runtime', 'conformance', 'bench'],
];

describe('pages for newcomers', () => {
  it.each(ROOMS)('%s has a README of at most 12 lines of text, whose files exist', (room) => {
    const text = read(`${room}/README.md`);
    expect(text.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(
      room.endsWith('runtime') ? 40 : 12,
    );
    const files = words(text).filter((word) => /\.ts$/.test(word));
    expect(files.filter((file) => !existsSync(`${root}${room}/${file}`))).toEqual([]);
  });

  it('docs/architecture.md names files and folders that exist', () => {
    const paths = words(read('docs/architecture.md')).filter((word) => /\//.test(word));
    const found = (path: string) =>
      ['', 'serving-image/src/', 'serving-image/'].some((folder) => existsSync(`${root}${folder}${path}`));
    expect(paths.length).toBeGreaterThan(30);
    expect(paths.filter((path) => !found(path))).toEqual([]);
  });
});

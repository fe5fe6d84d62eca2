import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { METRICS, type Definition } from './definitions.ts';
import { REASONS } from './reasons.ts';

const definitions: Definition[] = Object.values(METRICS);
let page: string;
beforeAll(async () => {
  page = await readFile(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8');
});

/** First cells, in backquotes, of the rows of all tables; with the other cells. */
const rows = () =>
  [...page.matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)].map(([, name = '', rest = '']) => ({
    name,
    cells: rest.split('|').map((cell) => cell.trim()),
  }));

describe('the page of metrics', () => {
  it('describes every metric, and none that is gone', () => {
    const documented = rows().flatMap(({ name, cells }) => (cells.length > 1 ? [name] : []));
    expect(documented.sort()).toEqual(definitions.map(({ name }) => name).sort());
  });

  it('tells type and labels as they are', () => {
    for (const { name, type, labels } of definitions) {
      const cells = rows().find((row) => row.name === name)?.cells ?? [];
      expect([name, cells[0]]).toEqual([name, type]);
      if (cells.length > 2) expect([name, cells[1]]).toEqual([name, labels.map((label) => `\`${label}\``).join(', ')]);
    }
  });

  it('describes every reason of an error in the words of the code', () => {
    const documented = Object.fromEntries(rows().map(({ name, cells }) => [name, cells.join()]));
    for (const [reason, { meaning }] of Object.entries(REASONS)) expect(documented[reason]).toBe(meaning);
  });
});

describe('names of our own', () => {
  const own = definitions.filter(({ set }) => set === 'own' || set === 'kserve');

  it.each(own.map(({ name, type }) => [name, type]))('%s keeps to the conventions of Prometheus', (name, type) => {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name.split('_').filter((part) => ['s', 'ms', 'us', 'kb', 'mb'].includes(part))).toEqual([]);
    expect(name).not.toMatch(/counter|gauge|histogram/);
  });

  it('are used once', () => {
    const names = definitions.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { CONDITIONS, EVENTS, REASONS } from './conditions.ts';

const page = readFileSync(new URL('../../../docs/troubleshooting.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name ?? '').sort();

describe('docs/troubleshooting.md', () => {
  it('has a row for every reason and every event, and for nothing that is gone', () => {
    expect(rows).toEqual([...Object.keys(REASONS), ...Object.keys(EVENTS)].sort());
  });

  it('explains every condition', () => {
    for (const type of Object.keys(CONDITIONS)) expect(page).toContain(`\`${type}\`: `);
  });
});

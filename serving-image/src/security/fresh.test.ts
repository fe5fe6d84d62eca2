import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLog } from '../telemetry/log.ts';
import { Fresh } from './fresh.ts';

const log = createLog('silent', {});
let folder: string;
let file: string;
let now: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fresh-'));
  file = join(folder, 'file');
  now = 0;
  await writeFile(file, '1');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const numbers = () =>
  new Fresh(
    [file],
    ([content]) => JSON.parse(String(content)) as number,
    log,
    () => now,
  );

describe('what is in a file', () => {
  it('is read again once it has changed, at most once a second', async () => {
    const fresh = numbers();
    await writeFile(file, '22');
    expect(fresh.get()).toBe(1);
    now = 1000;
    expect(fresh.get()).toBe(22);
  });

  it('stays when the change cannot be used, until there is another one', async () => {
    const fresh = numbers();
    await writeFile(file, 'nonsense');
    now = 1000;
    expect(fresh.get()).toBe(1);
    await rm(file);
    now = 2000;
    expect(fresh.get()).toBe(1);
    await writeFile(file, '333');
    now = 3000;
    expect(fresh.get()).toBe(333);
  });

  it('must be usable at the start', async () => {
    await writeFile(file, 'nonsense');
    expect(numbers).toThrow(/cannot use .*file/);
  });
});

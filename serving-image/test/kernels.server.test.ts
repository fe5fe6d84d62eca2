import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bundleServer } from '../src/build/bundle.ts';
import { ensureNative } from '../src/build/native.ts';

let dist: string;
beforeAll(async () => {
  await ensureNative(() => undefined);
  // Inside the checkout, where the addon is found.
  const parent = fileURLToPath(new URL('../dist', import.meta.url));
  await mkdir(parent, { recursive: true });
  dist = await mkdtemp(join(parent, 'test-'));
  await bundleServer(dist, { kernels: fileURLToPath(new URL('../testing/kernels.ts', import.meta.url)) });
}, 600_000);
afterAll(() => rm(dist, { recursive: true, force: true }));

describe('the engine tensorflow, bundled as it is shipped', () => {
  it('runs every kernel that tfjs-node registers', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(dist, 'kernels.mjs')]);
    const { registered, failed } = JSON.parse(stdout) as { registered: string[]; failed: Record<string, string> };
    expect(registered.length).toBeGreaterThan(150);
    expect(failed).toEqual({});
  }, 120_000);
});

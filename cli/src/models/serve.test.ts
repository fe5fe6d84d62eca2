import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { nameOf, serve } from './serve.ts';

const DIGITS = fileURLToPath(new URL('../../../models/digits/v1/saved_model', import.meta.url));
const PORTS = { http: '18080', grpc: '18081', admin: '19090' };
const { PATH } = process.env;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serve-'));
  jest.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(async () => {
  jest.restoreAllMocks();
  process.env['PATH'] = PATH;
  await rm(folder, { recursive: true });
});

/** The only program on PATH: it writes its arguments down, a line each. */
async function runtime(name: string, code = 0): Promise<void> {
  const file = join(folder, name);
  await writeFile(file, `#!/bin/sh\nfor one in "$@"; do echo "$one"; done >${folder}/arguments\nexit ${code}\n`);
  await chmod(file, 0o755);
  process.env['PATH'] = folder;
}
const arguments_ = async () => (await readFile(join(folder, 'arguments'), 'utf8')).trimEnd().split('\n');
const go = () => serve(DIGITS, PORTS, () => Promise.resolve('server:1'), new AbortController().signal);

describe('mdep serve', () => {
  it('runs the serving image with the model as version 1, its ports on loopback, and nothing that it may write', async () => {
    await runtime('docker');
    expect(await go()).toBe(0);
    const given = await arguments_();
    expect(given.slice(-2)).toEqual(['server:1', 'serve']);
    expect(given).toEqual(expect.arrayContaining(['--read-only', `${DIGITS}:/models/saved_model/1:ro`]));
    expect(given.filter((one) => /:\d+$/.test(one) && one.startsWith('127'))).toEqual([
      '127.0.0.1:18080:8080',
      '127.0.0.1:18081:8081',
      '127.0.0.1:19090:9090',
    ]);
  });

  it('takes podman where there is no docker, and ends as the server ends', async () => {
    await runtime('podman', 3);
    expect(await go()).toBe(3);
  });

  it('says which programs it needs', async () => {
    process.env['PATH'] = folder;
    await expect(go()).rejects.toThrow('neither of docker and podman is on PATH');
  });

  it('refuses what the server would refuse, before it looks for an image', async () => {
    const image = jest.fn(() => Promise.resolve(''));
    await expect(serve(folder, PORTS, image, new AbortController().signal)).rejects.toThrow();
    expect(image).not.toHaveBeenCalled();
  });

  it.each([
    ['model.h5', 'model'],
    ['/a/my model (2).keras', 'my_model__2_'],
    ['export/', 'export'],
  ])('calls %s %s', (path, name) => {
    expect(nameOf(path)).toBe(name);
  });
});

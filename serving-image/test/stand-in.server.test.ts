/** While no worker is ready, the public port says no more than when one is. */
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { denseGraphModel } from '../testing/models.ts';
import { Bench, type Running } from '../testing/server.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.create();
  await denseGraphModel(join(bench.models, 'fast/dense/1'));
  await writeFile(join(bench.models, 'tokens'), 'sesame-token-0001\n');
}, 60_000);
afterAll(() => bench.dispose());

/** A repository with a model whose golden requests are read from a pipe that nobody writes to. */
async function slow(): Promise<string> {
  const repository = join(bench.models, 'slow');
  const folder = join(repository, 'dense/1');
  await denseGraphModel(folder);
  execFileSync('mkfifo', [join(folder, 'golden.json')]);
  return repository;
}

const TOKEN = { authorization: 'Bearer sesame-token-0001' };
const PATHS = [
  '/metrics',
  '/metrics/all',
  '/metrics/triton',
  '/monitoring/prometheus/metrics',
  '/trial',
  '/v2/health/live',
];

async function statuses(server: Running, headers: Record<string, string>): Promise<number[]> {
  const all: number[] = [];
  for (const path of PATHS) {
    const response = await fetch(server.url + path, { headers });
    await response.arrayBuffer();
    all.push(response.status);
  }
  return all;
}

describe('what the public port says without a worker', () => {
  it.each([
    ['where the repository says what is served', async () => ({ MODEL_REPOSITORY: await slow() })],
    ['where clients say what is served', async () => ({ MODEL_CONTROL: 'explicit' })],
  ])(
    'is what it says with one, %s',
    async (_, idle: () => Promise<Record<string, string>>) => {
      const tokens = {
        MODEL_REPOSITORY: join(bench.models, 'fast'),
        AUTH_TOKENS_FILE: join(bench.models, 'tokens'),
        MODEL_ENGINE: 'wasm',
      };
      const ready = await bench.start(tokens);
      await ready.logged('worker ready');
      // No worker gets ready: its model never ends to load, or nobody has said which.
      const without = await bench.start({ ...tokens, ...(await idle()) });
      for (const headers of [{}, TOKEN] as Record<string, string>[])
        expect(await statuses(without, headers)).toEqual(await statuses(ready, headers));
      expect((await statuses(without, {})).slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
      expect(without.lines.filter(({ msg }) => msg === 'worker ready')).toEqual([]);
      for (const server of [ready, without]) server.process.kill('SIGTERM');
      await Promise.all([ready.exited, without.exited]);
    },
    60_000,
  );
});

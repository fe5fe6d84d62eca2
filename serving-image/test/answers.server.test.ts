/** What is refused because of its answer: the request is small, and nobody knows before the model has run. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { manyThirdsGraphModel } from '../testing/shaped-models.ts';
import { Bench, type Running } from '../testing/server.ts';

const LARGEST = 1_000_000;
/** Of a third as JSON. */
const DIGITS = '0.33333334,'.length;
const TOO_LARGE = `{"error":"the answer would be larger than ${LARGEST} bytes; ask for less, or raise MAX_ANSWER_BYTES"}`;

let bench: Bench;
let server: Running;
let workers: number[];
beforeAll(async () => {
  bench = await Bench.create();
  await manyThirdsGraphModel(join(bench.models, 'thirds/1'));
  server = await bench.start({ MODEL_NAME: 'thirds', MODEL_ENGINE: 'cpu', MAX_ANSWER_BYTES: String(LARGEST) });
  await server.logged('worker ready');
  workers = await server.workers();
}, 60_000);
afterAll(() => bench.dispose());

const v1 = (count: number) => server.post('/v1/models/thirds:predict', { inputs: [count] });
const v2 = (count: number, binary: boolean) =>
  server.post('/v2/models/thirds/infer', {
    inputs: [{ name: 'x', datatype: 'INT32', shape: [1], data: [count] }],
    outputs: [{ name: 'y', parameters: { binary_data: binary } }],
  });

/** The most memory that the worker has ever had, in bytes. */
async function peak(): Promise<number> {
  const status = await readFile(`/proc/${workers[0]}/status`, 'utf8');
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
}

describe('an answer', () => {
  const ASKS: [string, (count: number) => ReturnType<typeof v1>][] = [
    ['version 1', v1],
    ['version 2', (count) => v2(count, false)],
    ['version 2, in binary', (count) => v2(count, true)],
  ];

  it.each(ASKS)('that is larger than any may be is a 507, and is not written: %s', async (_, ask) => {
    const count = 40_000_000;
    const before = await peak();
    const { status, body } = await ask(count);
    expect([status, body]).toEqual([507, TOO_LARGE]);
    expect(await peak()).toBeLessThan(before + count * DIGITS);
    expect((await ask(1000)).status).toBe(200);
    expect(await server.workers()).toEqual(workers);
  });

  it.each(ASKS.slice(0, 2))('whose numbers are, once they are written, is one too: %s', async (_, ask) => {
    const { status, body } = await ask(LARGEST / 5);
    expect([status, body]).toEqual([507, TOO_LARGE]);
    expect((await ask(LARGEST / 20)).status).toBe(200);
  });

  it('of the same numbers in binary is small enough', async () => {
    expect((await v2(LARGEST / 5, true)).status).toBe(200);
  });
});

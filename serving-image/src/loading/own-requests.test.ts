import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Predictor, ServedModel, Signature, Tensor } from '../model/types.ts';
import { GOLDEN_FILE, mustAnswer, ownRequests, RECORDED_FILE, WARMUP_FILE } from './own-requests.ts';

const SUM: Signature = {
  inputs: [{ name: 'x', dtype: 'FP32', shape: [-1, 2] }],
  outputs: [{ name: 'y', dtype: 'FP32', shape: [-1] }],
};
const PARSE: Signature = {
  inputs: [{ name: 'examples', dtype: 'BYTES', shape: [-1] }],
  outputs: [{ name: 'y', dtype: 'FP32', shape: [-1] }],
};

let folder: string;
let asked: { signature: string; inputs: readonly Tensor[] }[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'own-requests-'));
  asked = [];
});
afterEach(() => rm(folder, { recursive: true }));

const model = (signatures: Record<string, Signature>): ServedModel => ({
  name: 'm',
  version: '1',
  format: 'TFJSGraph',
  engine: 'cpu',
  engineReason: 'it was asked for',
  signatures: new Map(Object.entries(signatures)),
  defaultSignature: Object.keys(signatures)[0] ?? '',
});

/** Adds up the elements of each row. */
const predictor: Predictor = {
  signatures: new Map(),
  predict(signature, inputs) {
    asked.push({ signature, inputs });
    const [x] = inputs;
    const rows = x?.shape[0] ?? 0;
    const values = Array.from({ length: rows }, (_, i) => Number(x?.data[2 * i]) + Number(x?.data[2 * i + 1]));
    return Promise.resolve([{ name: 'y', dtype: 'FP32', shape: [rows], data: Float32Array.from(values) }]);
  },
};

async function answered(signatures: Record<string, Signature> = { serving_default: SUM }): Promise<void> {
  for (const request of await ownRequests(folder, model(signatures))) await mustAnswer(predictor, request);
}

async function put(file: string, content: unknown): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), content instanceof Uint8Array ? content : JSON.stringify(content));
}

const body = (...data: number[]) => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length / 2, 2], data }],
});

describe('requests that a model brings', () => {
  it('may have the form of either protocol', async () => {
    await put(WARMUP_FILE, {
      requests: [body(1, 2), { instances: [[3, 4]] }, { signature_name: 'other', inputs: { x: [[5, 6]] } }],
    });
    await answered({ serving_default: SUM, other: SUM });
    expect(asked.map(({ signature, inputs }) => [signature, ...(inputs[0]?.data as Float32Array)])).toEqual([
      ['serving_default', 1, 2],
      ['serving_default', 3, 4],
      ['other', 5, 6],
    ]);
  });
});

describe('golden requests', () => {
  it('must get their answers', async () => {
    await put(GOLDEN_FILE, { requests: [{ ...body(1, 2), outputs: [{ name: 'y', data: [3] }] }] });
    await answered();
    await put(GOLDEN_FILE, { requests: [{ ...body(1, 2), outputs: [{ name: 'y', data: [3.001] }] }] });
    await expect(answered()).rejects.toMatchObject({
      reason: 'WarmupFailed',
      message: 'golden.json, request 0: output y, value 0 is 3, expected 3.001',
    });
  });

  it('are compared with the tolerance of the file, or their own', async () => {
    const request = { ...body(1, 2), outputs: [{ name: 'y', data: [3.001] }] };
    await put(GOLDEN_FILE, { tolerance: 0.01, requests: [request] });
    await answered();
    await put(GOLDEN_FILE, {
      tolerance: 0.01,
      requests: [request, { ...request, tolerance: { absolute: 0, relative: 0 } }],
    });
    await expect(answered()).rejects.toThrow('golden.json, request 1: output y');
    await put(GOLDEN_FILE, { tolerance: 'small', requests: [request] });
    await expect(answered()).rejects.toThrow('golden.json: tolerance is "small"');
  });

  it.each([
    [WARMUP_FILE, [1], 'warmup.json is not JSON of the form'],
    [WARMUP_FILE, { requests: [1] }, 'warmup.json, request 0: not an object'],
    [WARMUP_FILE, { requests: [{ inputs: [] }] }, 'warmup.json, request 0: inputs: "x" is missing'],
    [GOLDEN_FILE, { requests: [body(1, 2)] }, 'golden.json, request 0: it has no "outputs"'],
  ])('and others that are none are refused: %s %j', async (file, content, words) => {
    await put(file, content);
    await expect(answered()).rejects.toMatchObject({ reason: 'WarmupFailed', message: expect.stringContaining(words) });
  });
});

describe('requests recorded by TensorFlow Serving', () => {
  const recorded = new URL('../../../models/recorded/tf_serving_warmup_requests', import.meta.url);

  it('must fit the model', async () => {
    await put(RECORDED_FILE, await readFile(recorded));
    await expect(answered()).rejects.toThrow(`${RECORDED_FILE}, request 0: the model has no input `);
    await expect(answered({ other: SUM })).rejects.toThrow('the model has no signature serving_default');
  });

  it('are asked, Examples as the only input', async () => {
    // Of the file only the record of a classification: length, checksum, data, checksum.
    const file = await readFile(recorded);
    let at = 0;
    for (let i = 0; i < 2; i++) at += 16 + Number(file.readBigUInt64LE(at));
    await put(RECORDED_FILE, file.subarray(at, at + 16 + Number(file.readBigUInt64LE(at))));
    await answered({ classify: PARSE });
    expect(asked).toMatchObject([
      { signature: 'classify', inputs: [{ name: 'examples', dtype: 'BYTES', shape: [2] }] },
    ]);
    await expect(answered({ classify: SUM })).rejects.toThrow('input x is BYTES [2], expected FP32 [-1, 2]');
  });

  it('must be whole', async () => {
    await put(RECORDED_FILE, (await readFile(recorded)).subarray(0, -1));
    await expect(answered()).rejects.toMatchObject({
      reason: 'WarmupFailed',
      message: expect.stringContaining('damaged'),
    });
  });
});

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { repeated, zeros } from './rows.ts';
import { RunError, type Predictor, type ServedModel, type Signature, type Tensor } from './types.ts';
import { GOLDEN_FILE, RECORDED_FILE, warmUp, WARMUP_FILE } from './warmup.ts';

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
/** Milliseconds that a run takes. */
let delay = 0;
let refuse: (inputs: readonly Tensor[]) => boolean;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'warmup-'));
  asked = [];
  refuse = () => false;
  delay = 0;
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
  async predict(signature, inputs) {
    asked.push({ signature, inputs });
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    if (refuse(inputs)) throw new RunError('too many');
    const [x] = inputs;
    const rows = x?.shape[0] ?? 0;
    const values = Array.from({ length: rows }, (_, i) => Number(x?.data[2 * i]) + Number(x?.data[2 * i + 1]));
    return [{ name: 'y', dtype: 'FP32', shape: [rows], data: Float32Array.from(values) }];
  },
};

const warm = (signatures: Record<string, Signature> = { serving_default: SUM }, sizes: number[] = []) =>
  warmUp(predictor, model(signatures), folder, sizes).then(({ notes }) => notes);

async function put(file: string, content: unknown): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), content instanceof Uint8Array ? content : JSON.stringify(content));
}

const body = (...data: number[]) => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length / 2, 2], data }],
});

describe('a model that is warmed up', () => {
  it('is asked zeros when its folder holds no requests, by every signature', async () => {
    expect(await warm({ serving_default: SUM, other: SUM })).toEqual([]);
    expect(asked).toEqual([
      {
        signature: 'serving_default',
        inputs: [{ name: 'x', dtype: 'FP32', shape: [1, 2], data: new Float32Array(2) }],
      },
      { signature: 'other', inputs: [{ name: 'x', dtype: 'FP32', shape: [1, 2], data: new Float32Array(2) }] },
    ]);
  });

  it('is asked what its folder holds, in the form of either protocol', async () => {
    await put(WARMUP_FILE, {
      requests: [body(1, 2), { instances: [[3, 4]] }, { signature_name: 'other', inputs: { x: [[5, 6]] } }],
    });
    await warm({ serving_default: SUM, other: SUM });
    expect(asked.map(({ signature, inputs }) => [signature, ...(inputs[0]?.data as Float32Array)])).toEqual([
      ['serving_default', 1, 2],
      ['serving_default', 3, 4],
      ['other', 5, 6],
    ]);
  });

  it('is asked once more with the rows of each batch size', async () => {
    await put(WARMUP_FILE, { requests: [body(1, 2, 3, 4)] });
    await warm({ serving_default: SUM }, [1, 5]);
    expect(asked.map(({ inputs }) => inputs[0]?.shape)).toEqual([
      [2, 2],
      [1, 2],
      [5, 2],
    ]);
    expect(asked[2]?.inputs[0]?.data).toEqual(Float32Array.from([1, 2, 3, 4, 1, 2, 3, 4, 1, 2]));
  });

  it('may refuse a batch, which is told, but not a request of its own', async () => {
    refuse = ([x]) => x?.shape[0] === 5;
    expect(await warm({ serving_default: SUM }, [5])).toEqual(['signature serving_default with 5 rows: too many']);
    refuse = () => true;
    await expect(warm()).rejects.toMatchObject({
      reason: 'WarmupFailed',
      message: 'signature serving_default, all inputs zero: too many',
    });
  });

  it('may have rows that depend on one another, which are not to be put together', async () => {
    // What is taken from the first row grows with the batch.
    const together: Predictor = {
      signatures: new Map(),
      async predict(signature, inputs) {
        const [y] = await predictor.predict(signature, inputs);
        return y ? [{ ...y, data: Float32Array.from(y.data as Float32Array, (value) => value / y.data.length) }] : [];
      },
    };
    await put(WARMUP_FILE, { requests: [body(1, 2)] });
    const ask = (of: Predictor) => warmUp(of, model({ serving_default: SUM }), folder, [1, 5]);
    expect(await ask(together)).toEqual({
      batched: new Set(),
      notes: ['signature serving_default with 5 rows: output y depends on the other rows; requests are run one by one'],
    });
    expect(await ask(predictor)).toEqual({ batched: new Set(['serving_default']), notes: [] });
  });

  it('is not asked for batches that would take long', async () => {
    delay = 30;
    expect(await warm({ serving_default: SUM }, [1, 1000])).toEqual([
      expect.stringMatching(/^signature serving_default with 1000 rows: not tried, it would take about \d+ s$/),
    ]);
    expect(asked).toHaveLength(2);
  });

  it('is not asked for rows when it has none', async () => {
    const fixed = { ...SUM, outputs: [{ name: 'y', dtype: 'FP32' as const, shape: [] }] };
    await warm({ serving_default: fixed }, [1, 32]);
    expect(asked).toHaveLength(1);
  });
});

describe('golden requests', () => {
  it('must get their answers', async () => {
    await put(GOLDEN_FILE, { requests: [{ ...body(1, 2), outputs: [{ name: 'y', data: [3] }] }] });
    expect(await warm()).toEqual([]);
    await put(GOLDEN_FILE, { requests: [{ ...body(1, 2), outputs: [{ name: 'y', data: [3.001] }] }] });
    await expect(warm()).rejects.toMatchObject({
      reason: 'WarmupFailed',
      message: 'golden.json, request 0: output y, value 0 is 3, expected 3.001',
    });
  });

  it('are compared with the tolerance of the file, or their own', async () => {
    const request = { ...body(1, 2), outputs: [{ name: 'y', data: [3.001] }] };
    await put(GOLDEN_FILE, { tolerance: 0.01, requests: [request] });
    expect(await warm()).toEqual([]);
    await put(GOLDEN_FILE, {
      tolerance: 0.01,
      requests: [request, { ...request, tolerance: { absolute: 0, relative: 0 } }],
    });
    await expect(warm()).rejects.toThrow('golden.json, request 1: output y');
    await put(GOLDEN_FILE, { tolerance: 'small', requests: [request] });
    await expect(warm()).rejects.toThrow('golden.json: tolerance is "small"');
  });

  it.each([
    [WARMUP_FILE, [1], 'warmup.json is not JSON of the form'],
    [WARMUP_FILE, { requests: [1] }, 'warmup.json, request 0: not an object'],
    [WARMUP_FILE, { requests: [{ inputs: [] }] }, 'warmup.json, request 0: inputs: "x" is missing'],
    [GOLDEN_FILE, { requests: [body(1, 2)] }, 'golden.json, request 0: it has no "outputs"'],
  ])('and others that are none are refused: %s %j', async (file, content, words) => {
    await put(file, content);
    await expect(warm()).rejects.toMatchObject({ reason: 'WarmupFailed', message: expect.stringContaining(words) });
  });
});

describe('requests recorded by TensorFlow Serving', () => {
  const recorded = new URL('../../../models/recorded/tf_serving_warmup_requests', import.meta.url);

  it('must fit the model', async () => {
    await put(RECORDED_FILE, await readFile(recorded));
    await expect(warm()).rejects.toThrow(`${RECORDED_FILE}, request 0: the model has no input `);
    await expect(warm({ other: SUM })).rejects.toThrow('the model has no signature serving_default');
  });

  it('are asked, Examples as the only input', async () => {
    // Of the file only the record of a classification: length, checksum, data, checksum.
    const file = await readFile(recorded);
    let at = 0;
    for (let i = 0; i < 2; i++) at += 16 + Number(file.readBigUInt64LE(at));
    await put(RECORDED_FILE, file.subarray(at, at + 16 + Number(file.readBigUInt64LE(at))));
    await warm({ classify: PARSE });
    expect(asked).toMatchObject([
      { signature: 'classify', inputs: [{ name: 'examples', dtype: 'BYTES', shape: [2] }] },
    ]);
    await expect(warm({ classify: SUM })).rejects.toThrow('input x is BYTES [2], expected FP32 [-1, 2]');
  });

  it('must be whole', async () => {
    await put(RECORDED_FILE, (await readFile(recorded)).subarray(0, -1));
    await expect(warm()).rejects.toMatchObject({ reason: 'WarmupFailed', message: expect.stringContaining('damaged') });
  });
});

describe('rows that are made up', () => {
  it('are zeros of every type', () => {
    const [a, b, c] = zeros({
      inputs: [
        { name: 'a', dtype: 'FP32', shape: [-1, 2] },
        { name: 'b', dtype: 'INT64', shape: [] },
        { name: 'c', dtype: 'BYTES', shape: [-1] },
      ],
      outputs: [],
    });
    expect(a).toEqual({ name: 'a', dtype: 'FP32', shape: [1, 2], data: new Float32Array(2) });
    expect(b?.data).toEqual(BigInt64Array.from([0n]));
    expect(c?.data).toEqual([new Uint8Array(0)]);
  });

  it('or repeat those there are', () => {
    const bytes = [Buffer.from('a'), Buffer.from('b')];
    expect(repeated([{ name: 'c', dtype: 'BYTES', shape: [2], data: bytes }], 3)).toEqual([
      { name: 'c', dtype: 'BYTES', shape: [3], data: [bytes[0], bytes[1], bytes[0]] },
    ]);
  });
});

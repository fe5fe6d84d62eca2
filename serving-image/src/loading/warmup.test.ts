import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WARMUP_FILE } from './own-requests.ts';
import {
  type Judgement,
  type Predictor,
  type RowVerdict,
  type ServedModel,
  type Signature,
  type Tensor,
} from '../model/types.ts';
import { warmUp, type WarmUp } from './warmup.ts';
import { RunError } from '../errors.ts';

const SUM: Signature = {
  inputs: [{ name: 'x', dtype: 'FP32', shape: [-1, 2] }],
  outputs: [{ name: 'y', dtype: 'FP32', shape: [-1] }],
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'warmup-'));
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

type Row = [number, number];
/** Answers a number for each row, by all rows there are. */
class Model implements Predictor {
  readonly signatures = new Map<string, Signature>();
  readonly asked: { signature: string; rows: Row[] }[] = [];

  constructor(private readonly answer: (rows: Row[]) => number[] = (rows) => rows.map(([a, b]) => a + b)) {}

  predict(signature: string, [x]: readonly Tensor[]): Promise<Tensor[]> {
    const data = x?.data as Float32Array;
    const rows = Array.from({ length: data.length / 2 }, (_, i): Row => [data[2 * i] ?? 0, data[2 * i + 1] ?? 0]);
    this.asked.push({ signature, rows });
    return Promise.resolve().then(() => {
      const values = Float32Array.from(this.answer(rows));
      return [{ name: 'y', dtype: 'FP32', shape: [values.length], data: values }];
    });
  }
}

const judged = (rows: RowVerdict, effects = false, name = 'm') =>
  new Map<string, Judgement>([[name, { effects, rows }]]);
const warm = (
  predictor: Predictor,
  options: Partial<WarmUp> = {},
  signatures: Record<string, Signature> = { m: SUM },
) =>
  warmUp({
    ...{ predictor, model: model(signatures), directory: folder, joining: 'auto', batchRows: 8, budgetMs: 10_000 },
    judged: judged({ rows: 'rowWise' }),
    trying: () => Promise.resolve(),
    ...options,
  });

const put = (...rows: Row[]) =>
  writeFile(join(folder, WARMUP_FILE), JSON.stringify({ requests: rows.map((row) => ({ instances: [row] })) }));

const refusing = (refuses: (rows: Row[]) => boolean) =>
  new Model((rows) => {
    if (refuses(rows)) throw new RunError('not these');
    return rows.map(([a, b]) => a + b);
  });

describe('a model that is warmed up', () => {
  it('is asked made-up requests by every signature, and one without rows but once', async () => {
    const predictor = new Model();
    const whole = { ...SUM, outputs: [{ name: 'y', dtype: 'FP32' as const, shape: [] }] };
    await warm(predictor, {}, { m: SUM, other: whole });
    const asked = predictor.asked.filter(({ signature }) => signature === 'other');
    expect(asked).toHaveLength(1);
    expect(asked[0]?.rows.flat().every((value) => value !== 0)).toBe(true);
    expect(predictor.asked.some(({ signature, rows }) => signature === 'm' && rows.length === 8)).toBe(true);
  });

  it('may refuse what is made up, which is told, but not a request of its own', async () => {
    const predictor = refusing(() => true);
    const { batched, notes } = await warm(predictor);
    expect(batched).toEqual(new Set());
    expect(notes).toEqual([
      "signature m: it refuses the requests made up for it (not these); put one that it takes into the model's warmup.json",
      'signature m: it answers 0 of the rows made to try it: not these; requests are run one by one',
    ]);
    await put([1, 2]);
    await expect(warm(predictor)).rejects.toMatchObject({
      reason: 'WarmupFailed',
      message: 'warmup.json, request 0: not these',
    });
  });

  it('is not asked anything by a signature that changes what later requests are answered', async () => {
    const predictor = new Model();
    await put([1, 2]);
    const effects = judged({ rows: 'rowWise' }, true);
    expect(await warm(predictor, { judged: effects })).toEqual({
      batched: new Set(),
      notes: ['signature m: it changes what later requests are answered, so nothing was asked by it'],
      nonFinite: [],
    });
    expect(predictor.asked).toEqual([]);
  });

  it('may answer no numbers to what is made up, which is told', async () => {
    const { batched, notes, nonFinite } = await warm(new Model((rows) => rows.map(() => NaN)));
    expect(nonFinite).toEqual([{ signature: 'm', output: 'y', values: 1 }]);
    expect([...batched, ...notes]).toEqual([
      'm',
      'signature m: it answers NaN or an infinity to a request made up for it, in y; look for damaged weights',
    ]);
  });

  it('has answered its own requests when it is told that others follow, and is asked no others where none may', async () => {
    await put([1, 2]);
    const predictor = new Model();
    let answered: number | undefined;
    await warm(predictor, { trying: () => Promise.resolve(void (answered = predictor.asked.length)) });
    expect(answered).toBe(1);
    const careful = new Model();
    const { batched, notes } = await warm(careful, { trying: undefined });
    expect([careful.asked.length, batched.size]).toEqual([1, 0]);
    expect(notes).toEqual([
      expect.stringContaining("put some that it takes into the model's warmup.json"),
      'signature m: its rows could not be tried together; requests are run one by one',
    ]);
  });

  it('fails by a mistake of ours, whoever made the request up', async () => {
    const broken = new Model(() => {
      throw new TypeError('x is not a function');
    });
    await expect(warm(broken)).rejects.toThrow('x is not a function');
  });
});

describe('rows of different requests', () => {
  const joined = async (predictor: Predictor, options: Partial<WarmUp> = {}) =>
    (await warm(predictor, options)).batched.has('m');

  it('are run together where no difference is found', async () => {
    expect(await warm(new Model())).toEqual({ batched: new Set(['m']), notes: [], nonFinite: [] });
  });

  it('are not run together where the flow of data does not show that they are independent', async () => {
    for (const rows of ['mixing', 'unknown'] as const) {
      const { batched, notes } = await warm(new Model(), {
        judged: judged({ rows, why: 'takes all rows', node: 'mean' }),
      });
      expect([...batched, ...notes]).toEqual(['signature m: node mean: takes all rows; requests are run one by one']);
    }
  });

  it('are not run together where a row answers otherwise in company, whatever the flow of data says', async () => {
    const mean = (rows: Row[]) => rows.reduce((sum, [a]) => sum + a, 0) / rows.length;
    const { batched, notes } = await warm(new Model((rows) => rows.map(([a]) => a - mean(rows))));
    expect([...batched, ...notes]).toEqual([
      'signature m: with 2 rows output y of a row depends on the others; requests are run one by one',
    ]);
  });

  it('are run together where the requests of the model show it, though it refuses what is made up', async () => {
    const predictor = refusing((rows) => rows.flat().some((value) => Math.abs(value) < 1));
    expect(await joined(predictor)).toBe(false);
    await put([1, 2], [3, 4]);
    expect(await joined(predictor)).toBe(true);
  });

  it('are not run together where only the requests of the model show that they may not', async () => {
    await put([50, 60], [70, 80]);
    const predictor = new Model((rows) => rows.map(([a]) => (a > 49 ? a + rows.length : a)));
    expect(await joined(predictor)).toBe(false);
  });

  it('are not run together where there is no time to try it, and the model is not asked again and again', async () => {
    let time = 0;
    const predictor = new Model((rows) => {
      for (const until = performance.now() + 5 * rows.length; time < until;) time = performance.now();
      return rows.map(([a]) => a);
    });
    const { batched, notes } = await warm(predictor, { budgetMs: 10 });
    expect(batched.size).toBe(0);
    expect(notes).toEqual([expect.stringMatching(/a row takes \d+ ms, too long to try rows together/)]);
    expect(predictor.asked.length).toBeLessThan(5);
  });

  it('are run together, or not, as somebody says', async () => {
    const mixing = new Model((rows) => rows.map(([a]) => a * rows.length));
    expect(await joined(mixing, { joining: 'on', judged: judged({ rows: 'mixing' }) })).toBe(true);
    expect(await warm(new Model(), { joining: 'off' })).toEqual({ batched: new Set(), notes: [], nonFinite: [] });
    expect(await warm(new Model(), { batchRows: 1 })).toEqual({ batched: new Set(), notes: [], nonFinite: [] });
  });
});

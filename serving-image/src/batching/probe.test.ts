import { describe, expect, it } from '@jest/globals';
import { type Predictor, type Tensor } from '../model/types.ts';
import { probe } from './probe.ts';
import { RunError } from '../errors.ts';

/** Answers the number of each row by all of them. */
const model = (answer: (x: number[]) => number[]): Pick<Predictor, 'predict'> => ({
  predict: (_, [x]) =>
    Promise.resolve().then(() => {
      const data = Float32Array.from(answer([...(x?.data as Float32Array)]));
      return [{ name: 'y', dtype: 'FP32', shape: [data.length], data }];
    }),
});

const rows = (...values: number[]): Tensor[][] =>
  values.map((value) => [{ name: 'x', dtype: 'FP32', shape: [1], data: Float32Array.of(value) }]);
const ROWS = rows(0.3, -0.7, 1.9, 0.11, -5, 2.5, 8);

const found = (answer: (x: number[]) => number[], options: Partial<Parameters<typeof probe>[0]> = {}) =>
  probe({ predictor: model(answer), signature: 's', rows: ROWS, batchRows: 32, budgetMs: 60_000, ...options });

const sum = (x: number[]) => x.reduce((total, value) => total + value, 0);

describe('a probe of rows', () => {
  it.each<[string, (x: number[]) => number[]]>([
    ['the square of each', (x) => x.map((value) => value * value)],
    ['the same for all', (x) => x.map(() => 7)],
    ['no number for some', (x) => x.map((value) => Math.log(value))],
    ['another rounding in other sizes', (x) => x.map((value) => value * (1 + x.length * 1e-7))],
  ])('finds nothing against a model that answers %s', async (_, answer) => {
    expect(await found(answer)).toEqual({ rows: 'independent' });
  });

  it.each<[string, (x: number[]) => number[]]>([
    ['less the mean', (x) => x.map((value) => value - sum(x) / x.length)],
    ['less a hint of the mean', (x) => x.map((value) => value - (1e-6 * sum(x)) / x.length)],
    ['divided by the number of rows', (x) => x.map((value) => value / x.length)],
    ['with its place', (x) => x.map((value, i) => value + i)],
    ['with its place, far behind', (x) => x.map((value, i) => value + (i > 20 ? 1 : 0))],
    ['of the row before', (x) => x.map((_, i) => x[i - 1] ?? 0)],
    ['in the order of size', (x) => x.toSorted((a, b) => a - b)],
    ['of the first row', (x) => x.map(() => x[0] ?? 0)],
    ['less the largest', (x) => x.map((value) => value - Math.max(...x))],
    ['less a sum times nothing', (x) => x.map((value) => value - 0 * sum(x))],
    ['cut by what all have', (x) => x.map((value) => Math.min(value, 1e6 + Math.abs(sum(x))))],
    ['that all of a large batch share', (x) => x.map((value) => (x.length > 8 ? value + sum(x) / 1e3 : value))],
    ['otherwise every time', (x) => x.map(() => Math.random())],
  ])('finds out a model that answers each row %s', async (name, answer) => {
    // What is cut is cut in company of rows that are no numbers.
    expect([name, (await found(answer)).rows]).toEqual([name, 'dependent']);
  });

  it('finds out outputs that have not as many rows', async () => {
    expect(await found((x) => [sum(x)])).toEqual({
      rows: 'dependent',
      because: 'with 2 rows its outputs do not have as many',
    });
  });

  it('leaves out rows that the model refuses, and is of no use with less than two', async () => {
    const only = (allowed: number[]) => (x: number[]) => {
      if (x.some((value) => !allowed.includes(Math.fround(value) === value ? value : value))) throw new RunError('no');
      return x;
    };
    const [a, b] = [Math.fround(1.9), 8];
    expect(await found(only([a, b]))).toEqual({ rows: 'independent' });
    expect(await found(only([a]))).toEqual({
      rows: 'unknown',
      because: 'it answers 1 of the rows made to try it: no',
    });
  });

  it('is of no use where the model takes one row only', async () => {
    const one = (x: number[]) => {
      if (x.length > 1) throw new RunError('one row, please');
      return x;
    };
    expect(await found(one)).toEqual({ rows: 'unknown', because: 'it refuses 2 rows: one row, please' });
  });

  it('tries no large batch that would take too long, and nothing where a few rows would', async () => {
    let time = 0;
    const sizes: number[] = [];
    const slow = (x: number[]) => {
      time += 10 * x.length;
      sizes.push(x.length);
      return x;
    };
    const now = () => time;
    expect(await found(slow, { budgetMs: 1500, now })).toEqual({ rows: 'independent' });
    expect(sizes).not.toContain(32);
    expect(await found(slow, { budgetMs: 5000, now })).toEqual({ rows: 'independent' });
    expect(sizes).toContain(32);
    expect(await found(slow, { budgetMs: 100, now })).toEqual({
      rows: 'unknown',
      because: 'a row takes 10 ms, too long to try rows together',
    });
  });

  it('lets mistakes of ours pass', async () => {
    const broken = () => {
      throw new TypeError('x is undefined');
    };
    await expect(found(broken)).rejects.toThrow('x is undefined');
  });

  it('compares texts and shapes too', async () => {
    const words = (...values: string[]): Tensor[][] =>
      values.map((value) => [{ name: 'x', dtype: 'BYTES', shape: [1], data: [Buffer.from(value)] }]);
    const answering = (answer: (x: string[]) => string[]): Pick<Predictor, 'predict'> => ({
      predict: (_, [x]) => {
        const data = answer((x?.data as Uint8Array[]).map((value) => Buffer.from(value).toString()));
        return Promise.resolve([
          { name: 'y', dtype: 'BYTES', shape: [data.length], data: data.map((word) => Buffer.from(word)) },
        ]);
      },
    });
    const tried = (answer: (x: string[]) => string[]) =>
      probe({
        ...{ predictor: answering(answer), signature: 's', rows: words('a', 'bb', 'c') },
        ...{ batchRows: 8, budgetMs: 60_000 },
      });
    expect((await tried((x) => x.map((word) => `${word}!`))).rows).toBe('independent');
    const longest = (x: string[]) => Math.max(...x.map((word) => word.length));
    expect((await tried((x) => x.map((word) => word.padEnd(longest(x))))).rows).toBe('dependent');
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sizeOf, type Predictor, type Signature, type Tensor } from '../model/types.ts';
import { Executor, type Clock } from './executor.ts';
import { RunError, ClientGone } from '../errors.ts';

/** A row of 13 is refused, with all that run with it. */
const UNLUCKY = 13;

const ANSWER: Record<string, (x: Tensor) => number[]> = {
  // Of each row by itself.
  sums: ({ shape: [rows = 0, columns = 0], data }) =>
    Array.from({ length: rows }, (_, row) =>
      Array.from({ length: columns }, (_, i) => Number(data[row * columns + i])).reduce((a, b) => a + b, 0),
    ),
  // Of all rows there are.
  ranks: ({ shape: [rows = 0, columns = 0], data }) => {
    const firsts = Array.from({ length: rows }, (_, row) => Number(data[row * columns]));
    return firsts.map((first) => firsts.filter((other) => other < first).length + rows / 100);
  },
};

class Model implements Predictor {
  readonly signatures = new Map<string, Signature>();
  readonly runs: { signature: string; x: Tensor }[] = [];

  predict(signature: string, inputs: readonly Tensor[]): Promise<Tensor[]> {
    return Promise.resolve().then(() => {
      const [x] = inputs as [Tensor];
      this.runs.push({ signature, x });
      return [answerOf(signature, x)];
    });
  }
}

function answerOf(signature: string, x: Tensor): Tensor {
  if ((x.data as Float32Array).includes(UNLUCKY)) throw new RunError('unlucky');
  const values = ANSWER[signature]?.(x) ?? [];
  return { name: 'y', dtype: 'FP32', shape: [values.length], data: Float32Array.from(values) };
}

type Step =
  | { does: 'ask'; signature: string; columns: number; values: number[]; patience: number | undefined }
  | { does: 'leave'; who: number }
  | { does: 'wait'; milliseconds: number }
  | { does: 'turn' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('ask' as const),
      signature: fc.constantFrom('sums', 'ranks'),
      columns: fc.constantFrom(1, 2, 3),
      values: fc.array(fc.integer({ min: 0, max: 14 }), { minLength: 1, maxLength: 4 }),
      patience: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('leave' as const), who: fc.nat(20) }) },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('wait' as const), milliseconds: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ does: 'turn' as const }) },
);

const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

async function play(steps: readonly Step[], batchRows: number): Promise<void> {
  let time = 0;
  const deferred: (() => void)[] = [];
  const clock: Clock = {
    now: () => time,
    defer: (then) => void deferred.push(then),
    follow: () => Promise.resolve(),
  };
  const model = new Model();
  const executor = new Executor(model, new Set(['sums']), { batchRows, queue: 12 }, () => undefined, clock);
  const asked: { signature: string; x: Tensor; answer: Promise<Tensor | Error>; gone: boolean; patience: boolean }[] =
    [];
  const turn = async () => {
    deferred.shift()?.();
    await settled();
  };
  for (const action of steps) {
    if (action.does === 'wait') time += action.milliseconds;
    else if (action.does === 'turn') await turn();
    else if (action.does === 'leave') {
      const leaving = asked[action.who];
      if (leaving) leaving.gone = true;
    } else {
      const { signature, columns, values, patience } = action;
      const rows = values.flatMap((value) => Array.from({ length: columns }, (_, i) => value + 20 * i));
      const x: Tensor = { name: 'x', dtype: 'FP32', shape: [values.length, columns], data: Float32Array.from(rows) };
      const request = { signature, x, gone: false, patience: patience !== undefined };
      const client = { started: time, gone: () => asked.some((one) => one.x === x && one.gone) };
      const inference = { signature, inputs: [x], ...(patience !== undefined && { timeoutMs: patience }) };
      const answer = executor.run(inference, client).then(
        ({ outputs }) => outputs[0] as Tensor,
        (error: Error) => error,
      );
      asked.push({ ...request, answer });
    }
  }
  while (deferred.length > 0) await turn();
  for (const { signature, x, answer, gone, patience } of asked) {
    const got = await answer;
    if (got instanceof ClientGone) expect(gone).toBe(true);
    else if (got instanceof Error && (got as { status?: number }).status === 504) expect(patience).toBe(true);
    else if (got instanceof Error && (got as { status?: number }).status === 503)
      expect(asked.length).toBeGreaterThan(4);
    else expect(got).toEqual(alone(signature, x));
  }
  const lone = asked.map(({ x }) => x);
  for (const { signature, x } of model.runs) {
    if (signature === 'ranks') expect(lone).toContain(x);
    if (!lone.includes(x)) expect(sizeOf(x.shape.slice(0, 1))).toBeLessThanOrEqual(batchRows);
  }
}

function alone(signature: string, x: Tensor): Tensor | Error {
  try {
    return answerOf(signature, x);
  } catch (error) {
    return error as Error;
  }
}

describe('whatever arrives when, of whatever shape, and whoever leaves', () => {
  it('each request gets the answer that it gets alone, and rows that depend on one another are never run together', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.constantFrom(2, 4, 8), (steps, batchRows) =>
        play(steps, batchRows),
      ),
      { numRuns: 300 },
    ));
});

import { describe, expect, it } from '@jest/globals';
import { type Predictor, type Signature, type Tensor } from '../model/types.ts';
import { Executor, type BatchLimits } from './executor.ts';
import { RunError, ClientGone } from '../errors.ts';

const tensor = (...rows: [number, number][]): Tensor => ({
  name: 'x',
  dtype: 'FP32',
  shape: [rows.length, 2],
  data: Float32Array.from(rows.flat()),
});

/** A clock that stands still until it is told, and turns only when it is told. */
class Hand {
  time = 0;
  readonly #deferred: (() => void)[] = [];
  now = () => this.time;
  defer = (then: () => void) => void this.#deferred.push(then);
  follow = () => new Promise<void>((resolve) => process.nextTick(resolve));

  get waiting(): number {
    return this.#deferred.length;
  }

  /** One turn of the event loop, and what follows from it at once. */
  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#deferred.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** y is the sum of each row of x; a row of 13s makes the run fail. */
class Sums implements Predictor {
  readonly signatures = new Map<string, Signature>();
  readonly runs: number[] = [];
  /** Ends the run that is under way, if runs are held. */
  release: (() => void) | undefined;

  constructor(private readonly held = false) {}

  async predict(_: string, [x]: readonly Tensor[]): Promise<Tensor[]> {
    const data = x?.data as Float32Array;
    this.runs.push(data.length / 2);
    if (this.held) await new Promise<void>((resolve) => (this.release = resolve));
    if (data.includes(13)) throw new RunError('unlucky');
    const sums = Float32Array.from({ length: data.length / 2 }, (_, i) => (data[2 * i] ?? 0) + (data[2 * i + 1] ?? 0));
    return [{ name: 'y', dtype: 'FP32', shape: [sums.length], data: sums }];
  }
}

/** Each run takes so many milliseconds. */
class Slow extends Sums {
  constructor(
    private readonly clock: Hand,
    private readonly milliseconds: number,
  ) {
    super();
  }

  override predict(name: string, inputs: readonly Tensor[]): Promise<Tensor[]> {
    this.clock.time += this.milliseconds;
    return super.predict(name, inputs);
  }
}

function set(
  predictor: Sums,
  limits: Partial<BatchLimits> = {},
  batched = new Set(['serving_default']),
  clock = new Hand(),
) {
  const notBatchable: string[] = [];
  const onNotBatchable = (signature: string) => void notBatchable.push(signature);
  const executor = new Executor(predictor, batched, { batchRows: 4, queue: 8, ...limits }, onNotBatchable, clock);
  const ask = (x: Tensor, { timeoutMs, gone = () => false }: { timeoutMs?: number; gone?: () => boolean } = {}) =>
    executor
      .run(
        { signature: 'serving_default', inputs: [x], ...(timeoutMs === undefined ? {} : { timeoutMs }) },
        { started: clock.time, gone },
      )
      .then(
        ({ outputs }) => [...((outputs[0]?.data ?? []) as Float32Array)],
        (error: Error) => error,
      );
  return { executor, clock, notBatchable, ask };
}

describe('an executor', () => {
  it('that is idle runs a request in the next turn, and then waits for nothing', async () => {
    const predictor = new Sums();
    const { clock, ask } = set(predictor);
    const answer = ask(tensor([1, 2]));
    expect(clock.waiting).toBe(1);
    await clock.turn();
    expect(await answer).toEqual([3]);
    expect([clock.waiting, predictor.runs]).toEqual([0, [1]]);
  });

  it('puts together what has arrived in one turn, and gives each request its own rows', async () => {
    const predictor = new Sums();
    const { clock, ask } = set(predictor);
    const answers = [ask(tensor([1, 2])), ask(tensor([3, 4], [5, 6])), ask(tensor([7, 8]))];
    await clock.turn();
    expect(await Promise.all(answers)).toEqual([[3], [7, 11], [15]]);
    expect(predictor.runs).toEqual([4]);
  });

  it('lets the next batch gather while a run goes on', async () => {
    const predictor = new Sums(true);
    const { clock, ask } = set(predictor);
    const first = ask(tensor([1, 1]));
    await clock.turn();
    const later = [ask(tensor([2, 2])), ask(tensor([3, 3]))];
    expect(clock.waiting).toBe(0);
    predictor.release?.();
    expect(await first).toEqual([2]);
    await clock.turn();
    predictor.release?.();
    expect(await Promise.all(later)).toEqual([[4], [6]]);
    expect(predictor.runs).toEqual([1, 2]);
  });

  it('never makes a batch of more rows than allowed, but runs a larger request by itself', async () => {
    const predictor = new Sums();
    const { clock, ask } = set(predictor);
    const rows = (count: number) => tensor(...Array.from({ length: count }, (): [number, number] => [1, 1]));
    const answers = [ask(rows(3)), ask(rows(2)), ask(rows(1)), ask(rows(9))];
    await clock.turn();
    await clock.turn();
    await clock.turn();
    await Promise.all(answers);
    // The third fits beside the first, and does not wait for the second.
    expect(predictor.runs).toEqual([4, 2, 9]);
  });

  it('lets a request that fails fail alone', async () => {
    const predictor = new Sums();
    const { clock, ask } = set(predictor);
    const answers = [ask(tensor([1, 2])), ask(tensor([13, 0])), ask(tensor([3, 4]))];
    await clock.turn();
    expect(await Promise.all(answers)).toEqual([[3], new RunError('unlucky'), [7]]);
    expect(predictor.runs).toEqual([3, 1, 1, 1]);
  });

  it('does not run what is too late or has nobody waiting, and runs the others', async () => {
    const predictor = new Sums();
    const { clock, ask } = set(predictor);
    let gone = false;
    const late = ask(tensor([1, 1]), { timeoutMs: 5 });
    const left = ask(tensor([2, 2]), { gone: () => gone });
    const patient = ask(tensor([3, 3]), { timeoutMs: 50 });
    clock.time = 10;
    gone = true;
    await clock.turn();
    expect(await late).toMatchObject({ status: 504, message: expect.stringContaining('timeout of 5 ms') });
    expect(await left).toBeInstanceOf(ClientGone);
    expect(await patient).toEqual([6]);
    expect(predictor.runs).toEqual([1]);
  });

  it('runs nothing where all have gone', async () => {
    const predictor = new Sums();
    const { clock, ask } = set(predictor);
    const left = ask(tensor([2, 2]), { gone: () => true });
    await clock.turn();
    expect(await left).toBeInstanceOf(ClientGone);
    expect([predictor.runs, clock.waiting]).toEqual([[], 0]);
  });

  it('refuses a request where too many wait', async () => {
    const { clock, ask, executor } = set(new Sums(true), { queue: 2 });
    const waiting = [ask(tensor([1, 1])), ask(tensor([2, 2]))];
    expect(executor.refusal()).toMatchObject({ status: 503, headers: { 'Retry-After': '1' } });
    expect(await ask(tensor([3, 3]))).toMatchObject({ message: expect.stringContaining('2 requests wait') });
    await clock.turn();
    expect(executor.refusal()).toBeUndefined();
    void waiting;
  });

  it.each([
    ['a tenth of a second', 0, 100],
    ['ten runs', 30, 300],
  ])('lets fewer wait once its queue was full, until nothing was refused for %s', async (_, took, calm) => {
    const clock = new Hand();
    const { ask, executor } = set(new Slow(clock, took), { batchRows: 4, queue: 12 }, undefined, clock);
    const fill = (count: number) => void Promise.all(Array.from({ length: count }, () => ask(tensor([1, 1]))));
    fill(12);
    expect(executor.refusal()?.message).toContain('12 requests wait');
    await clock.turn();
    await clock.turn();
    expect(executor.refusal()?.message).toContain('4 requests wait');
    await clock.turn();
    clock.time += calm - took;
    fill(4);
    expect(executor.refusal()?.message).toContain('4 requests wait');
    await clock.turn();
    clock.time += calm - took + 1;
    fill(11);
    expect(executor.refusal()).toBeUndefined();
  });

  it('runs for a quarter of the time that it has read before it reads again, where requests wait', async () => {
    const clock = new Hand();
    const predictor = new Slow(clock, 5);
    const limits = { batchRows: 2, queue: 41 };
    const executor = new Executor(predictor, new Set(['serving_default']), limits, () => undefined, clock);
    const client = { started: 0, gone: () => false };
    const asked = Array.from({ length: 41 }, () =>
      executor.run({ signature: 'serving_default', inputs: [tensor([1, 1])] }, client),
    );
    const runsOfTurn = async (reading: number) => {
      const before = predictor.runs.length;
      clock.time += reading;
      await clock.turn();
      return predictor.runs.length - before;
    };
    // The first turn does not know yet how long reading takes.
    expect(await runsOfTurn(100)).toBe(1);
    expect(await runsOfTurn(0)).toBe(1);
    expect(await runsOfTurn(20)).toBe(1);
    expect(await runsOfTurn(41)).toBe(2);
    expect(await runsOfTurn(40)).toBe(1);
    expect(await runsOfTurn(201)).toBe(10);
    // What is left is no whole batch: reading may add to it.
    expect(await runsOfTurn(200)).toBe(4);
    expect(await runsOfTurn(200)).toBe(1);
    await Promise.all(asked);
    expect(clock.waiting).toBe(0);
  });

  it('does not wait for the end of reading for ever', async () => {
    const predictor = new Sums();
    const { clock, ask } = set(predictor, { batchRows: 2, queue: 2 });
    const answers = [ask(tensor([1, 1])), ask(tensor([2, 2]))];
    clock.time += 5;
    expect(await ask(tensor([3, 3]))).toMatchObject({ status: 503 });
    clock.time += 1;
    // The run that is overdue makes room for the request that finds it so.
    answers.push(ask(tensor([4, 4])));
    expect(await Promise.all(answers.slice(0, 2))).toEqual([[2], [4]]);
    await clock.turn();
    // What had been deferred runs nothing twice.
    await clock.turn();
    expect(await answers[2]).toEqual([8]);
    expect(predictor.runs).toEqual([2, 1]);
  });

  it('waits longer for that where a run takes long', async () => {
    const clock = new Hand();
    const predictor = new Slow(clock, 10);
    const { ask } = set(predictor, { batchRows: 1, queue: 1 }, undefined, clock);
    void ask(tensor([1, 1]));
    await clock.turn();
    void ask(tensor([2, 2]));
    clock.time += 40;
    expect(await ask(tensor([3, 3]))).toMatchObject({ status: 503 });
    expect(predictor.runs).toHaveLength(1);
    clock.time += 1;
    void ask(tensor([4, 4]));
    expect(predictor.runs).toHaveLength(2);
  });

  it('runs requests one by one where rows are not independent', async () => {
    const predictor = new Sums();
    const { clock, ask, executor } = set(predictor, {}, new Set());
    const answers = [ask(tensor([1, 2])), ask(tensor([3, 4]))];
    await clock.turn();
    await clock.turn();
    expect(await Promise.all(answers)).toEqual([[3], [7]]);
    expect([predictor.runs, executor.isBatched('serving_default')]).toEqual([[1, 1], false]);
  });

  it('stops putting requests together when the outputs do not have their rows', async () => {
    class Total extends Sums {
      override async predict(name: string, inputs: readonly Tensor[]): Promise<Tensor[]> {
        const [y] = await super.predict(name, inputs);
        const sum = (y?.data as Float32Array).reduce((a, b) => a + b, 0);
        return [{ name: 'y', dtype: 'FP32', shape: [1], data: Float32Array.from([sum]) }];
      }
    }
    const predictor = new Total();
    const { clock, ask, notBatchable, executor } = set(predictor);
    const answers = [ask(tensor([1, 2])), ask(tensor([3, 4]))];
    await clock.turn();
    expect(await Promise.all(answers)).toEqual([[3], [7]]);
    expect(notBatchable).toEqual(['serving_default']);
    expect(executor.isBatched('serving_default')).toBe(false);
  });

  it('puts nothing together when a batch may have one row', async () => {
    const predictor = new Sums();
    const { clock, ask } = set(predictor, { batchRows: 1 });
    const answers = [ask(tensor([1, 2])), ask(tensor([3, 4]))];
    await clock.turn();
    await clock.turn();
    await Promise.all(answers);
    expect(predictor.runs).toEqual([1, 1]);
  });
});

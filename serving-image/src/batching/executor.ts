/** Runs a model for the requests of all connections of a worker, as many in one run as the policy puts together. */
import type { Predictor, Tensor } from '../model/types.ts';
import { deadlineExceeded, queueFull } from '../protocol/errors.ts';
import type { Inference } from '../protocol/request.ts';
import { join, split } from './join.ts';
import { choose, rowsOf, type Waiting } from './policy.ts';

export interface BatchLimits {
  /** Rows of a batch put together from several requests; 1 is no batching. */
  batchRows: number;
  /** Requests that may wait for the engine. */
  queue: number;
}

/** Who waits for an answer. */
export interface Client {
  /** When the request arrived, on the executor's clock. */
  started: number;
  gone: () => boolean;
}

export interface Run {
  outputs: Tensor[];
  /** When the run began that gave them, and when it ended, on the executor's clock. */
  began: number;
  ended: number;
}

/** Time and turns, so that tests have their own. */
export interface Clock {
  /** In milliseconds. */
  now(): number;
  /** Calls back once everything that has arrived by now has been read. */
  defer(then: () => void): void;
}

/** The client of a request has gone before it was run. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

interface Job extends Waiting {
  inputs: Tensor[];
  timeoutMs: number | undefined;
  resolve: (run: Run) => void;
  reject: (error: unknown) => void;
}

/** A turn of the event loop ends with what was deferred, after it has read from all connections. */
export const LOOP: Clock = { now: () => performance.now(), defer: (then) => void setImmediate(then) };

export class Executor {
  #queue: Job[] = [];
  /** A run is under way, or the next one is deferred. */
  #busy = false;
  readonly #batchable: Set<string>;

  constructor(
    private readonly predictor: Predictor,
    /** Signatures whose rows do not depend on one another. */
    batched: ReadonlySet<string>,
    readonly limits: BatchLimits,
    /** A signature is batched no more: the model's first dimension turned out to be no batch dimension. */
    private readonly onNotBatchable: (signature: string) => void,
    private readonly clock: Clock = LOOP,
  ) {
    this.#batchable = new Set(limits.batchRows > 1 ? batched : []);
  }

  /** Whether requests for this signature are put together. */
  isBatched(signature: string): boolean {
    return this.#batchable.has(signature);
  }

  /** To be asked before work is spent on a request. @throws RequestError 503 */
  checkRoom(): void {
    if (this.#queue.length >= this.limits.queue) throw queueFull(this.limits.queue);
  }

  /** @throws RequestError 503, 504; RunError; ClientGone */
  run({ signature, inputs, timeoutMs }: Inference, { started, gone }: Client): Promise<Run> {
    return new Promise((resolve, reject) => {
      this.checkRoom();
      const rows = this.#batchable.has(signature) ? rowsOf(inputs) : undefined;
      const deadline = timeoutMs === undefined ? undefined : started + timeoutMs;
      this.#queue.push({ signature, inputs, rows, deadline, timeoutMs, gone, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#busy || this.#queue.length === 0) return;
    this.#busy = true;
    this.clock.defer(() => void this.#turn());
  }

  async #turn(): Promise<void> {
    const { batch, expired, gone, rest } = choose(this.#queue, this.limits.batchRows, this.clock.now());
    this.#queue = rest;
    for (const { reject, timeoutMs = 0 } of expired) reject(deadlineExceeded(timeoutMs));
    for (const { reject } of gone) reject(new ClientGone());
    try {
      if (batch.length > 1) await this.#together(batch);
      else await this.#alone(batch);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.#busy = false;
    this.#next();
  }

  async #together(batch: readonly Job[]): Promise<void> {
    const [{ signature } = { signature: '' }] = batch;
    const rows = batch.map((job) => job.rows ?? 0);
    let run: Run;
    try {
      run = await this.#predict(signature, join(batch.map(({ inputs }) => inputs)));
    } catch {
      // One of them is at fault: each gets what it would have got by itself.
      return this.#alone(batch);
    }
    const parts = split(run.outputs, rows);
    if (!parts) {
      this.#batchable.delete(signature);
      this.onNotBatchable(signature);
      return this.#alone(batch);
    }
    batch.forEach(({ resolve }, i) => resolve({ ...run, outputs: parts[i] ?? [] }));
  }

  async #alone(jobs: readonly Job[]): Promise<void> {
    for (const { signature, inputs, resolve, reject } of jobs) {
      try {
        resolve(await this.#predict(signature, inputs));
      } catch (error) {
        reject(error);
      }
    }
  }

  async #predict(signature: string, inputs: Tensor[]): Promise<Run> {
    const began = this.clock.now();
    const outputs = await this.predictor.predict(signature, inputs);
    return { outputs, began, ended: this.clock.now() };
  }
}

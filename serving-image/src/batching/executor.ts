/** Runs a model for the requests of all connections of a worker, as many in one run as the policy puts together. */
import { ClientGone } from '../errors.ts';
import type { Predictor, Tensor } from '../model/types.ts';
import { deadlineExceeded, queueFull, type RequestError } from '../errors.ts';
import type { Inference } from '../protocol/request.ts';
import { join, split } from './join.ts';
import { choose, rowsOf, type Waiting } from './policy.ts';

export interface BatchLimits {
  /** Rows of a batch put together from several requests; 1 is no batching. */
  batchRows: number;
  /** Requests that may wait for the engine; fewer while some are refused. */
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
  /** Resolves when what follows from a run has been done, such as sending its answers; nothing new is read meanwhile. */
  follow(): Promise<void>;
}

interface Job extends Waiting {
  inputs: Tensor[];
  timeoutMs: number | undefined;
  resolve: (run: Run) => void;
  reject: (error: unknown) => void;
}

/** A turn of the event loop ends with what was deferred, after it has read from all connections. */
export const LOOP: Clock = {
  now: () => performance.now(),
  defer: (then) => void setImmediate(then),
  // Behind all promises that are settled by now.
  follow: () => new Promise((resolve) => process.nextTick(resolve)),
};

/**
 * So long a run waits for the end of reading, in milliseconds, or longer where it takes long itself. libuv reads on for seconds,
 * before anything deferred gets its turn, where more than a thousand connections have something to say all the time.
 */
const LONGEST_READING_MS = 5;
/**
 * Where more is asked than can be answered, reading may take so many times the time of running. More would leave little to answer
 * with; less would leave requests unread, which wait for seconds then and learn nothing.
 */
const READING_OVER_RUNNING = 4;

/**
 * Requests that may wait while more is asked than can be answered. A queue that is never empty gives no more answers than a short
 * one, only later ones (Nichols and Jacobson, Controlling Queue Delay, 2012). Between two runs everybody is read, so that one
 * batch is found however short the queue; where that is a single request, a few bridge the gaps between arrivals.
 */
const shortQueue = (batchRows: number) => Math.max(batchRows, 4);
/** So long nothing must have been refused for the queue to be a long one again, in milliseconds and in runs. */
const CALM = { ms: 100, runs: 10 };

export class Executor {
  #queue: Job[] = [];
  /** When a request was refused for the last time. */
  #refused = -Infinity;
  /** A run is under way, or the next one is deferred. */
  #busy = false;
  /** The run that is deferred, and until when it may be. */
  #deferred: { until: number } | undefined;
  /** When the last turn ended, if requests were left. */
  #left: number | undefined;
  /** How long the last batch took, in milliseconds. */
  #took = 0;
  readonly #batchable: Set<string>;
  readonly #short: number;
  readonly #full: RequestError;
  readonly #standing: RequestError;

  constructor(
    private readonly predictor: Predictor,
    /** Signatures whose rows do not depend on one another. */
    batched: ReadonlySet<string>,
    readonly limits: BatchLimits,
    /** A signature is batched no more: the model's first dimension turned out to be no batch dimension. */
    private readonly onNotBatchable: (signature: string) => void,
    private readonly clock: Clock = LOOP,
  ) {
    this.#short = Math.min(limits.queue, shortQueue(limits.batchRows));
    this.#full = queueFull(limits.queue);
    this.#standing = queueFull(this.#short);
    this.#batchable = new Set(limits.batchRows > 1 ? batched : []);
  }

  /** Whether requests for this signature are put together. */
  isBatched(signature: string): boolean {
    return this.#batchable.has(signature);
  }

  /**
   * To be asked before work is spent on a request: a 503 when it would be refused. Not thrown, which would cost more than the rest,
   * and always the same.
   */
  refusal(): RequestError | undefined {
    if (this.#deferred && this.clock.now() > this.#deferred.until) void this.#turn();
    const waiting = this.#queue.length;
    if (waiting < this.#short) return undefined;
    const now = this.clock.now();
    const calm = now - this.#refused > Math.max(CALM.ms, CALM.runs * this.#took);
    if (calm && waiting < this.limits.queue) return undefined;
    this.#refused = now;
    return waiting < this.limits.queue ? this.#standing : this.#full;
  }

  /** @throws RequestError 503, 504; RunError; ClientGone */
  run({ signature, inputs, timeoutMs }: Inference, { started, gone }: Client): Promise<Run> {
    return new Promise((resolve, reject) => {
      const refusal = this.refusal();
      if (refusal) return reject(refusal);
      const rows = this.#batchable.has(signature) ? rowsOf(inputs) : undefined;
      const deadline = timeoutMs === undefined ? undefined : started + timeoutMs;
      this.#queue.push({ signature, inputs, rows, deadline, timeoutMs, gone, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#busy || this.#queue.length === 0) return;
    this.#busy = true;
    const longest = Math.max(LONGEST_READING_MS, this.#took * READING_OVER_RUNNING);
    const deferred = { until: this.clock.now() + longest };
    this.#deferred = deferred;
    this.clock.defer(() => {
      if (this.#deferred === deferred) void this.#turn();
    });
  }

  async #turn(): Promise<void> {
    this.#deferred = undefined;
    const began = this.clock.now();
    // A server that is asked for much more than it can answer would spend its time with refusing otherwise: one run for as many
    // refusals as there are connections.
    const until = began + (began - (this.#left ?? began)) / READING_OVER_RUNNING;
    await this.#runNext();
    this.#took = this.clock.now() - began;
    while (this.#queue.length >= this.limits.batchRows && this.clock.now() + this.#took < until) {
      await this.clock.follow();
      await this.#runNext();
    }
    this.#left = this.#queue.length > 0 ? this.clock.now() : undefined;
    this.#busy = false;
    this.#next();
  }

  async #runNext(): Promise<void> {
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
    const { began, ended } = run;
    const parts = split(run.outputs, rows);
    if (!parts) {
      this.#batchable.delete(signature);
      this.onNotBatchable(signature);
      return this.#alone(batch);
    }
    batch.forEach(({ resolve }, i) => resolve({ outputs: parts[i] ?? [], began, ended }));
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

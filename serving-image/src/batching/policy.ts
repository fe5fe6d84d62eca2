/**
 * Which of the waiting requests are run next. Pure.
 *
 * Nothing ever waits for company: whenever the engine is free, it is given what is there by then. Requests arrive while
 * it is busy, so that batches grow with the load and an idle server answers at once, without any timer.
 */
import type { Tensor } from '../model/types.ts';

/** A request as far as it matters here. */
export interface Waiting {
  signature: string;
  inputs: readonly Tensor[];
  /** Rows it adds to a batch; undefined when it must be run alone. */
  rows: number | undefined;
  /** When its client stops waiting; undefined when it does not say. */
  deadline: number | undefined;
  /** Whether its client is still there. */
  gone: () => boolean;
}

export interface Choice<Job> {
  /** To be run together, at least one unless nothing is left to run. */
  batch: Job[];
  /** Never to be run: too late, or nobody waits. */
  expired: Job[];
  gone: Job[];
  /** Still to wait, in their order. */
  rest: Job[];
}

/** First come, first served: the oldest request, and with it those that fit into one batch of at most `maxRows` rows. */
export function choose<Job extends Waiting>(queue: readonly Job[], maxRows: number, now: number): Choice<Job> {
  const choice: Choice<Job> = { batch: [], expired: [], gone: [], rest: [] };
  const { batch, expired, gone, rest } = choice;
  let rows = 0;
  for (const job of queue) {
    if (job.gone()) gone.push(job);
    else if (job.deadline !== undefined && job.deadline < now) expired.push(job);
    else if (batch[0] === undefined || (fitsBehind(batch[0], job) && rows + (job.rows ?? 0) <= maxRows)) {
      batch.push(job);
      rows += job.rows ?? 0;
    } else rest.push(job);
  }
  return choice;
}

function fitsBehind(first: Waiting, job: Waiting): boolean {
  return (
    first.rows !== undefined &&
    job.rows !== undefined &&
    first.signature === job.signature &&
    first.inputs.every(({ shape }, i) => sameRow(shape, job.inputs[i]?.shape ?? []))
  );
}

function sameRow(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 1; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Rows of a request for a signature of rows; undefined when its inputs do not agree on their number. */
export function rowsOf(inputs: readonly Tensor[]): number | undefined {
  const rows = inputs[0]?.shape[0];
  return inputs.every(({ shape }) => shape[0] === rows) ? rows : undefined;
}

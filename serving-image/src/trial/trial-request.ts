import type { FallbackCause } from '@modeldeployment/modelpack/traffic';
import type { Tolerance } from '../model/golden.ts';
import type { RequestTarget } from './routing.ts';
import type { Output } from './outputs.ts';

export interface Answered<T> {
  answer: T;
  /** How much memory it holds, in bytes. */
  bytes: number;
  /** Whether there is a NaN or an infinity among the outputs. */
  nonFinite: boolean;
}

/**
 * Why a failure need not be the fault of the revision on trial: a `deadline` is over, the client's or ours; it refused because of
 * the `load` of other requests; or it does not know the `token`, which may have expired on the way.
 */
export type Excuse = 'deadline' | 'load' | 'token';

/**
 * What came of asking the server on trial; `answer` is there whenever it answered, whatever it said. `unsent`: it was not asked,
 * because of what the request is or of what else was being asked.
 */
export type Reply<T> =
  | (Answered<T> & { ok: true })
  | { ok: false; cause: FallbackCause | 'unsent'; excuse?: Excuse | undefined; answer?: T };

/**
 * One request with its whole body, in whatever protocol it came; `T` is that protocol's answer. It may be kept and asked
 * again much later, so it must hold nothing of the connection.
 */
export interface TrialRequest<T> extends RequestTarget {
  /** How much memory it holds, in bytes. */
  readonly bytes: number;
  /** The answer of this server. @throws RequestError, RunError, ClientGone */
  own(): Promise<Answered<T>>;
  /** The same as if the request had arrived just now: its own deadline begins anew. @throws as `own` */
  afresh(): Promise<Answered<T>>;
  /**
   * The answer of the server on trial at `to` (`host` or `host:port`), which must get FORWARDED_HEADER, and UNCOUNTED_HEADER
   * unless the request enters the verdict. Never rejects.
   */
  forward(to: string, timeoutMs: number, counted: boolean): Promise<Reply<T>>;
  /** The same request in nobody's name, to be kept or sent a second time: without what tells who the client is. */
  copy(): TrialRequest<T>;
  /** The outputs of an answer. @throws when it is none that can be read */
  outputs(answer: T): Output[];
}

/** A request to be replayed. */
export interface Sample {
  trialRequest: TrialRequest<unknown>;
  /** The outputs that are recorded for it: a golden request. */
  expected?: { outputs: Output[]; tolerance: Tolerance };
}

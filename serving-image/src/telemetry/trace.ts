import type { ServedModel } from '../model/types.ts';
import type { Reason } from './reasons.ts';

/** One inference request, when all is known of it. Times are of performance.now(), in milliseconds. */
export interface TracedRequest {
  /** With the trace it belongs to (W3C trace context), if any. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  method: string;
  /** The path with placeholders for what the client chose: few values, as names of spans should have. */
  route: string;
  model: ServedModel;
  status: number;
  started: number;
  ended: number;
  /** What was done in between, in order; less for a request that failed. */
  parts: readonly Part[];
  /** Why it was not answered as asked. */
  reason?: Reason;
}

export interface Part {
  name: 'decode' | 'queue' | 'run' | 'encode';
  began: number;
  ended: number;
}

/** Where traces go. Absent unless somebody has asked for them: then nothing is loaded, and nothing is done for a request. */
export interface Trace {
  request(request: TracedRequest): void;
  /** Sends what is still here. */
  close(): Promise<void>;
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;
const NO_TRACE = '0'.repeat(32);

/** The trace that a request belongs to, by its `traceparent` header (W3C trace context). */
export function traceIdOf(header: string | string[] | undefined): string | undefined {
  const id = typeof header === 'string' ? TRACEPARENT.exec(header)?.[1] : undefined;
  return id === NO_TRACE || header?.slice(0, 2) === 'ff' ? undefined : id;
}

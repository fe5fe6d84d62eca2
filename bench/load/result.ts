/** What a load is, and what is measured of it. */

export interface Load {
  port: number;
  /** The bytes of one whole request. */
  requestFile: string;
  connections: number;
  seconds: number;
  /** Sent before, not counted. */
  warmupSeconds?: number;
  /** Requests in a second of an open loop; absent: a closed loop. */
  rate?: number;
  /** Other rates from some times on, counted from the begin. */
  phases?: readonly { afterSeconds: number; rate: number }[];
}

/** In milliseconds. */
export interface Quantiles {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

export interface Result {
  seconds: number;
  /** With 200. */
  answered: number;
  /** Answers by status; 0: the connection broke. */
  statuses: Record<string, number>;
  /** Answers with 200 in a second. */
  rate: number;
  ok: Quantiles;
  /** Of answers 429 and 503. */
  shed: Quantiles;
  /** Of every tenth of a second, warm-up included. */
  timeline: { ok: number; shed: number; other: number; worstMs: number }[];
}

export function quantiles(times: readonly number[]): Quantiles {
  const sorted = Float64Array.from(times).sort();
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

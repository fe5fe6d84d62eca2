import type { TrialCounts } from '@modeldeployment/modelpack/traffic';
import { quantile, timed } from './counts.ts';

/** A new version may be slower, and one slow answer is no failure: so several times the 99th percentile. */
const FACTOR = 4;
/** Fewer own answers than this say nothing of a 99th percentile. */
const ENOUGH = 50;
const UNKNOWN_MS = 5_000;
const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;

/** The 99th percentile of what this server answered itself, in ms; undefined when too little is known. Pure. */
export const p99 = (own: TrialCounts): number | undefined => (timed(own) < ENOUGH ? undefined : quantile(own, 0.99));

/**
 * How long the revision on trial may take before the stable one answers instead, in ms: four times the stable one's own 99th
 * percentile. It is at least one second, because a model that answers in 2 ms must not be failed for a pause of its
 * container, and at most 30, because clients give up as well. Pure.
 */
export function deadlineMs(ownP99: number | undefined): number {
  return ownP99 === undefined ? UNKNOWN_MS : Math.min(LONGEST_MS, Math.max(SHORTEST_MS, FACTOR * ownP99));
}

/**
 * Whether it speaks against the revision on trial that it ran out of time: it had several times as long as the stable one needed
 * for the very same request, and longer than a pause of its container. Else the request is a long one, or its own deadline a short
 * one. Pure.
 */
export const hadTime = (waitedMs: number, stableMs: number): boolean =>
  waitedMs >= SHORTEST_MS && FACTOR * stableMs <= waitedMs;

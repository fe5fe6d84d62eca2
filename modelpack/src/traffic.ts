/**
 * What the operator tells the servers of the stable revision during a trial of a new one, and what every server reports
 * back. Both programs import this file; it has no imports of its own. As with contract.ts, an operator must work with
 * servers of the version before its own: add fields, never change the meaning of one.
 *
 *   client ─► Service ─► stable server ──(weight %)──► Service of the trial ─► server on trial
 *                          ▲      └─ answers itself when the other one fails: the client never notices
 *                 annotation of its pod, seen as a file
 */

/** Annotation of a stable pod that holds a `Traffic` as JSON. A pod without it forwards nothing: the safe default. */
export const TRAFFIC_ANNOTATION = 'modelserving.dev/traffic';

/** Downward-API volume of the server container: the annotation appears in this file, about 0.3 s after it changed. */
export const POD_INFO = { path: '/podinfo', traffic: 'traffic' } as const;

/**
 * Header of every request that a server sends to the revision on trial; its value is the number of the stable revision. Any
 * client can say it, so it opts out of nothing; servers of older versions answer whatever has it themselves.
 */
export const FORWARDED_HEADER = 'x-modelserving-forwarded';

/**
 * Header beside it of a request that does not enter the verdict: whoever forwards decides that, because only there both
 * revisions and the client are known. An older server ignores it.
 */
export const UNCOUNTED_HEADER = 'x-modelserving-uncounted';

/**
 * Header of an answer that refuses a request because of others that are being answered. It says nothing of the revision: a few
 * pods on trial get what many stable ones forward. An older server does not set it.
 */
export const OVERLOADED_HEADER = 'x-modelserving-overloaded';

/**
 * Header of the same requests: marks of the processes that have sent it on, the last one first, with commas between. Each makes
 * its own by chance when it starts, and answers a request that has it: nothing goes in circles, and no client can guess one.
 */
export const VIA_HEADER = 'x-modelserving-via';

/** Requests that go to the revision on trial whatever the weight: a header or a cookie with exactly this value. */
export type Match = { header: string; value: string } | { cookie: string; value: string };

export interface Traffic {
  /** Changes with each trial; a server starts the counters of its report anew when it does. At most 64 characters. */
  trial: string;
  /** Number of the revision that serves. A server of another revision ignores the whole annotation. */
  stable: number;
  /** Number and version of the revision on trial. Requests that name this version go there. */
  target: number;
  targetVersion: string;
  /** Host of the Service of the pods on trial; its ports are those of the model's own Service unless `host:port` is given. */
  to: string;
  /** Percent of the requests that are forwarded, 0 to 100. */
  weight: number;
  /** Any of them sends a request to the revision on trial. */
  match?: Match[];
  /** A copy of this percentage of the requests is sent there too, and its answers are compared. */
  mirror?: {
    percent: number;
    /** Largest difference of two numbers that still counts as equal: absolute, or relative to the stable one. */
    tolerance: number;
  };
  /**
   * Send golden and recorded (else zero) requests to both revisions as long as fewer than this many were seen by this
   * server, of clients or replayed.
   */
  replayBelow?: number;
}

/** Reads the annotation; undefined when it is absent, empty or not valid (then nothing is forwarded). */
export function parseTraffic(text: string | undefined): Traffic | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  try {
    const value = JSON.parse(text) as Traffic;
    return isTraffic(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?$/;

function isTraffic(value: Traffic): boolean {
  const { trial, stable, target, targetVersion, to, weight, match, mirror, replayBelow } = value;
  const text = (field: unknown): boolean => typeof field === 'string';
  const atLeast0 = (field: unknown): boolean => typeof field === 'number' && field >= 0;
  const percent = (field: unknown): boolean => atLeast0(field) && (field as number) <= 100;
  return (
    text(trial) &&
    trial.length <= 64 &&
    Number.isInteger(stable) &&
    Number.isInteger(target) &&
    text(targetVersion) &&
    text(to) &&
    HOST.test(to) &&
    percent(weight) &&
    (match === undefined || (Array.isArray(match) && match.every(isMatch))) &&
    (mirror === undefined || (percent(mirror.percent) && atLeast0(mirror.tolerance))) &&
    (replayBelow === undefined || atLeast0(replayBelow))
  );
}

function isMatch(match: Partial<Record<'header' | 'cookie' | 'value', unknown>>): boolean {
  return typeof (match.header ?? match.cookie) === 'string' && typeof match.value === 'string';
}

/**
 * Upper bounds of the latency histogram in milliseconds, each 10^(1/20) ≈ 1.122 times the one before, from 0.1 ms to 60 s:
 * a quantile read from it is off by at most 12 %. The last bucket, beyond the last bound, has no bound.
 */
export const LATENCY_BOUNDS_MS: readonly number[] = Array.from({ length: 117 }, (_, i) =>
  Number((0.1 * 10 ** (i / 20)).toPrecision(4)),
);

/** Counts of one side of a comparison since the trial began. */
export interface TrialCounts {
  /** Requests that enter the verdict. One that the client itself has made fail does not. */
  requests: number;
  /** Of these, answers other than 2xx that are not the client's fault, and connections that broke. */
  errors: number;
  /** Of these, answers with a NaN or an infinity among the outputs. */
  nonFinite: number;
  /**
   * Of these errors and non-finite answers, those that speak against neither revision: the other one did no better with the
   * same request, or whoever forwarded the request judges it. Absent in reports of servers that do not know.
   */
  shared?: { errors: number; nonFinite: number };
  /**
   * One count per bound of LATENCY_BOUNDS_MS, and one for what lies beyond; trailing zeros left out. Requests that are much
   * larger than most are left out.
   */
  latency: number[];
}

/** An answer of the revision on trial that differed from the stable one; kept as an example, at most EXAMPLES. */
export interface Difference {
  /** Time of the request, RFC 3339. */
  time: string;
  output: string;
  /** Flat index of the element that differs most. */
  element: number;
  /** NaN and the infinities are strings, as is what an output lacks: `absent`, `3 elements`. */
  stable: number | string;
  target: number | string;
}

export const EXAMPLES = 10;

/** Why the revision on trial gave no answer that can be passed on, each with its meaning. */
export const FALLBACK = {
  refused: 'nobody listens at the Service of the revision on trial',
  unreachable: 'its name is not known or no way leads there',
  reset: 'the connection broke before the answer was complete',
  timeout: 'no complete answer within a few times of what the stable revision needs',
  '4xx': 'it refuses a request which the stable revision answers',
  '5xx': 'it says that it has failed',
  other: 'it gives an answer that is neither 2xx nor 4xx nor 5xx',
} as const;

export type FallbackCause = keyof typeof FALLBACK;

/**
 * What a server knows of the present trial, at `GET /trial` on the admin port, all its workers together. On a stable pod
 * `own` are the requests it answered itself and `target` those it forwarded, as the client would have felt them.
 */
export interface TrialReport {
  /** Revision and start time (RFC 3339) of this server. */
  revision: number;
  started: string;
  /** `trial` of the annotation, absent without one. */
  trial?: string;
  weight?: number;
  own: TrialCounts;
  target: TrialCounts;
  /**
   * Requests that the revision on trial did not answer as it should, by cause; those of clients were answered by the
   * stable server after all. They are errors of `target`.
   */
  fallbacks: Partial<Record<FallbackCause, number>>;
  /** Requests whose turn it was, kept here because the revision on trial had just failed several times in a row. */
  skipped: number;
  /** Of `own` and `target`, how many were replayed, not sent by a client. */
  replayed: number;
  /** Requests that do not enter the verdict; see docs/analysis.md. Absent in reports of servers that do not know. */
  uncounted?: number;
  /**
   * Copies that were compared, or failed although the stable revision answered. `nonFinite`: answers with a NaN or an infinity
   * where the stable one has none; absent in reports of servers that do not know. `dropped`: never sent, or nothing can be
   * said of them.
   */
  mirror: {
    compared: number;
    differing: number;
    failed: number;
    nonFinite?: number;
    dropped: number;
    examples: Difference[];
  };
  /** Golden requests replayed against the revision on trial, and how many got other answers than the recorded ones. */
  golden: { asked: number; mismatches: number };
}

export const TRIAL_PATH = '/trial';

import {
  LATENCY_BOUNDS_MS,
  type Difference,
  type TrialCounts as ReportedTally,
} from '@modeldeployment/modelpack/traffic';

/** All of it: a server that does not know what speaks against neither revision says nothing of it. */
export type Tally = Required<ReportedTally>;

/** What is judged of a server's report (`TrialReport` in modelpack/src/traffic.ts), or the sum of several. */
export interface Counts {
  own: Tally;
  target: Tally;
  /** Errors of `target` by cause. */
  fallbacks: Record<string, number>;
  /** Of `own` and `target`, how many were replayed. */
  replayed: number;
  mirror: { compared: number; differing: number; failed: number; nonFinite: number };
  golden: { asked: number; mismatches: number };
  /** At most EXAMPLES. */
  examples: Difference[];
}

/** A report as read from a server. */
export interface ServerReport extends Counts {
  /** When the server started; another time means that it counts anew. */
  started: string;
  /** Which trial it knows of; undefined on the pods on trial, which are told nothing. */
  trial: string | undefined;
}

/** What one pod has counted during a trial while the revision on trial had one share of the requests. */
export interface PodReport {
  pod: string;
  /** Of the pod, by its label. */
  revision: number;
  /** Percent of the requests that the revision on trial got meanwhile. */
  weight: number;
  /** When it was read, in milliseconds since the epoch. */
  time: number;
  counts: Counts;
  /** Why there is nothing newer: the last attempt to read it failed. */
  trouble?: string;
}

const EXAMPLES = 10;

export const noTally = (): Tally => ({
  requests: 0,
  errors: 0,
  nonFinite: 0,
  shared: { errors: 0, nonFinite: 0 },
  latency: [],
});

/** Without the failures that speak against neither revision. */
export function telling({ requests, errors, nonFinite, shared, latency }: Tally): Tally {
  return {
    requests: requests - shared.errors - shared.nonFinite,
    errors: errors - shared.errors,
    nonFinite: nonFinite - shared.nonFinite,
    shared: { errors: 0, nonFinite: 0 },
    latency,
  };
}

export const noCounts = (): Counts => ({
  own: noTally(),
  target: noTally(),
  fallbacks: {},
  replayed: 0,
  mirror: { compared: 0, differing: 0, failed: 0, nonFinite: 0 },
  golden: { asked: 0, mismatches: 0 },
  examples: [],
});

/** `a` and `b` together. */
export const sumOf = (a: Counts, b: Counts): Counts => combine(a, b, 1);

/** What `later` counts beyond `earlier`, a report of the same server. */
export const growth = (later: Counts, earlier: Counts): Counts => ({
  ...combine(later, earlier, -1),
  examples: later.examples.slice(earlier.examples.length),
});

/** Whether `later` can follow `earlier` on the same server: nothing was forgotten in between. */
export const follows = (later: Counts, earlier: Counts): boolean =>
  later.own.requests >= earlier.own.requests &&
  later.target.requests >= earlier.target.requests &&
  later.mirror.compared >= earlier.mirror.compared &&
  later.golden.asked >= earlier.golden.asked;

export function addTally(a: Tally, b: Tally, sign: 1 | -1 = 1): Tally {
  const buckets = Math.max(a.latency.length, b.latency.length);
  return {
    requests: a.requests + sign * b.requests,
    errors: a.errors + sign * b.errors,
    nonFinite: a.nonFinite + sign * b.nonFinite,
    shared: add(a.shared, b.shared, sign),
    latency: Array.from({ length: buckets }, (_, i) => (a.latency[i] ?? 0) + sign * (b.latency[i] ?? 0)),
  };
}

/** Counts by name, each with its like. */
export function add<T extends Record<string, number>>(a: T, b: T, sign: 1 | -1 = 1): T {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...keys].map((key) => [key, (a[key] ?? 0) + sign * (b[key] ?? 0)])) as T;
}

function combine(a: Counts, b: Counts, sign: 1 | -1): Counts {
  return {
    own: addTally(a.own, b.own, sign),
    target: addTally(a.target, b.target, sign),
    fallbacks: add(a.fallbacks, b.fallbacks, sign),
    replayed: a.replayed + sign * b.replayed,
    mirror: add(a.mirror, b.mirror, sign),
    golden: add(a.golden, b.golden, sign),
    examples: [...a.examples, ...b.examples].slice(0, EXAMPLES),
  };
}

/**
 * Reads what a server answers at TRIAL_PATH; undefined when it is no report. The image may be a user's own: nothing that it
 * says is taken on trust but numbers.
 */
export function parseReport(text: string): ServerReport | undefined {
  try {
    const value = JSON.parse(text) as Untrusted;
    if (typeof value.started !== 'string' || value.started.length > 64) return undefined;
    return {
      started: value.started,
      trial: typeof value.trial === 'string' ? value.trial : undefined,
      own: readTally(value.own),
      target: readTally(value.target),
      fallbacks: Object.fromEntries(
        Object.entries(value.fallbacks ?? {})
          .filter(([cause]) => /^\w{1,20}$/.test(cause))
          .slice(0, 20)
          .map(([cause, count]) => [cause, readCount(count)]),
      ),
      replayed: readCount(value.replayed),
      mirror: {
        compared: readCount(value.mirror?.compared),
        differing: readCount(value.mirror?.differing),
        failed: readCount(value.mirror?.failed),
        nonFinite: readCount(value.mirror?.nonFinite),
      },
      golden: { asked: readCount(value.golden?.asked), mismatches: readCount(value.golden?.mismatches) },
      examples: readList(value.mirror?.examples).slice(0, EXAMPLES).map(readExample),
    };
  } catch {
    return undefined;
  }
}

/** Whatever JSON holds where a report is expected. */
interface Untrusted {
  started?: unknown;
  trial?: unknown;
  own?: unknown;
  target?: unknown;
  fallbacks?: Record<string, unknown>;
  replayed?: unknown;
  mirror?: Record<string, unknown>;
  golden?: Record<string, unknown>;
}

/** Absent counts are 0: servers of another version may lack them. */
function readCount(value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError('not a count');
}

function readList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function readTally(value: unknown): Tally {
  const { requests, errors, nonFinite, shared, latency } = (value ?? {}) as Partial<Record<keyof Tally, unknown>>;
  const ofBoth = (shared ?? {}) as Partial<Record<keyof Tally['shared'], unknown>>;
  const tally = {
    requests: readCount(requests),
    errors: readCount(errors),
    nonFinite: readCount(nonFinite),
    shared: { errors: readCount(ofBoth.errors), nonFinite: readCount(ofBoth.nonFinite) },
    latency: readList(latency)
      .slice(0, LATENCY_BOUNDS_MS.length + 1)
      .map(readCount),
  };
  const parts = [
    [tally.requests, tally.errors + tally.nonFinite],
    [tally.errors, tally.shared.errors],
    [tally.nonFinite, tally.shared.nonFinite],
  ] as const;
  if (parts.some(([whole, part]) => part > whole)) throw new TypeError('a part is more than the whole');
  return tally;
}

function readExample(value: unknown): Difference {
  const example = value as Partial<Record<keyof Difference, unknown>>;
  const text = (field: unknown): string => (typeof field === 'string' ? field.slice(0, 64) : '');
  const side = (field: unknown): number | string => (typeof field === 'number' ? field : text(field));
  return {
    time: text(example.time),
    output: text(example.output),
    element: readCount(example.element),
    stable: side(example.stable),
    target: side(example.target),
  };
}

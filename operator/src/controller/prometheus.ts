import type { AnalysisQuery } from '../api/modeldeployment.gen.ts';
import { fillIn, type Measurement, type Variables, worstOf } from '../core/analysis/queries.ts';
import { getText, NoTextError } from './get-text.ts';

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 1_000_000;

/**
 * Asks Prometheus, at the address that the operator was given, never one from a ModelDeployment. Rejects with a
 * NoTextError when there is no number.
 *
 * The namespace goes along as a parameter of its own: Prometheus ignores it, and a proxy that keeps tenants apart
 * (prom-label-proxy and the like) holds the query to it.
 */
export async function measure(
  base: string,
  query: AnalysisQuery,
  variables: Variables,
  signal: AbortSignal,
): Promise<number> {
  const url = new URL(`${base.replace(/\/$/, '')}/api/v1/query`);
  url.searchParams.set('query', fillIn(query.query, variables));
  url.searchParams.set('namespace', variables.namespace);
  const values = readValues(
    await getText(url, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, signal }).catch((error: unknown) => {
      throw explain(error);
    }),
  );
  if (values.length === 0) throw new NoTextError('Prometheus has no such series');
  if (values.some(Number.isNaN)) throw new NoTextError('the value is not a number (NaN), as of 0 / 0');
  return worstOf(values, query);
}

/** All queries of a ModelDeployment at once; never rejects. */
export async function measureAll(
  base: string | undefined,
  queries: readonly AnalysisQuery[],
  variables: Variables,
  { now, signal }: { now: () => number; signal: AbortSignal },
): Promise<Measurement[]> {
  return Promise.all(
    queries.map(async (query): Promise<Measurement> => {
      const about = { name: query.name, query: query.query };
      try {
        if (base === undefined)
          throw new NoTextError('the operator knows no Prometheus (chart value analysis.prometheusUrl)');
        return { ...about, value: await measure(base, query, variables, signal), time: now() };
      } catch (error) {
        return { ...about, trouble: (error as Error).message, time: now() };
      }
    }),
  );
}

/** Values of an instant query, HTTP API v1: a scalar, or one sample of each series. */
function readValues(text: string): number[] {
  try {
    const { data } = JSON.parse(text) as { data: { resultType: string; result: unknown } };
    if (data.resultType === 'scalar') return [readSample(data.result)];
    if (data.resultType === 'vector')
      return (data.result as { value: unknown }[]).map(({ value }) => readSample(value));
  } catch {
    throw new NoTextError('the answer is not one of Prometheus');
  }
  throw new NoTextError('the query gives neither a number nor series with one number each');
}

/** `[time, "value"]`; the value is a number as Go prints it. */
function readSample(sample: unknown): number {
  const value = (sample as [number, string])[1];
  return value === '+Inf' ? Infinity : value === '-Inf' ? -Infinity : Number(value);
}

/** What Prometheus says against a query is what helps its author. */
function explain(error: unknown): unknown {
  if (!(error instanceof NoTextError) || error.body === undefined) return error;
  try {
    const { error: said } = JSON.parse(error.body) as { error?: unknown };
    return typeof said === 'string' ? new NoTextError(`Prometheus says: ${said.slice(0, 300)}`) : error;
  } catch {
    return error;
  }
}

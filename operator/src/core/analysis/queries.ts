import type { AnalysisQuery } from '../../api/modeldeployment.gen.ts';
import type { Finding } from './criteria.ts';

/** What Prometheus last said to one query: the series that is furthest out of bounds, or why there is no number. */
export interface Measurement {
  /** Name and text of the query, before its variables are filled in. */
  name: string;
  query: string;
  /** Milliseconds since the epoch. */
  time: number;
  value?: number;
  trouble?: string;
}

/** Values of a query's variables; names and numbers only, so nothing in them can change the meaning of the query. */
export interface Variables {
  namespace: string;
  name: string;
  /** Numbers of the revisions that serves and that is on trial. */
  stable: number;
  target: number;
}

/** The query with its variables filled in. */
export function fillIn(query: string, variables: Variables): string {
  return query.replace(/\{\{(namespace|name|stable|target)\}\}/g, (_, key: keyof Variables) => String(variables[key]));
}

/** `unknown`: there is no number to judge. */
export type QueryFinding = Finding | { is: 'unknown'; words: string };

/** There are no tests here: whoever writes a query chooses over how much it averages. */
export function judgeQuery(asked: AnalysisQuery, measurements: readonly Measurement[]): QueryFinding {
  const { name, query, max = Infinity, min = -Infinity } = asked;
  // The spec may have changed since it was asked.
  const measurement = measurements.find((one) => one.name === name && one.query === query);
  if (measurement?.value === undefined) {
    return { is: 'unknown', words: `${name}: ${measurement?.trouble ?? 'not asked yet'}` };
  }
  const { value } = measurement;
  if (value <= max && value >= min) return { is: 'fine' };
  const limit = value > max ? `at most ${max}` : `at least ${min}`;
  return { is: 'bad', words: `${name} is ${Number(value.toPrecision(4))}; allowed: ${limit}` };
}

/** The one of several series that is furthest out of bounds. */
export function worstOf(values: readonly number[], { max = Infinity, min = -Infinity }: AnalysisQuery): number {
  return values.reduce((worst, value) => {
    const excess = (x: number): number => Math.max(x - max, min - x);
    return excess(value) > excess(worst) ? value : worst;
  });
}

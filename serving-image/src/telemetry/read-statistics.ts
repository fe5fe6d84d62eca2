/** Statistics as Triton's extension shows them, from the metrics of all workers. Pure. */
import { STATISTIC } from './statistics.ts';

interface Duration {
  count: number;
  ns: number;
}

/** Of one model version. */
export interface ModelStatistics {
  name: string;
  version: string;
  /** In milliseconds since 1970. */
  last_inference: number;
  inference_count: number;
  execution_count: number;
  inference_stats: Record<string, Duration>;
  response_stats: object;
  batch_stats: readonly ({ batch_size: number } & Record<string, Duration | number>)[];
  memory_usage: readonly object[];
}

type Key = keyof typeof STATISTIC;

/** Values by metric, then by the number of rows; 0 where a metric has no such label. */
type Values = Map<string, Map<number, number>>;

const NAMES = new Set<string>(Object.values(STATISTIC).map(({ name }) => name));

/** Finds the statistics of all model versions in an exposition, which is where all workers are added up. */
export function readStatistics(exposition: string): ModelStatistics[] {
  const versions = new Map<string, Values>();
  for (const [, name = '', labels = '', value] of exposition.matchAll(/^(\w+)\{([^}]*)\} (\S+)$/gm)) {
    if (!NAMES.has(name)) continue;
    const label = (key: string) => new RegExp(`(?:^|,)${key}="([^"]*)"`).exec(labels)?.[1];
    const version = JSON.stringify([label('model') ?? '', label('version') ?? '']);
    const values: Values = versions.get(version) ?? new Map<string, Map<number, number>>();
    versions.set(version, values);
    const byRows = values.get(name) ?? new Map<number, number>();
    values.set(name, byRows.set(Number(label('rows') ?? 0), Number(value)));
  }
  return [...versions].map(([key, values]) => {
    const [name, version] = JSON.parse(key) as [string, string];
    return describe(name, version, values);
  });
}

function describe(name: string, version: string, values: Values): ModelStatistics {
  const value = (key: Key, rows = 0) => values.get(STATISTIC[key].name)?.get(rows) ?? 0;
  const duration = (count: number, microseconds: number): Duration => ({ count, ns: microseconds * 1000 });
  const part = (key: Key) => duration(value('success'), value(key));
  const sizes = [...(values.get(STATISTIC.batchRuns.name)?.keys() ?? [])].filter((rows) => rows > 0);
  return {
    name,
    version,
    last_inference: Math.round(value('last') * 1000),
    inference_count: value('rows'),
    execution_count: value('runs'),
    inference_stats: {
      success: part('request'),
      fail: duration(value('failure'), value('failureDuration')),
      queue: part('queue'),
      compute_input: part('input'),
      compute_infer: part('infer'),
      compute_output: part('output'),
      cache_hit: duration(0, 0),
      cache_miss: duration(0, 0),
    },
    response_stats: {},
    batch_stats: sizes
      .sort((a, b) => a - b)
      .map((rows) => {
        const runs = value('batchRuns', rows);
        return {
          batch_size: rows,
          compute_input: duration(runs, 0),
          compute_infer: duration(runs, value('batchDuration', rows)),
          compute_output: duration(runs, 0),
        };
      }),
    memory_usage: [],
  };
}

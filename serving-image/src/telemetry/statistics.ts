/**
 * What has been asked of a model, under the names that Triton's dashboards know. Counted in plain numbers on every
 * request, because a labelled counter of the metrics library costs as much as reading a small tensor; handed to the
 * library when somebody looks.
 */
import { Counter, Gauge, type Registry } from 'prom-client';

/** How long the parts of one request took, in milliseconds. */
export interface Times {
  /** From the arrival of the request to its answer. */
  request: number;
  /** Waiting for the engine. */
  queue: number;
  /** Reading tensors from the body. */
  input: number;
  /** Running the model. */
  infer: number;
  /** Writing tensors into the answer. */
  output: number;
}

const PARTS = ['request', 'queue', 'input', 'infer', 'output'] as const;

const NAME = {
  success: 'nv_inference_request_success',
  failure: 'nv_inference_request_failure',
  rows: 'nv_inference_count',
  runs: 'nv_inference_exec_count',
  request: 'nv_inference_request_duration_us',
  queue: 'nv_inference_queue_duration_us',
  input: 'nv_inference_compute_input_duration_us',
  infer: 'nv_inference_compute_infer_duration_us',
  output: 'nv_inference_compute_output_duration_us',
  failureDuration: 'modeldeployment_failed_request_duration_us',
  last: 'modeldeployment_last_inference_seconds',
} as const;

const HELP: Record<keyof typeof NAME, string> = {
  success: 'Inference requests that were answered with outputs.',
  failure: 'Inference requests that were answered with an error.',
  rows: 'Rows of all batches that were run; a model without a batch dimension counts one a request.',
  runs: 'Runs of the model.',
  request: 'Time of successful requests from arrival to answer, in microseconds.',
  queue: 'Time requests waited for the engine, in microseconds.',
  input: 'Time spent on reading tensors from request bodies, in microseconds.',
  infer: 'Time spent on running the model, in microseconds.',
  output: 'Time spent on writing tensors into answers, in microseconds.',
  failureDuration: 'Time of failed requests from arrival to answer, in microseconds.',
  last: 'When a request was last answered with outputs, in seconds since 1970.',
};

export class Statistics {
  readonly #counts = { success: 0, failure: 0, rows: 0, runs: 0, failureDuration: 0 };
  readonly #times: Times = { request: 0, queue: 0, input: 0, infer: 0, output: 0 };
  #last = 0;

  succeeded(times: Times): void {
    this.#counts.success++;
    for (const part of PARTS) this.#times[part] += times[part];
    this.#last = Date.now();
  }

  failed(milliseconds: number): void {
    this.#counts.failure++;
    this.#counts.failureDuration += milliseconds;
  }

  ran(rows: number): void {
    this.#counts.runs++;
    this.#counts.rows += rows;
  }

  register(registry: Registry): void {
    const counter = (key: Exclude<keyof typeof NAME, 'last'>, value: () => number) =>
      new Counter({
        name: NAME[key],
        help: HELP[key],
        registers: [registry],
        collect() {
          this.reset();
          this.inc(value());
        },
      });
    for (const key of ['success', 'failure', 'rows', 'runs'] as const) counter(key, () => this.#counts[key]);
    for (const key of PARTS) counter(key, () => Math.round(this.#times[key] * 1000));
    counter('failureDuration', () => Math.round(this.#counts.failureDuration * 1000));
    const last = () => this.#last / 1000;
    new Gauge({
      name: NAME.last,
      help: HELP.last,
      aggregator: 'max',
      registers: [registry],
      collect() {
        this.set(last());
      },
    });
  }
}

/** Statistics of one model version, of all workers together, as Triton's statistics extension shows them. */
export interface ModelStatistics {
  name: string;
  version: string;
  /** In milliseconds since 1970. */
  last_inference: number;
  inference_count: number;
  execution_count: number;
  inference_stats: Record<string, { count: number; ns: number }>;
  response_stats: object;
  batch_stats: readonly object[];
  memory_usage: readonly object[];
}

/** Finds the statistics of all model versions in an exposition, which is where all workers are added up. Pure. */
export function readStatistics(exposition: string): ModelStatistics[] {
  const found = new Map<string, Map<string, number>>();
  for (const [, name = '', labels = '', value] of exposition.matchAll(/^(\w+)\{([^}]*)\} (\S+)$/gm)) {
    const model = /(?:^|,)model="([^"]*)"/.exec(labels)?.[1];
    const version = /(?:^|,)version="([^"]*)"/.exec(labels)?.[1];
    if (model === undefined || version === undefined || !NAMES.has(name)) continue;
    const key = JSON.stringify([model, version]);
    const values = found.get(key) ?? new Map<string, number>();
    found.set(key, values.set(name, Number(value)));
  }
  return [...found].map(([key, values]) => {
    const [name, version] = JSON.parse(key) as [string, string];
    return describe(name, version, (what) => values.get(NAME[what]) ?? 0);
  });
}

const NAMES = new Set<string>(Object.values(NAME));

function describe(name: string, version: string, value: (what: keyof typeof NAME) => number): ModelStatistics {
  const duration = (count: number, microseconds: number) => ({ count, ns: microseconds * 1000 });
  const success = value('success');
  return {
    name,
    version,
    last_inference: Math.round(value('last') * 1000),
    inference_count: value('rows'),
    execution_count: value('runs'),
    inference_stats: {
      success: duration(success, value('request')),
      fail: duration(value('failure'), value('failureDuration')),
      queue: duration(success, value('queue')),
      compute_input: duration(success, value('input')),
      compute_infer: duration(success, value('infer')),
      compute_output: duration(success, value('output')),
      cache_hit: duration(0, 0),
      cache_miss: duration(0, 0),
    },
    response_stats: {},
    batch_stats: [],
    memory_usage: [],
  };
}

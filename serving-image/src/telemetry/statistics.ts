/** What has been asked of one model version: counted for all sets of names at once, and read back for Triton's statistics. */
import { METRICS } from './definitions.ts';
import { kept, type Distribution, type Meter } from './meter.ts';
import { REASONS, type Reason } from './reasons.ts';

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

/** A call as TensorFlow Serving's dashboards tell them apart. */
export interface Caller {
  api: string;
  entrypoint: 'REST' | 'GRPC';
}
const UNKNOWN: Caller = { api: 'predict', entrypoint: 'REST' };

export class Statistics {
  readonly #meter: Meter;
  readonly #counts;
  /** Of answers, by entrypoint and API. */
  readonly #latency = { REST: new Map<string, Distribution>(), GRPC: new Map<string, Distribution>() };
  #last = 0;

  constructor(meter: Meter, engine: string) {
    this.#meter = meter;
    // Kept here, so that a request looks up no series.
    this.#counts = {
      queue: meter.histogram('queue'),
      rows: meter.histogram('rows'),
      run: meter.histogram('run', engine),
      refused: meter.counter('refused', engine),
      nonFinite: meter.counter('nonFinite'),
      preprocess: meter.histogram('kservePreprocess'),
      predict: meter.histogram('kservePredict'),
      postprocess: meter.histogram('kservePostprocess'),
      success: meter.counter('success'),
      inferences: meter.counter('inferences'),
      executions: meter.counter('executions'),
      requestTime: meter.counter('requestTime'),
      queueTime: meter.counter('queueTime'),
      inputTime: meter.counter('inputTime'),
      inferTime: meter.counter('inferTime'),
      outputTime: meter.counter('outputTime'),
      failureTime: meter.counter('failureTime'),
      ok: meter.counter('requestCount', 'OK'),
      queuingLatency: meter.histogram('queuingLatency'),
      processedBatchSize: meter.histogram('processedBatchSize'),
      runtimeLatency: meter.histogram('runtimeLatency', 'Predict', engine),
    };
    for (const { triton } of Object.values(REASONS)) meter.counter('failure', triton);
    meter.gauge('lastInference', () => this.#last / 1000);
  }

  /** A request was answered with outputs. */
  succeeded({ request, queue, input, infer, output }: Times, { api, entrypoint }: Caller = UNKNOWN): void {
    const counts = this.#counts;
    counts.queue.observe(queue / 1000);
    counts.preprocess.observe(input / 1000);
    counts.predict.observe((queue + infer) / 1000);
    counts.postprocess.observe(output / 1000);
    counts.success.value++;
    counts.requestTime.value += request * 1000;
    counts.queueTime.value += queue * 1000;
    counts.inputTime.value += input * 1000;
    counts.inferTime.value += infer * 1000;
    counts.outputTime.value += output * 1000;
    counts.ok.value++;
    counts.queuingLatency.observe(queue * 1000);
    const latency = () => this.#meter.histogram('requestLatency', api, entrypoint);
    kept(this.#latency[entrypoint], api, latency).observe(request * 1000);
    this.#last = Date.now();
  }

  /** A request was answered with an error, after this time. */
  failed(milliseconds: number, reason: Reason): void {
    const { triton, tensorflow } = REASONS[reason];
    this.#meter.counter('failure', triton).value++;
    this.#meter.counter('requestCount', tensorflow).value++;
    this.#counts.failureTime.value += milliseconds * 1000;
  }

  /** The model was run. */
  ran(rows: number, milliseconds: number, nonFinite: number): void {
    const counts = this.#counts;
    counts.rows.observe(rows);
    counts.run.observe(milliseconds / 1000);
    counts.inferences.value += rows;
    counts.executions.value++;
    counts.processedBatchSize.observe(rows);
    counts.nonFinite.value += nonFinite;
    const size = String(rows <= 64 ? rows : 2 ** Math.ceil(Math.log2(rows)));
    this.#meter.counter('batchRuns', size).value++;
    this.#meter.counter('batchTime', size).value += milliseconds * 1000;
    counts.runtimeLatency.observe(milliseconds * 1000);
  }

  /** The model was run and refused the values, or could not finish. */
  refused(): void {
    this.#counts.refused.value++;
  }
}

interface Duration {
  count: number;
  ns: number;
}

/** Statistics of one model version, of all workers together, as Triton's statistics extension shows them. */
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

/** What statistics are read from. */
const READ = [
  'success',
  'failure',
  'inferences',
  'executions',
  'requestTime',
  'queueTime',
  'inputTime',
  'inferTime',
  'outputTime',
  'failureTime',
  'lastInference',
  'batchRuns',
  'batchTime',
] as const satisfies (keyof typeof METRICS)[];
type Read = (typeof READ)[number];
const KEY = new Map<string, Read>(READ.map((key) => [METRICS[key].name, key]));

/** Sums by metric and number of rows; 0 rows where a metric has no such label. */
type Values = Map<Read, Map<number, number>>;

/** Finds the statistics of all model versions in an exposition, which is where all workers are added up. Pure. */
export function readStatistics(exposition: string): ModelStatistics[] {
  const found = new Map<string, Values>();
  for (const [, name = '', labels = '', value] of exposition.matchAll(/^(\w+)\{([^}]*)\} (\S+)$/gm)) {
    const label = (of: string) => new RegExp(`(?:^|,)${of}="([^"]*)"`).exec(labels)?.[1];
    const [model, version, key] = [label('model'), label('version'), KEY.get(name)];
    if (model === undefined || version === undefined || key === undefined) continue;
    const id = JSON.stringify([model, version]);
    const values: Values = found.get(id) ?? new Map<Read, Map<number, number>>();
    found.set(id, values);
    const byRows = values.get(key) ?? new Map<number, number>();
    const rows = Number(label('rows') ?? 0);
    values.set(key, byRows.set(rows, (byRows.get(rows) ?? 0) + Number(value)));
  }
  return [...found].map(([id, values]) => {
    const [name, version] = JSON.parse(id) as [string, string];
    return describe(name, version, values);
  });
}

function describe(name: string, version: string, values: Values): ModelStatistics {
  const value = (what: Read, rows = 0) => values.get(what)?.get(rows) ?? 0;
  const duration = (count: number, microseconds: number) => ({ count, ns: Math.round(microseconds * 1000) });
  const success = value('success');
  const sizes = [...(values.get('batchRuns')?.keys() ?? [])].sort((a, b) => a - b);
  return {
    name,
    version,
    last_inference: Math.round(value('lastInference') * 1000),
    inference_count: value('inferences'),
    execution_count: value('executions'),
    inference_stats: {
      success: duration(success, value('requestTime')),
      fail: duration(value('failure'), value('failureTime')),
      queue: duration(success, value('queueTime')),
      compute_input: duration(success, value('inputTime')),
      compute_infer: duration(success, value('inferTime')),
      compute_output: duration(success, value('outputTime')),
      cache_hit: duration(0, 0),
      cache_miss: duration(0, 0),
    },
    response_stats: {},
    batch_stats: sizes.map((rows) => ({
      batch_size: rows,
      compute_input: duration(value('batchRuns', rows), 0),
      compute_infer: duration(value('batchRuns', rows), value('batchTime', rows)),
      compute_output: duration(value('batchRuns', rows), 0),
    })),
    memory_usage: [],
  };
}

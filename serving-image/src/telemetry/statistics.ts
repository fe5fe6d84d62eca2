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

export const STATISTIC = {
  success: { name: 'nv_inference_request_success', help: 'Inference requests that were answered with outputs.' },
  failure: { name: 'nv_inference_request_failure', help: 'Inference requests that were answered with an error.' },
  rows: {
    name: 'nv_inference_count',
    help: 'Rows of all runs; a model without a batch dimension counts one a request.',
  },
  runs: { name: 'nv_inference_exec_count', help: 'Runs of the model.' },
  request: {
    name: 'nv_inference_request_duration_us',
    help: 'Time of successful requests from arrival to answer, in microseconds.',
  },
  queue: { name: 'nv_inference_queue_duration_us', help: 'Time requests waited for the engine, in microseconds.' },
  input: {
    name: 'nv_inference_compute_input_duration_us',
    help: 'Time spent on reading tensors from request bodies, in microseconds.',
  },
  infer: {
    name: 'nv_inference_compute_infer_duration_us',
    help: 'Time requests were run, in microseconds; those of one batch all count its run.',
  },
  output: {
    name: 'nv_inference_compute_output_duration_us',
    help: 'Time spent on writing tensors into answers, in microseconds.',
  },
  failureDuration: {
    name: 'modeldeployment_failed_request_duration_us',
    help: 'Time of failed requests from arrival to answer, in microseconds.',
  },
  batchRuns: {
    name: 'modeldeployment_batch_runs_total',
    help: 'Runs by their rows; above 64 rounded up to a power of two.',
  },
  batchDuration: {
    name: 'modeldeployment_batch_run_duration_us_total',
    help: 'Time of runs by their rows, in microseconds.',
  },
  last: {
    name: 'modeldeployment_last_inference_seconds',
    help: 'When a request was last answered with outputs, in seconds since 1970.',
  },
} as const;

interface Batches {
  runs: number;
  milliseconds: number;
}

export class Statistics {
  #success = 0;
  #failure = 0;
  #failureDuration = 0;
  #rows = 0;
  #last = 0;
  readonly #times: Times = { request: 0, queue: 0, input: 0, infer: 0, output: 0 };
  /** By their rows. */
  readonly #batches = new Map<number, Batches>();

  succeeded(times: Times): void {
    this.#success++;
    for (const part of PARTS) this.#times[part] += times[part];
    this.#last = Date.now();
  }

  failed(milliseconds: number): void {
    this.#failure++;
    this.#failureDuration += milliseconds;
  }

  ran(rows: number, milliseconds: number): void {
    this.#rows += rows;
    const label = rows <= 64 ? rows : 2 ** Math.ceil(Math.log2(rows));
    let batches = this.#batches.get(label);
    if (!batches) this.#batches.set(label, (batches = { runs: 0, milliseconds: 0 }));
    batches.runs++;
    batches.milliseconds += milliseconds;
  }

  register(registry: Registry): void {
    const counter = (key: Exclude<keyof typeof STATISTIC, 'last'>, count: (counter: Counter) => void) =>
      new Counter({
        ...STATISTIC[key],
        labelNames: key.startsWith('batch') ? ['rows'] : [],
        registers: [registry],
        collect() {
          this.reset();
          count(this);
        },
      });
    counter('success', (metric) => metric.inc(this.#success));
    counter('failure', (metric) => metric.inc(this.#failure));
    counter('failureDuration', (metric) => metric.inc(microseconds(this.#failureDuration)));
    counter('rows', (metric) => metric.inc(this.#rows));
    counter('runs', (metric) => this.#batches.forEach(({ runs }) => metric.inc(runs)));
    for (const part of PARTS) counter(part, (metric) => metric.inc(microseconds(this.#times[part])));
    counter('batchRuns', (metric) => this.#batches.forEach(({ runs }, rows) => metric.inc({ rows }, runs)));
    counter('batchDuration', (metric) =>
      this.#batches.forEach(({ milliseconds }, rows) => metric.inc({ rows }, microseconds(milliseconds))),
    );
    const last = () => this.#last / 1000;
    new Gauge({
      ...STATISTIC.last,
      aggregator: 'max',
      registers: [registry],
      collect() {
        this.set(last());
      },
    });
  }
}

const microseconds = (milliseconds: number) => Math.round(milliseconds * 1000);

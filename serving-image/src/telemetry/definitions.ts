/**
 * Every metric of the server: the one place for its name, meaning, labels and bounds. Pure. `docs/reference/metrics.md`
 * describes the same for people, and a test compares the two.
 */
import type { Aggregator } from 'prom-client';

/**
 * Where a metric is shown: `own` under /metrics, together with those that KServe's dashboards know; the names of Triton and
 * TensorFlow Serving under paths of their own, since they break the conventions of Prometheus.
 */
export type MetricSet = 'own' | 'kserve' | 'triton' | 'tensorflow';

interface Metric {
  name: string;
  help: string;
  set: MetricSet;
  /** Names of labels besides those that say which model and version. Their values are bounded. */
  labels: readonly string[];
  /** How values of several processes become one. */
  aggregator: Aggregator;
}
export interface CounterDefinition extends Metric {
  type: 'counter';
}
export interface GaugeDefinition extends Metric {
  type: 'gauge';
}
export interface HistogramDefinition extends Metric {
  type: 'histogram';
  /** Upper bounds, ascending. */
  buckets: readonly number[];
}
export type Definition = CounterDefinition | GaugeDefinition | HistogramDefinition;

type Options = Partial<Pick<Metric, 'set' | 'labels' | 'aggregator'>>;
const common = { set: 'own', labels: [], aggregator: 'sum' } as const;

const counter = (name: string, help: string, options: Options = {}): CounterDefinition => ({
  ...{ type: 'counter', name, help },
  ...common,
  ...options,
});
const gauge = (name: string, help: string, options: Options = {}): GaugeDefinition => ({
  ...{ type: 'gauge', name, help },
  ...common,
  ...options,
});
const histogram = (
  name: string,
  help: string,
  buckets: readonly number[],
  options: Options = {},
): HistogramDefinition => ({
  ...{ type: 'histogram', name, help, buckets },
  ...common,
  ...options,
});

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
/** The defaults of Prometheus' client for Python. */
const KSERVE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const exponential = (first: number, factor: number, count: number) =>
  Array.from({ length: count }, (_, i) => Number((first * factor ** i).toPrecision(6)));
/** TensorFlow Serving's, in microseconds. */
const LATENCY_US = exponential(10, 1.8, 33);
const POWERS = exponential(1, 2, 20);

const triton = { set: 'triton' } as const;
const latency = (...labels: string[]) => ({ set: 'tensorflow', labels }) as const;

export const METRICS = {
  requests: counter('modeldeployment_requests_total', 'Requests answered, by protocol and status code.', {
    labels: ['protocol', 'code'],
  }),
  errors: counter('modeldeployment_request_errors_total', 'Requests that were not answered as asked, by reason.', {
    labels: ['reason'],
  }),
  duration: histogram(
    'modeldeployment_request_duration_seconds',
    'Time from the request line to the last byte handed to the socket.',
    SECONDS,
    { labels: ['protocol'] },
  ),
  inflight: gauge('modeldeployment_requests_inflight', 'Requests being answered now.'),
  queue: histogram(
    'modeldeployment_request_queue_seconds',
    'Time an inference request waited for the engine.',
    SECONDS,
  ),
  rows: histogram('modeldeployment_batch_rows', 'Rows of one run of the model.', ROWS),
  run: histogram('modeldeployment_engine_run_seconds', 'Time the engine took for one run of the model.', SECONDS, {
    labels: ['engine'],
  }),
  refused: counter(
    'modeldeployment_engine_failures_total',
    'Runs that the model refused or that could not be finished.',
    { labels: ['engine'] },
  ),
  nonFinite: counter(
    'modeldeployment_nonfinite_outputs_total',
    'Values among the outputs of all runs that were NaN or an infinity.',
  ),
  tensors: gauge('modeldeployment_engine_tensors', 'Tensors that the engine holds; growing without end is a leak.'),
  tensorBytes: gauge('modeldeployment_engine_tensor_bytes', 'Memory of the tensors that the engine holds.'),
  info: gauge('modeldeployment_model_info', 'Always 1; tells the engine and format of a version.', {
    labels: ['engine', 'format'],
    aggregator: 'max',
  }),
  modelBytes: gauge('modeldeployment_model_bytes', 'Size of the files of a version.', { aggregator: 'max' }),
  load: gauge(
    'modeldeployment_model_load_seconds',
    'Time the slowest worker took to load the model, without the warm-up.',
    { aggregator: 'max' },
  ),
  warmup: gauge(
    'modeldeployment_model_warmup_seconds',
    'Time the slowest worker took to answer the warm-up requests.',
    { aggregator: 'max' },
  ),
  warmupNonFinite: gauge(
    'modeldeployment_warmup_nonfinite_outputs',
    'Values among the answers to requests made up for the warm-up that were NaN or an infinity.',
    { aggregator: 'max' },
  ),
  readySince: gauge(
    'modeldeployment_model_ready_timestamp_seconds',
    'When the oldest worker of a version became ready, in seconds since 1970.',
    { aggregator: 'min' },
  ),
  memory: gauge('modeldeployment_process_resident_memory_bytes', 'Resident memory of the processes of one kind.', {
    labels: ['process'],
  }),
  state: gauge(
    'modeldeployment_model_version_state',
    '1 for the state a version is in, in the words of TensorFlow Serving.',
    {
      labels: ['state'],
    },
  ),
  workersReady: gauge('modeldeployment_workers_ready', 'Workers that have loaded the version and answer requests.'),
  restarts: counter(
    'modeldeployment_worker_restarts_total',
    'Workers that ended without being asked to and were replaced.',
  ),
  lostRequests: counter(
    'modeldeployment_requests_lost_total',
    'Requests that a worker had begun to read and not answered when it ended.',
  ),
  lostConnections: counter(
    'modeldeployment_connections_lost_total',
    'Connections that were open on a worker when it ended, idle ones included.',
  ),

  forwarded: counter(
    'modeldeployment_forwarded_requests_total',
    'Requests of clients whose turn it was to go to the revision on trial, by what became of them there.',
    { labels: ['outcome'] },
  ),
  forwardedDuration: histogram(
    'modeldeployment_forwarded_duration_seconds',
    'Time from a complete request to its answer, when it was forwarded; a fallback included.',
    SECONDS,
  ),
  mirrored: counter(
    'modeldeployment_mirrored_requests_total',
    'Copies of requests for the revision on trial, by how its answers compare.',
    { labels: ['outcome'] },
  ),
  replayed: counter(
    'modeldeployment_replayed_requests_total',
    'Requests that the server itself sent to both revisions because clients sent too few.',
  ),

  kservePreprocess: histogram(
    'request_preprocess_seconds',
    'Time spent on reading tensors from a request.',
    KSERVE_SECONDS,
    {
      set: 'kserve',
    },
  ),
  kservePredict: histogram('request_predict_seconds', 'Time from a decoded request to its outputs.', KSERVE_SECONDS, {
    set: 'kserve',
  }),
  kservePostprocess: histogram(
    'request_postprocess_seconds',
    'Time spent on writing tensors into an answer.',
    KSERVE_SECONDS,
    { set: 'kserve' },
  ),

  success: counter('nv_inference_request_success', 'Inference requests that were answered with outputs.', triton),
  failure: counter('nv_inference_request_failure', 'Inference requests that were answered with an error, by reason.', {
    ...triton,
    labels: ['reason'],
  }),
  inferences: counter(
    'nv_inference_count',
    'Rows of all batches that were run; a model without rows counts one a run.',
    triton,
  ),
  executions: counter('nv_inference_exec_count', 'Runs of the model.', triton),
  pending: gauge('nv_inference_pending_request_count', 'Requests that were read and are not answered.', triton),
  requestTime: counter(
    'nv_inference_request_duration_us',
    'Time of successful requests from arrival to answer, in microseconds.',
    triton,
  ),
  queueTime: counter('nv_inference_queue_duration_us', 'Time requests waited for the engine, in microseconds.', triton),
  inputTime: counter(
    'nv_inference_compute_input_duration_us',
    'Time spent on reading tensors from request bodies, in microseconds.',
    triton,
  ),
  inferTime: counter(
    'nv_inference_compute_infer_duration_us',
    'Time spent on running the model, in microseconds.',
    triton,
  ),
  outputTime: counter(
    'nv_inference_compute_output_duration_us',
    'Time spent on writing tensors into answers, in microseconds.',
    triton,
  ),
  failureTime: counter(
    'modeldeployment_failed_request_duration_us',
    'Time of failed requests from arrival to answer, in microseconds; for the statistics extension.',
    triton,
  ),
  batchRuns: counter(
    'modeldeployment_batch_runs_total',
    'Runs of the model by their rows, above 64 rounded up to a power of two; for the statistics extension.',
    { ...triton, labels: ['rows'] },
  ),
  batchTime: counter(
    'modeldeployment_batch_run_duration_us_total',
    'Time of runs by their rows, in microseconds; for the statistics extension.',
    { ...triton, labels: ['rows'] },
  ),
  lastInference: gauge(
    'modeldeployment_last_inference_seconds',
    'When a request was last answered with outputs, in seconds since 1970; for the statistics extension.',
    { ...triton, aggregator: 'max' },
  ),

  requestCount: counter(':tensorflow:serving:request_count', 'Inference requests, by the status of their answer.', {
    set: 'tensorflow',
    labels: ['status'],
  }),
  requestLatency: histogram(
    ':tensorflow:serving:request_latency',
    'Time of requests from arrival to answer, in microseconds.',
    LATENCY_US,
    latency('API', 'entrypoint'),
  ),
  runtimeLatency: histogram(
    ':tensorflow:serving:runtime_latency',
    'Time of runs of the model, in microseconds.',
    LATENCY_US,
    latency('API', 'runtime'),
  ),
  queuingLatency: histogram(
    ':tensorflow:serving:batching_session:queuing_latency',
    'Time requests waited for the engine, in microseconds.',
    LATENCY_US,
    latency(),
  ),
  processedBatchSize: histogram(
    ':tensorflow:serving:batching_session:processed_batch_size',
    'Rows of one run of the model.',
    POWERS,
    latency(),
  ),
  warmupLatency: histogram(
    ':tensorflow:serving:model_warmup_latency',
    'Time workers took to answer the warm-up requests, in microseconds.',
    LATENCY_US,
    latency('status'),
  ),
} satisfies Record<string, Definition>;

export type MetricKey = keyof typeof METRICS;

import { AggregatorRegistry, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Catalog } from '../model/catalog.ts';
import type { Ledger } from './ledger.ts';

/** A registry's content as it travels between processes. */
export type Metrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export interface Identity {
  model: string;
  version: string;
  revision: string;
}

const PREFIX = 'modeldeployment_';
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What one worker counts. Label values are bounded: a protocol, a status code, and the model's identity. */
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly requests = new Counter({
    name: `${PREFIX}requests_total`,
    help: 'Requests answered, by protocol (v1, v2, other) and HTTP status code.',
    labelNames: ['protocol', 'code'],
    registers: [this.registry],
  });
  readonly duration = new Histogram({
    name: `${PREFIX}request_duration_seconds`,
    help: 'Time from the request line to the last byte handed to the socket.',
    labelNames: ['protocol'],
    buckets: SECONDS,
    registers: [this.registry],
  });
  readonly run = new Histogram({
    name: `${PREFIX}engine_run_seconds`,
    help: 'Time the engine took for one run of the model.',
    labelNames: ['engine'],
    buckets: SECONDS,
    registers: [this.registry],
  });
  readonly failedRuns = new Counter({
    name: `${PREFIX}engine_failures_total`,
    help: 'Runs that the model refused or could not finish.',
    labelNames: ['engine'],
    registers: [this.registry],
  });
  readonly load = new Gauge({
    name: `${PREFIX}model_load_seconds`,
    help: 'Time the slowest worker took to load the model, without the warm-up.',
    aggregator: 'max',
    registers: [this.registry],
  });
  readonly warmup = new Gauge({
    name: `${PREFIX}model_warmup_seconds`,
    help: 'Time the slowest worker took to answer the warm-up requests.',
    aggregator: 'max',
    registers: [this.registry],
  });
  readonly memory = memoryGauge(this.registry, 'worker');

  constructor(
    identity: Identity,
    readonly inflight: Pick<Ledger, 'value' | 'inc' | 'dec'>,
  ) {
    this.registry.setDefaultLabels(identity);
    new Gauge({
      name: `${PREFIX}requests_inflight`,
      help: 'Requests being answered now.',
      registers: [this.registry],
      collect() {
        this.set(inflight.value);
      },
    });
  }
}

/** What the supervisor counts. */
export class SupervisorMetrics {
  readonly registry = new Registry();
  readonly restarts = new Counter({
    name: `${PREFIX}worker_restarts_total`,
    help: 'Workers that ended without being asked to and were replaced.',
    labelNames: ['model', 'version'],
    registers: [this.registry],
  });
  readonly lostRequests = new Counter({
    name: `${PREFIX}requests_lost_total`,
    help: 'Requests that a worker had begun to read and not answered when it ended.',
    labelNames: ['model', 'version'],
    registers: [this.registry],
  });
  readonly lostConnections = new Counter({
    name: `${PREFIX}connections_lost_total`,
    help: 'Connections that were open on a worker when it ended, idle ones included.',
    labelNames: ['model', 'version'],
    registers: [this.registry],
  });
  readonly ready = new Gauge({
    name: `${PREFIX}workers_ready`,
    help: 'Workers that have loaded the model and answer requests.',
    labelNames: ['model', 'version'],
    registers: [this.registry],
  });
  readonly memory = memoryGauge(this.registry, 'supervisor');

  /** Series of versions that are gone end with them. */
  show({ models }: Catalog): void {
    this.ready.reset();
    for (const { name: model, versions } of models)
      for (const { version, doors } of versions) this.ready.set({ model, version }, doors.length);
  }
}

function memoryGauge(registry: Registry, process_: string): Gauge {
  return new Gauge({
    name: `${PREFIX}process_resident_memory_bytes`,
    help: 'Resident memory, of all workers together and of the supervisor.',
    labelNames: ['process'],
    registers: [registry],
    collect() {
      this.set({ process: process_ }, process.memoryUsage.rss());
    },
  });
}

/** One text for Prometheus from the snapshots of several processes. */
export async function exposition(snapshots: Metrics[]): Promise<{ contentType: string; text: string }> {
  const registry = AggregatorRegistry.aggregate(snapshots);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/** What stays of workers that are gone: counters must never fall, gauges must not outlive what they measure. */
export async function retained(snapshots: Metrics[]): Promise<Metrics> {
  const lasting = snapshots.map((metrics) =>
    metrics.filter(({ type }) => ['counter', 'histogram'].includes(String(type))),
  );
  return AggregatorRegistry.aggregate(lasting).getMetricsAsJSON();
}

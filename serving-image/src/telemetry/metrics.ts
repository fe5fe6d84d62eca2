import type { Catalog } from '../model/catalog.ts';
import type { ServedModel } from '../model/types.ts';
import { Forwarding } from './trial-metrics.ts';
import type { InflightFile } from './inflight-file.ts';
import { kept, Meter, type Count, type Distribution, type Labels, type Snapshot } from './meter.ts';
import { REASONS, type Reason } from './reasons.ts';
import { Statistics } from './statistics.ts';

/** The labels that say which version a series is of, in the words of each set. */
function identityOf(model: string, version: string, revision: string) {
  const named = { model_name: model, version };
  return { own: { model, version, revision }, triton: { model, version }, kserve: named, tensorflow: named };
}

/** What is known of a version once it is loaded. */
export interface Loaded {
  model: ServedModel;
  revision: string;
  modelBytes: number;
  loadSeconds: number;
  warmupSeconds: number;
  /** Values among the answers to made-up requests that were NaN or an infinity. */
  nonFinite: number;
  /** Of the engine. */
  memory: () => { tensors: number; bytes: number };
}

/** Series of the requests of one protocol. */
interface Answers {
  duration: Distribution;
  /** By status. */
  counts: Map<number, Count>;
}

/** What one worker counts. */
export class WorkerMetrics {
  readonly statistics: Statistics;
  readonly forwarding: Forwarding;
  readonly #meter: Meter;
  /** By protocol. Kept here, so that a request looks up no series by its labels. */
  readonly #answers = new Map<string, Answers>();

  constructor(
    loaded: Loaded,
    readonly inflight: Pick<InflightFile, 'value' | 'inc' | 'dec'>,
  ) {
    const { model, revision, modelBytes, loadSeconds, warmupSeconds, nonFinite, memory } = loaded;
    const { name, version, engine, format } = model;
    const meter = new Meter(identityOf(name, version, revision));
    this.#meter = meter;
    this.statistics = new Statistics(meter, engine);
    this.forwarding = new Forwarding(meter);
    const ready = Date.now() / 1000;
    // Zero from the start: a counter that appears with its first event hides it from rates.
    for (const reason of Object.keys(REASONS)) meter.counter('errors', reason);
    meter.gauge('inflight', () => inflight.value);
    meter.gauge('pending', () => inflight.value);
    meter.gauge('tensors', () => memory().tensors);
    meter.gauge('tensorBytes', () => memory().bytes);
    meter.gauge('info', () => 1, { engine, format });
    meter.gauge('modelBytes', () => modelBytes);
    meter.gauge('load', () => loadSeconds);
    meter.gauge('warmup', () => warmupSeconds);
    meter.gauge('warmupNonFinite', () => nonFinite);
    meter.gauge('readySince', () => ready);
    meter.gauge('memory', () => process.memoryUsage.rss(), { process: 'worker' });
    meter.histogram('warmupLatency', 'OK').observe(warmupSeconds * 1e6);
  }

  /** A request of any kind was answered. */
  answered(protocol: string, status: number, milliseconds: number, reason?: Reason): void {
    const { duration, counts } = kept(this.#answers, protocol, () => ({
      duration: this.#meter.histogram('duration', protocol),
      counts: new Map<number, Count>(),
    }));
    duration.observe(milliseconds / 1000);
    kept(counts, status, () => this.#meter.counter('requests', protocol, String(status))).value++;
    if (reason !== undefined) this.#meter.counter('errors', reason).value++;
  }

  snapshot(): Snapshot {
    return this.#meter.snapshot();
  }
}

/** What the supervisor counts. */
export class SupervisorMetrics {
  readonly #meters = new Map<string, { labels: Labels; meter: Meter }>();
  #catalog: Catalog = { models: [] };

  constructor(private readonly revision: string) {}

  show(catalog: Catalog): void {
    this.#catalog = catalog;
  }

  restarted(model: string, version: string): void {
    this.#count('restarts', model, version).value++;
  }

  lost(model: string, version: string, requests: number, connections: number): void {
    this.#count('lostRequests', model, version).value += requests;
    this.#count('lostConnections', model, version).value += connections;
  }

  #count(key: 'restarts' | 'lostRequests' | 'lostConnections', model: string, version: string): Count {
    return this.#meterOf(model, version).counter(key);
  }

  #meterOf(model: string, version: string): Meter {
    const key = JSON.stringify([model, version]);
    const known = this.#meters.get(key);
    if (known) return known.meter;
    const meter = new Meter(identityOf(model, version, this.revision));
    for (const counter of ['restarts', 'lostRequests', 'lostConnections'] as const) meter.counter(counter);
    this.#meters.set(key, { labels: { model, version }, meter });
    return meter;
  }

  /** Series of versions that are gone end with them. */
  snapshots(): Snapshot[] {
    const process_ = new Meter({});
    process_.gauge('memory', () => process.memoryUsage.rss(), { process: 'supervisor' });
    const snapshots = [process_.snapshot()];
    for (const { name, versions } of this.#catalog.models) {
      for (const { version, state, sockets } of versions) {
        const meter = this.#meterOf(name, version);
        meter.gauge('state', () => 1, { state });
        meter.gauge('workersReady', () => sockets.length);
        snapshots.push(meter.snapshot());
      }
    }
    return snapshots;
  }
}

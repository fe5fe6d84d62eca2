import type { Socket } from 'node:net';
import { loadAddon } from '../addon.ts';
import type { Config } from '../config.ts';
import { Trial } from '../trial/trial.ts';
import { Admission } from '../handlers/admission.ts';
import { exchangeOf } from '../handlers/inference.ts';
import { Cors } from '../http/cors.ts';
import { createHandler, serve } from '../http/handler.ts';
import { ConnectionLimit } from '../http/connection-limit.ts';
import { Lane } from '../http/fast-path.ts';
import { samples } from '../handlers/replay-samples.ts';
import { createHttpServer } from '../http/server.ts';
import { oneModel, served, type Service } from '../handlers/context.ts';
import { loadModel, type LoadedModel } from '../loading/load.ts';
import { mayBeTried } from '../model/served.ts';
import { versionsIn } from '../loading/repository.ts';
import { Ledger } from '../telemetry/inflight-file.ts';
import type { Logger } from '../telemetry/log.ts';
import { WorkerMetrics } from '../telemetry/metrics.ts';
import { observed } from '../telemetry/instrumented-predictor.ts';
import { useNativeNumbers, type NativeNumbers } from '../protocol/json/numbers.ts';
import { SERVER_NAME } from '../protocol/v2/metadata.ts';
import type { Trace } from '../telemetry/trace.ts';
import { batched, Channel, tell } from './supervisor-channel.ts';
import { Connections } from '../http/connections.ts';
import { Door } from './peer-server.ts';
import { Front } from './version-router.ts';
import { Hop } from './peer-proxy.ts';
import { handshakes } from '../security/tls.ts';
import type { Tokens } from '../security/tokens.ts';
import { reasonOf } from '../telemetry/reasons.ts';
import { ALIVE_MS, type ToWorker, type Transport } from '../ipc/messages.ts';
import { Sessions } from '../grpc/connections.ts';
import type { Snapshot } from '../ipc/snapshot.ts';

export interface WorkerSettings {
  config: Config & { name: string; version: string };
  log: Logger;
  serverVersion: string;
  /** Path of the socket for requests from other workers; absent where there is one version only. */
  door: string | undefined;
}

/** Node takes small buffers from places of this size: bodies of a few KB are then memory of their own no more. */
const POOL_BYTES = 64 * 1024;

interface Security {
  tls: ReturnType<typeof handshakes> | undefined;
  tokens: Tokens | undefined;
}

/** Loads the model, says so, and answers the connections it is handed until it is told to stop. */
export async function work(settings: WorkerSettings): Promise<void> {
  // The supervisor decides: a signal to the whole process group must not end requests early.
  process.on('SIGTERM', () => undefined);
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(1));
  const { config, serverVersion: version, log } = settings;
  Buffer.poolSize = POOL_BYTES;
  try {
    useNativeNumbers(loadAddon('numbers') as Partial<NativeNumbers> | undefined);
  } catch (err) {
    log.warn({ err }, 'numbers are read without their addon, which cannot be loaded');
  }
  const trying = () => new Promise<void>((then) => tell({ type: 'trying' }, { then }));
  const loaded = await loadModel(config, {
    known: config.engineChoice,
    trying: config.triesNothing ? undefined : trying,
  });
  // A large library, of no use to those who trace nothing.
  const trace =
    config.traceRatio === undefined
      ? undefined
      : (await import('../telemetry/otlp.ts')).startTrace({ service: SERVER_NAME, version, ratio: config.traceRatio });
  const tls = config.tls && handshakes(config.tls, log);
  const tokens = config.tokens && new (await import('../security/tokens.ts')).Tokens(config.tokens, log);
  const worker = new Worker({ ...settings, tls, tokens }, loaded, trace);
  await worker.start();
}

class Worker {
  readonly #ledger = Ledger.open();
  readonly #metrics: WorkerMetrics;
  readonly #front: Front;
  readonly #admission: Admission;
  readonly #hop: Hop;
  readonly #connections: Connections;
  readonly #sessions: Sessions;
  readonly #channel = new Channel();
  readonly #handler: ReturnType<typeof createHandler>;
  readonly #trial: Trial;
  #door: Door | undefined;
  #draining = false;

  constructor(
    private readonly settings: WorkerSettings & Security,
    private readonly loaded: LoadedModel,
    private readonly trace: Trace | undefined,
  ) {
    const { config, log, serverVersion, tls, tokens } = settings;
    const { model, predictor, notes } = loaded;
    for (const note of notes) log.warn({ note }, 'warm-up');
    this.#metrics = new WorkerMetrics(
      {
        ...loaded,
        revision: config.revision,
        nonFinite: loaded.nonFinite.reduce((sum, { values }) => sum + values, 0),
        memory: () => predictor.memory?.() ?? { tensors: 0, bytes: 0 },
      },
      this.#ledger,
    );
    const { statistics } = this.#metrics;
    const counted = observed(predictor, statistics, this.#ledger);
    const own = served(loaded, counted, statistics, { limits: config.limits, log });
    const models = oneModel(own);
    this.#trial = new Trial({
      version: model.version,
      workers: config.workers ?? config.cores,
      // A replay of a request with effects would do twice what its client wanted once.
      keep: config.revision !== '' && [...model.signatures.keys()].every((name) => mayBeTried(loaded.judged, name)),
      samples: () => samples(loaded, (question) => exchangeOf(service, own, question).copy()).catch(unread(log)),
      metrics: this.#metrics.forwarding,
    });
    const { explicit } = config;
    const admission = (this.#admission = new Admission(config.limits));
    const service: Service = {
      admission,
      models: { ...models, index: () => this.#front.index() ?? models.index() },
      serverVersion,
      needsToken: tokens !== undefined,
      metrics: this.#metrics,
      log,
      draining: () => this.#draining,
      exposition: (page) => this.#channel.exposition(page),
      trial: this.#trial,
      revision: config.revision,
      ...(trace && { trace }),
      ...(explicit && { orders: this.#channel.orders(() => versionsIn(config.repository, explicit.only)) }),
    };
    this.#handler = createHandler(service);
    const server = createHttpServer(config.limits, admission);
    const events = (transport: Transport) => ({
      taken: (connection: number, then: () => void) => tell({ type: 'taken', connection }, { then }),
      closed: batched((count) => tell({ type: 'closed', transport, count })),
    });
    const cors = config.corsOrigins && new Cors(config.corsOrigins);
    const lane = new Lane({
      server,
      cors,
      limits: config.limits,
      admission,
      here: (url) => this.#front.here(url),
      serve: (ask, send) => serve(service, ask, send),
      closing: service.draining,
    });
    const limit = new ConnectionLimit(config.limits.connections);
    this.#connections = new Connections(
      server,
      {
        ...events('http'),
        returned: (socket, then) => tell({ type: 'returned' }, { socket, then }),
      },
      limit,
      tls?.http,
      tls || tokens ? undefined : lane,
    );
    this.#hop = new Hop(
      admission,
      () => this.#draining,
      () => this.#trial.heeded,
    );
    this.#front = new Front({
      admission,
      own: model,
      handler: this.#handler,
      serve: (ask, send) => serve(service, ask, send),
      hop: this.#hop,
      ...{ tokens, cors },
      refused: (protocol, error) => this.#metrics.answered(protocol, error.status, 0, reasonOf(error)),
      draining: () => this.#draining,
      passing: (request, response) => {
        this.#connections.stray(request.socket);
        this.#ledger.inc();
        response.once('close', () => this.#ledger.dec());
      },
    });
    server.on('request', this.#front.handle);
    const { respond, authorize } = this.#front;
    const { draining } = service;
    // 60 ms and 10 MiB, of no use to those who speak only HTTP/1.
    const openGrpc = async () => {
      const { GrpcServer } = await import('../grpc/server.ts');
      return new GrpcServer({ respond, authorize, admission, draining, log });
    };
    this.#sessions = new Sessions(openGrpc, events('grpc'), limit, tls?.grpc);
  }

  async start(): Promise<void> {
    process.on('message', (message: ToWorker, socket?: Socket) => this.#onMessage(message, socket));
    const { door } = this.settings;
    if (door !== undefined) this.#door = await Door.open(door, this.#handler, this.#admission);
    this.#alive();
    setInterval(() => this.#alive(), ALIVE_MS);
    const { model, loadSeconds, warmupSeconds } = this.loaded;
    const { name, version, engine, engineReason: reason } = model;
    tell({ type: 'ready', model: name, version, engine, reason, loadSeconds, warmupSeconds });
  }

  #onMessage(message: ToWorker, socket: Socket | undefined): void {
    switch (message.type) {
      case 'connection':
        if (message.transport === 'grpc') this.#sessions.take(message.connection, socket);
        else this.#connections.take(message.connection, socket, message.head);
        return;
      case 'catalog':
        this.#front.update(message.catalog);
        return;
      case 'drain':
        this.#drain();
        return;
      case 'giveBack':
        if (message.transport === 'grpc') this.#sessions.renew(message.count);
        else this.#connections.giveBack(message.count);
        return;
      case 'leave':
        void this.#end(this.#connections.leave());
        return;
      case 'stop':
        this.#drain();
        void this.#end(this.#connections.stop());
        return;
      case 'traffic':
        this.#trial.set(message.traffic);
        return;
      case 'snapshot':
        tell({ type: 'snapshot', ask: message.ask, snapshot: this.#snapshot() });
        return;
      case 'exposition':
      case 'ordered':
        this.#channel.replied(message);
    }
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    void this.#sessions.drain();
  }

  /** Own connections first: a worker that waits for us may be waiting for the answer of one of them. */
  async #end(connections: Promise<void>): Promise<void> {
    await Promise.all([connections, this.#sessions.stop()]);
    this.#hop.keep(new Set());
    await this.#door?.leave();
    await this.trace?.close();
    process.exit(0);
  }

  #snapshot(): Snapshot {
    const { nonFinite } = this.loaded;
    return { metrics: this.#metrics.snapshot(), trial: this.#trial.counts, nonFinite };
  }

  #alive(): void {
    tell({ type: 'alive', snapshot: this.#snapshot() });
  }
}

const unread =
  (log: Logger) =>
  (error: unknown): [] => {
    log.warn({ err: error }, 'cannot read the golden and warm-up requests to replay them');
    return [];
  };

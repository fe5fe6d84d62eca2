import type { Socket } from 'node:net';
import { loadAddon } from '../addon.ts';
import type { Config } from '../config.ts';
import { Trial } from '../trial/trial.ts';
import { Admission } from '../handlers/admission.ts';
import { forwardableOf } from '../handlers/inference.ts';
import { Cors } from '../http/cors.ts';
import { createHandler, serve } from '../http/handler.ts';
import { inTurn } from '../http/in-turn.ts';
import { ConnectionLimit } from '../http/connection-limit.ts';
import { FastPath } from '../http/fast-path.ts';
import { samples } from '../handlers/replay-samples.ts';
import { createHttpServer } from '../http/server.ts';
import { oneModel, served, type ServerContext } from '../handlers/context.ts';
import { loadModel, type LoadedModel } from '../loading/load.ts';
import { mayBeTried } from '../model/served.ts';
import { versionsIn } from '../loading/repository.ts';
import { InflightFile } from '../telemetry/inflight-file.ts';
import type { Logger } from '../telemetry/log.ts';
import { WorkerMetrics } from '../telemetry/metrics.ts';
import { observed } from '../telemetry/instrumented-predictor.ts';
import { useNativeNumbers, type NativeNumbers } from '../protocol/json/numbers.ts';
import { SERVER_NAME } from '../protocol/v2/metadata.ts';
import type { Trace } from '../telemetry/trace.ts';
import { batched, Channel, send } from './supervisor-channel.ts';
import { Connections } from '../http/connections.ts';
import { PeerServer } from './peer-server.ts';
import { VersionRouter } from './version-router.ts';
import { PeerProxy } from './peer-proxy.ts';
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
  socket: string | undefined;
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
  const trying = () => new Promise<void>((then) => send({ type: 'trying' }, { then }));
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
  readonly #inflight = InflightFile.open();
  readonly #metrics: WorkerMetrics;
  readonly #router: VersionRouter;
  readonly #admission: Admission;
  readonly #proxy: PeerProxy;
  readonly #connections: Connections;
  readonly #sessions: Sessions;
  readonly #channel = new Channel();
  readonly #handler: ReturnType<typeof createHandler>;
  readonly #trial: Trial;
  #peerServer: PeerServer | undefined;
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
      this.#inflight,
    );
    const { statistics } = this.#metrics;
    const counted = observed(predictor, statistics, this.#inflight);
    const own = served(loaded, counted, statistics, { limits: config.limits, log });
    const models = oneModel(own);
    this.#trial = new Trial({
      version: model.version,
      workers: config.workers ?? config.cores,
      // A replay of a request with effects would do twice what its client wanted once.
      keep: config.revision !== '' && [...model.signatures.keys()].every((name) => mayBeTried(loaded.judged, name)),
      samples: () => samples(loaded, (question) => forwardableOf(service, own, question).copy()).catch(unread(log)),
      metrics: this.#metrics.forwarding,
    });
    const { explicit } = config;
    const admission = (this.#admission = new Admission(config.limits));
    const service: ServerContext = {
      admission,
      models: { ...models, index: () => this.#router.index() ?? models.index() },
      serverVersion,
      needsToken: tokens !== undefined,
      metrics: this.#metrics,
      log,
      draining: () => this.#draining,
      exposition: (page) => this.#channel.exposition(page),
      trial: this.#trial,
      revision: config.revision,
      ...(trace && { trace }),
      ...(explicit && { modelControl: this.#channel.modelControl(() => versionsIn(config.repository, explicit.only)) }),
    };
    this.#handler = createHandler(service);
    const server = createHttpServer(config.limits, admission);
    const events = (transport: Transport) => ({
      taken: (connection: number, then: () => void) => send({ type: 'taken', connection }, { then }),
      closed: batched((count) => send({ type: 'closed', transport, count })),
    });
    const cors = config.corsOrigins && new Cors(config.corsOrigins);
    const fastPath = new FastPath({
      server,
      cors,
      limits: config.limits,
      admission,
      here: (url) => this.#router.here(url),
      serve: (request, send) => serve(service, request, send),
      closing: service.draining,
    });
    const limit = new ConnectionLimit(config.limits.connections);
    this.#connections = new Connections(
      server,
      {
        ...events('http'),
        returned: (socket, then) => send({ type: 'returned' }, { socket, then }),
      },
      limit,
      tls?.http,
      tls || tokens ? undefined : fastPath,
    );
    this.#proxy = new PeerProxy(
      admission,
      () => this.#draining,
      () => this.#trial.heeded,
    );
    this.#router = new VersionRouter({
      admission,
      own: model,
      handler: this.#handler,
      serve: (request, send) => serve(service, request, send),
      proxy: this.#proxy,
      ...{ tokens, cors },
      refused: (protocol, error) => this.#metrics.answered(protocol, error.status, 0, reasonOf(error)),
      draining: () => this.#draining,
      passing: (request, response) => {
        this.#connections.stray(request.socket);
        this.#inflight.inc();
        response.once('close', () => this.#inflight.dec());
      },
    });
    server.on('request', inTurn(this.#router.handle));
    const { respond, authorize } = this.#router;
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
    const { socket } = this.settings;
    if (socket !== undefined) this.#peerServer = await PeerServer.open(socket, this.#handler, this.#admission);
    this.#alive();
    setInterval(() => this.#alive(), ALIVE_MS);
    const { model, loadSeconds, warmupSeconds } = this.loaded;
    const { name, version, engine, engineReason: reason } = model;
    send({ type: 'ready', model: name, version, engine, reason, loadSeconds, warmupSeconds });
  }

  #onMessage(message: ToWorker, socket: Socket | undefined): void {
    switch (message.type) {
      case 'connection':
        if (message.transport === 'grpc') this.#sessions.take(message.connection, socket);
        else this.#connections.take(message.connection, socket, message.head);
        return;
      case 'catalog':
        this.#router.update(message.catalog);
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
        send({ type: 'snapshot', requestId: message.requestId, snapshot: this.#snapshot() });
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
    this.#proxy.keep(new Set());
    await this.#peerServer?.leave();
    await this.trace?.close();
    process.exit(0);
  }

  #snapshot(): Snapshot {
    const { nonFinite } = this.loaded;
    return { metrics: this.#metrics.snapshot(), trial: this.#trial.counts, nonFinite };
  }

  #alive(): void {
    send({ type: 'alive', snapshot: this.#snapshot() });
  }
}

const unread =
  (log: Logger) =>
  (error: unknown): [] => {
    log.warn({ err: error }, 'cannot read the golden and warm-up requests to replay them');
    return [];
  };

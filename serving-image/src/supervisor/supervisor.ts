import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { TrialCoordinator } from './trial-coordinator.ts';
import { closing, type Catalog } from '../model/catalog.ts';
import { notFound } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { MetricsAggregator } from './metrics-aggregator.ts';
import { answerOf, createAdmin, type State } from './admin-server.ts';
import type { ModelVersion } from '../versions/version-state.ts';
import { WorkerProcesses, type WorkerExit } from './worker-processes.ts';
import { VersionManager, type VersionAction, type VersionEvent } from '../versions/version-manager.ts';
import { fail } from './termination-message.ts';
import type { ToSupervisor, Transport } from '../ipc/messages.ts';
import { listen, portOf } from './listen.ts';
import { ConnectionRouter } from './connection-router.ts';
import { tempFolder } from './temp-folder.ts';
import { warmupReport } from '../ipc/snapshot.ts';
import { Cors } from '../http/cors.ts';
import { readLater } from '../security/gate.ts';
import { handshakes } from '../security/tls.ts';
import { createFallbackServers, type FallbackServers } from './fallback-server.ts';
import { refusalOf } from '../versions/explicit-control.ts';
import { modelSourceOf, type ModelSource } from '../versions/model-source.ts';
import { Admission } from '../handlers/admission.ts';

const TICK_MS = 500;

/** What workers run. */
export interface Program {
  /** Path of the entry point. */
  program: string;
  version: string;
}

/**
 * Keeps the workers running and hands them the connections. It loads no model and runs no request, so that it is
 * always there to answer probes and to replace a worker that TensorFlow has aborted.
 */
export class Supervisor {
  readonly #versions: VersionManager;
  readonly #workers: WorkerProcesses;
  readonly #router: ConnectionRouter;
  readonly #metrics: MetricsAggregator;
  readonly #public: Readonly<Record<Transport, Server>>;
  readonly #admin;
  readonly #source: ModelSource;
  readonly #fallback: FallbackServers;
  /** Folder of the sockets at which workers answer each other; absent where there is one version only. */
  readonly #sockets: string | undefined;
  readonly #trialCoordinator: TrialCoordinator;
  #catalog: Catalog;
  #draining = false;
  #stopping = false;
  #hurry = new AbortController();
  #finish: (exitCode: number) => void = () => undefined;

  constructor(
    private readonly config: Config,
    private readonly log: Logger,
    { program, version: serverVersion }: Program,
  ) {
    const { version, workers, cores, spareWorkers: spares, loadSeconds, hangSeconds, httpPort } = config;
    const fixed = version !== undefined;
    this.#versions = new VersionManager({
      ...{ workers, cores, spares, fixed, repository: resolve(config.repository) },
      explicit: config.explicit !== undefined,
      loadMs: loadSeconds * 1000,
      hangMs: hangSeconds * 1000,
    });
    const temp = tempFolder();
    this.#sockets = fixed ? undefined : mkdtempSync(join(temp, 'doors-'));
    this.#workers = new WorkerProcesses(
      program,
      { temp, sockets: this.#sockets },
      {
        message: (id, message) => this.#onMessage(id, message),
        exited: (id, exit) => this.#onExit(id, exit),
        returned: (pending) => this.#router.receive(pending),
      },
    );
    this.#metrics = new MetricsAggregator(
      config.revision,
      async () => (await this.#workers.snapshots()).map(({ metrics }) => metrics),
      () => this.#catalog,
    );
    this.#catalog = this.#versions.catalog(this.#workers.socket);
    this.#trialCoordinator = new TrialCoordinator({
      revision: Number(config.revision),
      folder: config.podInfo,
      log,
      send: (traffic) => this.#workers.broadcast({ type: 'traffic', ...(traffic && { traffic }) }),
    });
    const state: State = {
      catalog: () => (this.#draining ? closing(this.#catalog) : this.#catalog),
      exposition: (page) => this.#metrics.exposition(page),
      trial: async () => this.#trialCoordinator.report((await this.#workers.snapshots()).map(({ trial }) => trial)),
      warmup: async () => warmupReport(await this.#workers.snapshots()),
    };
    const elsewhere = notFound(`not found: this port has health and metrics; the model is on port ${httpPort}`);
    const admission = new Admission(config.limits);
    this.#admin = createAdmin(answerOf(state, elsewhere), admission);
    this.#source = modelSourceOf(config, log, {
      want: (models, again) => this.#do(this.#versions.want(models, performance.now(), again)),
      outcome: (model) => this.#versions.outcome(model),
      // Messages arrive in their order: who answers this one has seen those before.
      known: () => this.#workers.snapshots(),
    });
    const { modelControl } = this.#source;
    const tls = config.tls && handshakes(config.tls, log);
    const cors = config.corsOrigins && new Cors(config.corsOrigins);
    const draining = () => this.#draining;
    this.#fallback = createFallbackServers(
      state,
      { admission, tls, tokens: readLater(config.tokens, log), cors },
      modelControl && {
        mostConnections: config.limits.connections,
        log,
        serverVersion,
        modelControl,
        draining,
      },
    );
    this.#router = new ConnectionRouter(
      this.#versions,
      this.#workers,
      () => this.#catalog,
      this.#fallback.receive,
      tls !== undefined,
    );
    const accept = (transport: Transport): Server =>
      createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) =>
        this.#router.receive({ transport, socket }),
      );
    this.#public = { http: accept('http'), grpc: accept('grpc') };
  }

  /** Serves until it is told to stop or has to give up. @returns the exit code @throws FatalError */
  async run(): Promise<number> {
    const finished = new Promise<number>((resolve) => (this.#finish = resolve));
    const { host, httpPort, grpcPort, adminPort } = this.config;
    const { http, grpc } = this.#public;
    await listen(this.#admin, adminPort, host);
    await listen(http, httpPort, host);
    await listen(grpc, grpcPort, host);
    this.log.info({ http: portOf(http), grpc: portOf(grpc), admin: portOf(this.#admin) }, 'listening');
    // A trial is between two versions of one model.
    if (this.config.version !== undefined) this.#trialCoordinator.start();
    const tick = setInterval(() => this.#onTick(), TICK_MS);
    try {
      return await Promise.race([finished, this.#source.start().then(() => finished)]);
    } finally {
      clearInterval(tick);
      this.#source.stop();
      this.#trialCoordinator.stop();
      this.#workers.killAll();
      if (this.#sockets !== undefined) rmSync(this.#sockets, { recursive: true, force: true });
    }
  }

  /** First call drains, the second skips the wait, a third kills. */
  stop(): void {
    if (!this.#draining) void this.#drain();
    else if (!this.#hurry.signal.aborted) this.#hurry.abort();
    else this.#workers.killAll();
  }

  async #drain(): Promise<void> {
    const served = this.#versions.serving().length > 0;
    this.#draining = true;
    this.#source.stop();
    this.log.info({ seconds: served ? this.config.drainSeconds : 0 }, 'draining');
    this.#workers.broadcast({ type: 'drain' });
    if (served)
      await sleep(this.config.drainSeconds * 1000, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
    this.#stopping = true;
    for (const server of Object.values(this.#public)) server.close();
    const loaded = this.#versions.loaded();
    for (const id of loaded) this.#workers.send(id, { type: 'stop' });
    this.#workers.killAllBut(loaded);
    if (this.#workers.size === 0) this.#finish(0);
  }

  #onTick(): void {
    this.#send({ type: 'tick' });
    if (this.#draining) return;
    for (const { workers } of this.#versions.serving()) this.#workers.balance(workers);
  }

  #send(event: VersionEvent): void {
    this.#do(this.#versions.on(event, performance.now()));
  }

  #do(actions: VersionAction[]): void {
    this.#publish();
    for (const action of actions) this.#carryOut(action);
    this.#source.settle();
  }

  #carryOut(action: VersionAction): void {
    if (this.#stopping && action.do !== 'kill') return;
    switch (action.do) {
      case 'spawn':
        if (action.afterMs === 0) this.#spawn(action.unit);
        else setTimeout(() => this.#spawn(action.unit), action.afterMs);
        return;
      case 'kill':
        this.log.error({ worker: action.id, because: action.because }, 'killing a worker');
        this.#workers.kill(action.id);
        return;
      case 'relieve':
        this.#workers.send(action.id, { type: 'leave' });
        return;
      case 'tell': {
        const { unit, what, report } = action;
        const fields = { model: unit.name, version: unit.version, ...report };
        this.log[what === 'failed' ? 'error' : 'info'](fields, `version ${what}`);
        return;
      }
      case 'giveUp':
        fail(action.report, this.config.terminationLog, this.log);
        this.#finish(1);
    }
  }

  #spawn(unit: ModelVersion): void {
    if (this.#stopping || !this.#versions.accepts(unit)) return;
    const id = this.#workers.spawn(unit);
    this.#do(this.#versions.spawned(unit, id, performance.now()));
  }

  /** Tells all workers what is served, when that has changed. */
  #publish(): void {
    const catalog = this.#versions.catalog(this.#workers.socket);
    if (JSON.stringify(catalog) === JSON.stringify(this.#catalog)) return;
    this.#catalog = catalog;
    this.#workers.broadcast({ type: 'catalog', catalog });
    this.#metrics.show(catalog);
    if (this.#versions.serving().length > 0) this.#fallback.leave();
  }

  #onMessage(id: number, message: ToSupervisor): void {
    switch (message.type) {
      case 'ready': {
        const { model, version, engine, reason, loadSeconds, warmupSeconds } = message;
        this.log.info({ worker: id, model, version, engine, reason, loadSeconds, warmupSeconds }, 'worker ready');
        const { traffic } = this.#trialCoordinator;
        if (traffic) this.#workers.send(id, { type: 'traffic', traffic });
        this.#send({ type: 'ready', id });
        this.#workers.send(id, { type: 'catalog', catalog: this.#catalog });
        if (this.#draining) this.#workers.send(id, { type: 'drain' });
        return;
      }
      case 'trying':
        this.log.debug({ worker: id }, 'trying requests made up for the model');
        this.#send({ type: 'trying', id });
        return;
      case 'failed':
        this.#send({ type: 'failed', id, report: message.report });
        return;
      case 'order':
        void refusalOf(this.#source.modelControl, message).then((refused) =>
          this.#workers.send(id, { type: 'ordered', requestId: message.requestId, ...(refused && { refused }) }),
        );
        return;
      case 'exposition':
        void this.#metrics
          .exposition(message.page)
          .then((content) => this.#workers.send(id, { type: 'exposition', requestId: message.requestId, ...content }));
        return;
      case 'alive':
      case 'snapshot':
      case 'taken':
      case 'returned':
      case 'closed':
        // Changes nothing that anybody would have to be told.
        this.#versions.on({ type: 'alive', id }, performance.now());
    }
  }

  #onExit(id: number, exit: WorkerExit): void {
    const { cause, snapshot, lostRequests, lostConnections } = exit;
    const { name = '', version = '' } = this.#versions.unitOf(id) ?? {};
    const serving = !this.#stopping && this.#versions.serving().some(({ workers }) => workers.includes(id));
    if (snapshot) this.#trialCoordinator.retire(snapshot.trial, lostRequests);
    if (!this.#stopping) {
      const fields = { worker: id, model: name, version, cause, lostRequests, lostConnections };
      this.log[serving ? 'error' : 'info'](fields, 'worker ended');
    }
    this.#metrics.departed({ name, version }, exit, serving);
    this.#send({ type: 'exited', id, cause });
    if (this.#stopping && this.#workers.size === 0) this.#finish(0);
  }
}

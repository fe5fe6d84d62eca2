import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { Desk } from './trial-coordinator.ts';
import { closing, type Catalog } from '../model/catalog.ts';
import { notFound } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { Accounts } from './metrics-aggregator.ts';
import { answerOf, createAdmin, type State } from './admin-server.ts';
import type { Unit } from '../versions/version-state.ts';
import { Crew, type Departure } from './worker-processes.ts';
import { Fleet, type FleetAction, type FleetEvent } from '../versions/version-manager.ts';
import { giveUp } from './termination-message.ts';
import type { ToSupervisor, Transport } from '../ipc/messages.ts';
import { listen, portOf } from './listen.ts';
import { Reception } from './connection-router.ts';
import { scratchFolder } from './temp-folder.ts';
import { warmupReport } from '../ipc/snapshot.ts';
import { Cors } from '../http/cors.ts';
import { readLater } from '../security/gate.ts';
import { handshakes } from '../security/tls.ts';
import { createStandIns, type StandIns } from './fallback-server.ts';
import { refusalOf } from '../versions/explicit-control.ts';
import { wishesOf, type Wishes } from '../versions/model-source.ts';
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
  readonly #fleet: Fleet;
  readonly #crew: Crew;
  readonly #reception: Reception;
  readonly #accounts: Accounts;
  readonly #public: Readonly<Record<Transport, Server>>;
  readonly #admin;
  readonly #wishes: Wishes;
  readonly #standIns: StandIns;
  /** Folder of the sockets at which workers answer each other; absent where there is one version only. */
  readonly #doors: string | undefined;
  readonly #desk: Desk;
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
    this.#fleet = new Fleet({
      ...{ workers, cores, spares, fixed, repository: resolve(config.repository) },
      explicit: config.explicit !== undefined,
      loadMs: loadSeconds * 1000,
      hangMs: hangSeconds * 1000,
    });
    const scratch = scratchFolder();
    this.#doors = fixed ? undefined : mkdtempSync(join(scratch, 'doors-'));
    this.#crew = new Crew(
      program,
      { scratch, doors: this.#doors },
      {
        message: (id, message) => this.#onMessage(id, message),
        exited: (id, departure) => this.#onExit(id, departure),
        returned: (arrival) => this.#reception.receive(arrival),
      },
    );
    this.#accounts = new Accounts(
      config.revision,
      async () => (await this.#crew.snapshots()).map(({ metrics }) => metrics),
      () => this.#catalog,
    );
    this.#catalog = this.#fleet.catalog(this.#crew.door);
    this.#desk = new Desk({
      revision: Number(config.revision),
      folder: config.podInfo,
      log,
      tell: (traffic) => this.#crew.broadcast({ type: 'traffic', ...(traffic && { traffic }) }),
    });
    const state: State = {
      catalog: () => (this.#draining ? closing(this.#catalog) : this.#catalog),
      exposition: (page) => this.#accounts.exposition(page),
      trial: async () => this.#desk.report((await this.#crew.snapshots()).map(({ trial }) => trial)),
      warmup: async () => warmupReport(await this.#crew.snapshots()),
    };
    const elsewhere = notFound(`not found: this port has health and metrics; the model is on port ${httpPort}`);
    const admission = new Admission(config.limits);
    this.#admin = createAdmin(answerOf(state, elsewhere), admission);
    this.#wishes = wishesOf(config, log, {
      want: (models, again) => this.#do(this.#fleet.want(models, performance.now(), again)),
      outcome: (model) => this.#fleet.outcome(model),
      // Messages arrive in their order: who answers this one has seen those before.
      known: () => this.#crew.snapshots(),
    });
    const { orders } = this.#wishes;
    const tls = config.tls && handshakes(config.tls, log);
    const cors = config.corsOrigins && new Cors(config.corsOrigins);
    const draining = () => this.#draining;
    this.#standIns = createStandIns(
      state,
      { admission, tls, tokens: readLater(config.tokens, log), cors },
      orders && { mostConnections: config.limits.connections, log, serverVersion, orders, draining },
    );
    this.#reception = new Reception(
      this.#fleet,
      this.#crew,
      () => this.#catalog,
      this.#standIns.receive,
      tls !== undefined,
    );
    const accept = (transport: Transport): Server =>
      createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) =>
        this.#reception.receive({ transport, socket }),
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
    if (this.config.version !== undefined) this.#desk.start();
    const tick = setInterval(() => this.#onTick(), TICK_MS);
    try {
      return await Promise.race([finished, this.#wishes.start().then(() => finished)]);
    } finally {
      clearInterval(tick);
      this.#wishes.stop();
      this.#desk.stop();
      this.#crew.killAll();
      if (this.#doors !== undefined) rmSync(this.#doors, { recursive: true, force: true });
    }
  }

  /** First call drains, the second skips the wait, a third kills. */
  stop(): void {
    if (!this.#draining) void this.#drain();
    else if (!this.#hurry.signal.aborted) this.#hurry.abort();
    else this.#crew.killAll();
  }

  async #drain(): Promise<void> {
    const served = this.#fleet.serving().length > 0;
    this.#draining = true;
    this.#wishes.stop();
    this.log.info({ seconds: served ? this.config.drainSeconds : 0 }, 'draining');
    this.#crew.broadcast({ type: 'drain' });
    if (served)
      await sleep(this.config.drainSeconds * 1000, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
    this.#stopping = true;
    for (const server of Object.values(this.#public)) server.close();
    const loaded = this.#fleet.loaded();
    for (const id of loaded) this.#crew.send(id, { type: 'stop' });
    this.#crew.killAllBut(loaded);
    if (this.#crew.size === 0) this.#finish(0);
  }

  #onTick(): void {
    this.#tell({ type: 'tick' });
    if (this.#draining) return;
    for (const { workers } of this.#fleet.serving()) this.#crew.balance(workers);
  }

  #tell(event: FleetEvent): void {
    this.#do(this.#fleet.on(event, performance.now()));
  }

  #do(actions: FleetAction[]): void {
    this.#publish();
    for (const action of actions) this.#carryOut(action);
    this.#wishes.settle();
  }

  #carryOut(action: FleetAction): void {
    if (this.#stopping && action.do !== 'kill') return;
    switch (action.do) {
      case 'spawn':
        if (action.afterMs === 0) this.#spawn(action.unit);
        else setTimeout(() => this.#spawn(action.unit), action.afterMs);
        return;
      case 'kill':
        this.log.error({ worker: action.id, because: action.because }, 'killing a worker');
        this.#crew.kill(action.id);
        return;
      case 'relieve':
        this.#crew.send(action.id, { type: 'leave' });
        return;
      case 'tell': {
        const { unit, what, report } = action;
        const fields = { model: unit.name, version: unit.version, ...report };
        this.log[what === 'failed' ? 'error' : 'info'](fields, `version ${what}`);
        return;
      }
      case 'giveUp':
        giveUp(action.report, this.config.terminationLog, this.log);
        this.#finish(1);
    }
  }

  #spawn(unit: Unit): void {
    if (this.#stopping || !this.#fleet.accepts(unit)) return;
    const id = this.#crew.spawn(unit);
    this.#do(this.#fleet.spawned(unit, id, performance.now()));
  }

  /** Tells all workers what is served, when that has changed. */
  #publish(): void {
    const catalog = this.#fleet.catalog(this.#crew.door);
    if (JSON.stringify(catalog) === JSON.stringify(this.#catalog)) return;
    this.#catalog = catalog;
    this.#crew.broadcast({ type: 'catalog', catalog });
    this.#accounts.show(catalog);
    if (this.#fleet.serving().length > 0) this.#standIns.leave();
  }

  #onMessage(id: number, message: ToSupervisor): void {
    switch (message.type) {
      case 'ready': {
        const { model, version, engine, reason, loadSeconds, warmupSeconds } = message;
        this.log.info({ worker: id, model, version, engine, reason, loadSeconds, warmupSeconds }, 'worker ready');
        const { traffic } = this.#desk;
        if (traffic) this.#crew.send(id, { type: 'traffic', traffic });
        this.#tell({ type: 'ready', id });
        this.#crew.send(id, { type: 'catalog', catalog: this.#catalog });
        if (this.#draining) this.#crew.send(id, { type: 'drain' });
        return;
      }
      case 'trying':
        this.log.debug({ worker: id }, 'trying requests made up for the model');
        this.#tell({ type: 'trying', id });
        return;
      case 'failed':
        this.#tell({ type: 'failed', id, report: message.report });
        return;
      case 'order':
        void refusalOf(this.#wishes.orders, message).then((refused) =>
          this.#crew.send(id, { type: 'ordered', ask: message.ask, ...(refused && { refused }) }),
        );
        return;
      case 'exposition':
        void this.#accounts
          .exposition(message.page)
          .then((content) => this.#crew.send(id, { type: 'exposition', ask: message.ask, ...content }));
        return;
      case 'alive':
      case 'snapshot':
      case 'taken':
      case 'returned':
      case 'closed':
        // Changes nothing that anybody would have to be told.
        this.#fleet.on({ type: 'alive', id }, performance.now());
    }
  }

  #onExit(id: number, departure: Departure): void {
    const { cause, snapshot, lostRequests, lostConnections } = departure;
    const { name = '', version = '' } = this.#fleet.unitOf(id) ?? {};
    const serving = !this.#stopping && this.#fleet.serving().some(({ workers }) => workers.includes(id));
    if (snapshot) this.#desk.retire(snapshot.trial, lostRequests);
    if (!this.#stopping) {
      const fields = { worker: id, model: name, version, cause, lostRequests, lostConnections };
      this.log[serving ? 'error' : 'info'](fields, 'worker ended');
    }
    this.#accounts.departed({ name, version }, departure, serving);
    this.#tell({ type: 'exited', id, cause });
    if (this.#stopping && this.#crew.size === 0) this.#finish(0);
  }
}

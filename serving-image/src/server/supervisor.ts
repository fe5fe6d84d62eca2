import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATH, type FailureReport } from '@modeldeployment/modelpack/contract';
import type { Config } from '../config.ts';
import { FatalError } from '../model/types.ts';
import { unavailable, notFound } from '../protocol/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { Desk } from '../forward/desk.ts';
import { exposition, retained, SupervisorMetrics, type Metrics } from '../telemetry/metrics.ts';
import { createAdmin, type State } from './admin.ts';
import { Crew } from './crew.ts';
import type { ToSupervisor } from './messages.ts';
import { Pool, type PoolAction, type PoolEvent } from './pool.ts';
import type { Snapshot } from './snapshot.ts';

const TICK_MS = 500;

/**
 * Keeps the workers running and hands them the connections. It loads no model and runs no request, so that it is
 * always there to answer probes and to replace a worker that TensorFlow has aborted.
 */
export class Supervisor {
  readonly #pool: Pool;
  readonly #crew: Crew;
  readonly #metrics = new SupervisorMetrics();
  readonly #public: Server;
  /** Answers on the model's port while no worker can. */
  readonly #standIn;
  readonly #admin;
  readonly #desk: Desk;
  #gone: Promise<Metrics[]> = Promise.resolve([]);
  #model: { name: string; version: string } | undefined;
  #draining = false;
  #stopping = false;
  #hurry = new AbortController();
  #finish: (exitCode: number) => void = () => undefined;

  constructor(
    private readonly config: Config,
    private readonly log: Logger,
    program: string,
  ) {
    const { workers, loadSeconds, hangSeconds } = config;
    this.#pool = new Pool({ workers, loadMs: loadSeconds * 1000, hangMs: hangSeconds * 1000 });
    this.#crew = new Crew(program, {
      message: (id, message) => this.#onMessage(id, message),
      exited: (id, cause, snapshot) => this.#onExit(id, cause, snapshot),
    });
    this.#desk = new Desk({
      revision: Number(config.revision),
      folder: config.podInfo,
      log,
      tell: (traffic) => this.#crew.broadcast({ type: 'traffic', ...(traffic && { traffic }) }),
    });
    const state: State = {
      notReady: () => this.#notReady(),
      model: () => this.#model,
      exposition: () => this.#exposition(),
      trial: async () => this.#desk.report((await this.#crew.snapshots()).map(({ trial }) => trial)),
    };
    this.#admin = createAdmin(
      state,
      notFound(`not found: this port has health and metrics; the model is on port ${config.httpPort}`),
    );
    this.#standIn = createAdmin(
      state,
      unavailable('no worker can answer now: the model is still loading, or all workers are being replaced'),
    );
    // Answers of the stand-in end their connection: the next one should meet a worker.
    this.#standIn.maxRequestsPerSocket = 1;
    this.#public = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
    this.#public.on('connection', (socket) => this.#onConnection(socket));
  }

  /** Serves until it is told to stop or has to give up. @returns the exit code @throws FatalError BadConfiguration */
  async run(): Promise<number> {
    const finished = new Promise<number>((resolve) => (this.#finish = resolve));
    const { host, httpPort, adminPort } = this.config;
    await listen(this.#admin, adminPort, host);
    await listen(this.#public, httpPort, host);
    this.log.info(
      { http: portOf(this.#public), admin: portOf(this.#admin), workers: this.config.workers },
      'listening',
    );
    this.#desk.start();
    this.#tell({ type: 'start' });
    const tick = setInterval(() => this.#tell({ type: 'tick' }), TICK_MS);
    const code = await finished;
    clearInterval(tick);
    this.#desk.stop();
    this.#crew.killAll();
    return code;
  }

  /** First call drains, the second skips the wait, a third kills. */
  stop(): void {
    if (!this.#draining) void this.#drain();
    else if (!this.#hurry.signal.aborted) this.#hurry.abort();
    else this.#crew.killAll();
  }

  async #drain(): Promise<void> {
    const served = this.#pool.serving().length > 0;
    this.#draining = true;
    this.log.info({ seconds: served ? this.config.drainSeconds : 0 }, 'draining');
    this.#crew.broadcast({ type: 'drain' });
    if (served)
      await sleep(this.config.drainSeconds * 1000, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
    this.#stopping = true;
    this.#public.close();
    const serving = this.#pool.serving();
    for (const id of serving) this.#crew.send(id, { type: 'stop' });
    this.#crew.killAllBut(serving);
    if (this.#crew.size === 0) this.#finish(0);
  }

  #tell(event: PoolEvent): void {
    for (const action of this.#pool.on(event, performance.now())) this.#do(action);
    this.#metrics.ready.set(this.#pool.serving().length);
  }

  #do(action: PoolAction): void {
    if (this.#stopping && action.do !== 'kill') return;
    switch (action.do) {
      case 'spawn':
        if (action.afterMs === 0) this.#spawn();
        else setTimeout(() => this.#spawn(), action.afterMs);
        return;
      case 'kill':
        this.log.error({ worker: action.id, because: action.because }, 'killing a worker');
        this.#crew.kill(action.id);
        return;
      case 'stop':
        this.#crew.send(action.id, { type: 'stop' });
        return;
      case 'giveUp':
        giveUp(action.report, this.config.terminationLog, this.log);
        this.#finish(1);
    }
  }

  #spawn(): void {
    if (!this.#stopping) this.#tell({ type: 'spawned', id: this.#crew.spawn() });
  }

  #onMessage(id: number, message: ToSupervisor): void {
    switch (message.type) {
      case 'ready': {
        const { model: name, version, engine, loadSeconds, warmupSeconds } = message;
        this.#model = { name, version };
        this.#metrics.identify({ model: name, version, revision: this.config.revision });
        this.log.info({ worker: id, model: name, version, engine, loadSeconds, warmupSeconds }, 'worker ready');
        if (this.#desk.traffic) this.#crew.send(id, { type: 'traffic', traffic: this.#desk.traffic });
        this.#tell({ type: 'ready', id });
        if (this.#draining) this.#crew.send(id, { type: 'drain' });
        return;
      }
      case 'failed':
        this.#tell({ type: 'failed', id, report: message.report });
        return;
      case 'retire':
        this.log.warn({ worker: id }, 'replacing a worker that has lost memory to failed runs');
        this.#tell({ type: 'retire', id });
        return;
      case 'exposition':
        void this.#exposition().then((content) =>
          this.#crew.send(id, { type: 'exposition', ask: message.ask, ...content }),
        );
        return;
      case 'alive':
      case 'snapshot':
      case 'connections':
        this.#tell({ type: 'alive', id });
    }
  }

  #onExit(id: number, cause: string, snapshot: Snapshot | undefined): void {
    const wasServing = this.#pool.serving().includes(id);
    if (snapshot) {
      this.#gone = this.#gone.then(async (gone) => [await retained([...gone, snapshot.metrics])]);
      this.#desk.retire(snapshot.trial);
    }
    if (!this.#stopping) {
      this.log[wasServing ? 'error' : 'info']({ worker: id, cause }, 'worker ended');
      if (wasServing) this.#metrics.restarts.inc();
    }
    this.#tell({ type: 'exited', id, cause });
    if (this.#stopping && this.#crew.size === 0) this.#finish(0);
  }

  #onConnection(socket: Socket): void {
    // Without a listener a reset between accept and hand-over would end this process.
    socket.on('error', () => undefined);
    if (this.#crew.hand(socket, this.#pool.serving())) return;
    this.#standIn.emit('connection', socket);
    socket.resume();
  }

  #notReady(): string | undefined {
    if (this.#draining) return 'the server is shutting down';
    if (this.#pool.serving().length > 0) return undefined;
    return this.#model ? 'all workers are being replaced' : 'the model is still loading';
  }

  async #exposition(): Promise<{ contentType: string; text: string }> {
    const own = await this.#metrics.registry.getMetricsAsJSON();
    const workers = (await this.#crew.snapshots()).map(({ metrics }) => metrics);
    return exposition([own, ...(await this.#gone), ...workers]);
  }
}

/** Leaves the reason where the kubelet reads it, and in the log. */
export function giveUp(report: FailureReport, path: string, log: Logger): void {
  log.fatal({ reason: report.reason }, report.message);
  // Outside a container there is no such file, and nobody to read it.
  if (path === PATH.terminationLog && !existsSync(path)) return;
  const message = report.message.length > 3000 ? `${report.message.slice(0, 3000)}…` : report.message;
  try {
    writeFileSync(path, `${JSON.stringify({ reason: report.reason, message })}\n`);
  } catch (error) {
    log.error({ err: error }, 'cannot write the termination message');
  }
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen({ port, host });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new FatalError('BadConfiguration', `cannot listen on port ${port}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

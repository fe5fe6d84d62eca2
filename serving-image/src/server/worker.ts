import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Config } from '../config.ts';
import { ForwardMetrics } from '../forward/metrics.ts';
import { Trial } from '../forward/trial.ts';
import { createHandler, exchangeOf, type Service } from '../http/handler.ts';
import { samples } from '../http/samples.ts';
import { loadModel } from '../model/load.ts';
import { FatalError } from '../model/types.ts';
import { TOLERANCE } from '../model/warmup.ts';
import type { Logger } from '../telemetry/log.ts';
import { WorkerMetrics } from '../telemetry/metrics.ts';
import { Connections } from './connections.ts';
import { ALIVE_MS, type ToSupervisor, type ToWorker } from './messages.ts';
import type { Snapshot } from './snapshot.ts';

/** Memory lost to failed runs after which a worker asks to be replaced, in bytes. */
const LOST_LIMIT = 256 * 1024 * 1024;

type Exposition = { contentType: string; text: string };

/** Loads the model, says so, and answers the connections it is handed until it is told to stop. */
export async function work(config: Config, log: Logger, serverVersion: string): Promise<void> {
  // The supervisor decides: a signal to the whole process group must not end requests early.
  process.on('SIGTERM', () => undefined);
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(1));
  const { model, predictor, directory, loadSeconds, warmupSeconds } = await loadModel(config);
  const { name, version, engine } = model;
  const metrics = new WorkerMetrics({ model: name, version, revision: config.revision });
  metrics.load.set(loadSeconds);
  metrics.warmup.set(warmupSeconds);

  let draining = false;
  const asks = new Map<number, (content: Exposition) => void>();
  let nextAsk = 1;
  const service: Service = {
    model,
    predictor,
    maxBodyBytes: config.maxBodyBytes,
    serverVersion,
    metrics,
    log,
    draining: () => draining,
    exposition: () =>
      new Promise((resolve) => {
        asks.set(nextAsk, resolve);
        tell({ type: 'exposition', ask: nextAsk++ });
      }),
    trial: new Trial({
      version,
      workers: config.workers,
      samples: () => samples(model, directory, (question) => exchangeOf(service, question)),
      goldenTolerance: TOLERANCE,
      metrics: new ForwardMetrics(metrics.registry),
    }),
    revision: config.revision,
  };
  const handler = createHandler(service);
  const server = createServer({
    keepAliveTimeout: 75_000,
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    connectionsCheckingInterval: 2_000,
    maxHeaderSize: 16_384,
  });
  const connections = new Connections(server, batched());
  server.on('request', handler);

  process.on('message', (message: ToWorker, socket?: Socket) => {
    switch (message.type) {
      case 'connection':
        // The client may have gone before the socket arrived.
        if (socket) connections.take(socket);
        return;
      case 'drain':
        draining = true;
        return;
      case 'stop':
        draining = true;
        void connections.stop().then(() => process.exit(0));
        return;
      case 'traffic':
        service.trial.set(message.traffic);
        return;
      case 'snapshot':
        void snapshot().then((all) => tell({ type: 'snapshot', ask: message.ask, snapshot: all }));
        return;
      case 'exposition':
        asks.get(message.ask)?.(message);
        asks.delete(message.ask);
    }
  });

  const snapshot = async (): Promise<Snapshot> => ({
    metrics: await metrics.registry.getMetricsAsJSON(),
    trial: service.trial.counts,
  });
  let retiring = false;
  const alive = async () => {
    tell({ type: 'alive', snapshot: await snapshot() });
    if (!retiring && (predictor.lostBytes?.() ?? 0) > LOST_LIMIT) {
      retiring = true;
      tell({ type: 'retire' });
    }
  };
  await alive();
  setInterval(() => void alive(), ALIVE_MS);
  tell({ type: 'ready', model: name, version, engine, loadSeconds, warmupSeconds });
}

/** Tells the supervisor why, and ends this process. */
export function fail(error: unknown, log: Logger): void {
  const report =
    error instanceof FatalError
      ? { reason: error.reason, message: error.message }
      : {
          reason: 'ServerCrashed' as const,
          message: `the server failed while loading the model: ${(error as Error).message}`,
        };
  log.error({ err: error, reason: report.reason }, 'worker failed');
  if (process.send) process.send({ type: 'failed', report } satisfies ToSupervisor, () => process.exit(1));
  else process.exit(1);
}

function tell(message: ToSupervisor): void {
  if (process.connected) process.send?.(message, undefined, {}, () => undefined);
}

/** One message a turn of the event loop, however many connections came and went. */
function batched(): (delta: { taken: number; closed: number }) => void {
  const sum = { taken: 0, closed: 0 };
  let scheduled = false;
  return ({ taken, closed }) => {
    sum.taken += taken;
    sum.closed += closed;
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      tell({ type: 'connections', ...sum });
      sum.taken = sum.closed = 0;
    });
  };
}

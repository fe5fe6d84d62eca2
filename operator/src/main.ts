import { randomUUID } from 'node:crypto';
import { type Config, ConfigError, readConfig } from './config.ts';
import { Applier } from './controller/apply.ts';
import { makeReconcile } from './controller/reconcile.ts';
import { TrialReports } from './controller/trial-reports.ts';
import { WarmupReports } from './controller/warmup-reports.ts';
import { makeInformers, makeRouteInformer, wake, wakeByRoutes } from './controller/watches.ts';
import { FIELD_MANAGER } from './core/names.ts';
import { connect, EventRecorder, keyOf, KubeClient, LeaderElector, runManager, WorkQueue } from './runtime/index.ts';
import { serveHealth } from './telemetry/health.ts';
import { createLogger, type LogLevel } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';

/** Composition root: makes the parts, runs them until SIGTERM. */
async function run(config: Config): Promise<void> {
  const log = createLogger(config.logLevel as LogLevel);
  const metrics = createMetrics('modeldeployment');
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

  const connection = await connect({ service: config.apiService });
  const client = new KubeClient({ connection, userAgent: FIELD_MANAGER, fieldManager: FIELD_MANAGER, metrics });
  const elector = config.leaderElection ? makeElector(config, client) : undefined;
  const writer = elector === undefined ? client : client.fenced(() => elector.assertLeading());
  const watched = { client, namespaces: config.watchNamespaces, log, metrics };
  const informers = makeInformers(watched);
  const routes = config.gatewayAPI ? makeRouteInformer(watched) : undefined;
  const queue = new WorkQueue({ name: 'modeldeployment', metrics });
  wake(informers, (key) => queue.add(key));
  if (routes !== undefined) wakeByRoutes(routes, informers.models, (key) => queue.add(key));
  const recorder = new EventRecorder({
    client: writer,
    reportingController: FIELD_MANAGER,
    reportingInstance: config.podName,
    log,
    metrics,
  });
  const trials = new TrialReports({
    podOf: (uid) => informers.pods.store.getByUid(uid),
    wake: (key) => queue.add(key),
    prometheusUrl: config.prometheusUrl,
  });
  const warmups = new WarmupReports({
    podOf: (uid) => informers.pods.store.getByUid(uid),
    wake: (key) => queue.add(key),
  });
  const reconcile = makeReconcile({
    informers,
    routes,
    trials,
    warmups,
    applier: new Applier(writer, informers, routes, log),
    recorder,
    settings: config,
    now: Date.now,
  });
  const all = [...Object.values(informers), ...(routes === undefined ? [] : [routes])];
  const unsynced = (): string | undefined => all.find((informer) => !informer.hasSynced())?.type.plural;
  const health = await serveHealth({
    port: config.metricsPort,
    register: metrics.register,
    // A standby that waits for the lease is ready: it has what it needs to take over.
    ready: () => (unsynced() === undefined ? undefined : `waiting for the list of ${unsynced()}`),
  });
  log.info({ servingImage: config.servingImage, namespaces: config.watchNamespaces }, 'starting');
  const keys = () => informers.models.store.list().map(({ metadata }) => keyOf(metadata));
  await runManager(
    {
      informers: all,
      controllers: [{ name: 'modeldeployment', queue, keys, reconcile, workers: config.workers, log, metrics }],
      elector,
      writers: [recorder],
      background: [trials, warmups],
      log,
    },
    stop.signal,
  );
  await health.close();
  connection.close();
  log.info({}, 'stopped');

  function makeElector({ namespace, leaseName, podName }: Config, ofClient: KubeClient): LeaderElector {
    const identity = `${podName}_${randomUUID()}`;
    return new LeaderElector({ client: ofClient, namespace, name: leaseName, identity, log, metrics });
  }
}

const settled = (async () => run(readConfig(process.env)))();
settled.catch((error: unknown) => {
  // The log may not exist yet; whoever starts the process reads stderr.
  process.stderr.write(`${error instanceof ConfigError ? error.message : ((error as Error).stack ?? String(error))}\n`);
  process.exitCode = 1;
});

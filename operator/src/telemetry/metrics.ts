import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RuntimeMetrics } from '../runtime/index.ts';

const SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60];

/** The runtime's measurements as Prometheus series. `register` also takes series of the caller's own. */
export interface Metrics extends RuntimeMetrics {
  readonly register: Registry;
}

/** Labels are bounded: verbs, resources, codes and names of queues; never names of objects. */
export function createMetrics(prefix: string): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const at = <L extends string>(name: string, help: string, labelNames: L[]) => ({
    name: `${prefix}_${name}`,
    help,
    labelNames,
    registers: [register],
  });
  const requests = new Counter(at('api_requests_total', 'Requests to the API server', ['verb', 'resource', 'code']));
  const requestSeconds = new Histogram({
    ...at('api_request_duration_seconds', 'Time to the head of the answer', ['verb']),
    buckets: SECONDS,
  });
  const depth = new Gauge(at('queue_depth', 'Keys ready to be reconciled', ['queue']));
  const latency = new Histogram({ ...at('queue_latency_seconds', 'Time a key waited', ['queue']), buckets: SECONDS });
  const retries = new Counter(at('queue_retries_total', 'Keys put back after a failure', ['queue']));
  const reconciles = new Counter(at('reconcile_total', 'Reconciles by outcome', ['controller', 'outcome']));
  const reconcileSeconds = new Histogram({
    ...at('reconcile_duration_seconds', 'Time of a reconcile', ['controller']),
    buckets: SECONDS,
  });
  const restarts = new Counter(at('watch_restarts_total', 'Watches that ended out of turn', ['resource', 'reason']));
  const lists = new Counter(at('lists_total', 'Complete lists of a resource', ['resource']));
  const leader = new Gauge(at('leader', '1 while this process leads', []));
  const dropped = new Counter(at('events_dropped_total', 'Events that were not written', []));
  return {
    register,
    apiRequest: ({ verb, resource, code, seconds }) => {
      requests.inc({ verb, resource, code });
      requestSeconds.observe({ verb }, seconds);
    },
    queueDepth: (queue, keys) => depth.set({ queue }, keys),
    queueLatency: (queue, seconds) => latency.observe({ queue }, seconds),
    queueRetry: (queue) => retries.inc({ queue }),
    reconciled: (controller, outcome, seconds) => {
      reconciles.inc({ controller, outcome });
      reconcileSeconds.observe({ controller }, seconds);
    },
    watchRestarted: (resource, reason) => restarts.inc({ resource, reason }),
    relisted: (resource) => lists.inc({ resource }),
    leading: (isLeader) => leader.set(isLeader ? 1 : 0),
    eventDropped: () => dropped.inc(),
  };
}

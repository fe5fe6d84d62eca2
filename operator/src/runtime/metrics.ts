/** One finished exchange with the API server. */
export interface RequestSample {
  /** As in RBAC: get, list, watch, create, update, patch, delete. */
  verb: string;
  /** `deployments.apps`, `modeldeployments.modelserving.dev/status`. */
  resource: string;
  /** HTTP status, or `error` when there was no answer. */
  code: string;
  seconds: number;
}

export type WatchRestart = 'closed' | 'silent' | 'gone' | 'reset' | 'malformed' | 'refused';
export type ReconcileOutcome = 'success' | 'requeue_after' | 'error' | 'terminal';

/** Where the runtime tells what happened; telemetry/metrics.ts turns it into Prometheus series. */
export interface RuntimeMetrics {
  apiRequest(sample: RequestSample): void;
  queueDepth(queue: string, depth: number): void;
  /** Seconds a key waited between being ready and being taken. */
  queueLatency(queue: string, seconds: number): void;
  queueRetry(queue: string): void;
  reconciled(controller: string, outcome: ReconcileOutcome, seconds: number): void;
  watchRestarted(resource: string, reason: WatchRestart): void;
  relisted(resource: string): void;
  leading(isLeader: boolean): void;
  eventDropped(): void;
}

export const noMetrics: RuntimeMetrics = {
  apiRequest: () => {},
  queueDepth: () => {},
  queueLatency: () => {},
  queueRetry: () => {},
  reconciled: () => {},
  watchRestarted: () => {},
  relisted: () => {},
  leading: () => {},
  eventDropped: () => {},
};

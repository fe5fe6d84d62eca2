import type { FullSpec } from '../api/defaults.ts';
import type { ModelDeploymentStatus } from '../api/modeldeployment.gen.ts';
import type { PodReport } from './analysis/counts.ts';
import type { Measurement } from './analysis/queries.ts';
import type { HttpRoute, NoRoutes } from './objects/http-route.ts';
import type { Owner } from './names.ts';
import type { Children } from './objects/recognise.ts';
import type { NonFiniteOutput } from '@modeldeployment/modelpack/contract';

/** What the server of a pod tells of its warm-up. */
export interface PodWarmup {
  revision: number;
  nonFinite: readonly NonFiniteOutput[];
}

/** Settings of the operator that the decisions depend on. */
export interface Settings {
  /** Serving image that new revisions get unless the spec names one. */
  servingImage: string;
  /** Registries (`host[:port]`) that are spoken to without TLS. */
  plainHttpRegistries: readonly string[];
  /** A ConfigMap in the namespace of each ModelDeployment with authorities that its registries may be signed by. */
  caBundle: { configMap: string; key: string } | undefined;
  /** Secrets in the namespace of each ModelDeployment that the kubelet pulls images with. */
  pullSecrets: readonly string[];
  /** Whether pods name the user and groups they run as; else the platform gives them (OpenShift). */
  fixedIds: boolean;
}

/** The ModelDeployment itself, with defaults filled in. */
export interface ModelView extends Owner {
  generation: number;
  resourceVersion: string;
  spec: FullSpec;
  status: ModelDeploymentStatus;
  /** Whether spec.rollbackTo was written by the operator (managed fields tell), which may then remove it. */
  ownsRollbackTo: boolean;
  /** Field manager that wrote spec.model last, and when (managed fields tell); for the history. */
  requestedBy: string | undefined;
  /** Its own annotation kubernetes.io/change-cause; for the history. */
  why: string | undefined;
}

/** Everything the decision about one ModelDeployment may depend on, as one value. */
export interface World extends Children {
  /** Milliseconds since the epoch. */
  now: number;
  settings: Settings;
  model: ModelView;
  /** What the pods have counted during the present trial; the same pod more than once when it restarted meanwhile. */
  reports: readonly PodReport[];
  /** What pods found when they warmed up, where that was something. */
  warmups: readonly PodWarmup[];
  /** What Prometheus last said to the queries of spec.rollout.analysis. */
  measurements: readonly Measurement[];
  /** HTTPRoutes of its namespace, whoever made them. */
  routes: readonly HttpRoute[] | NoRoutes;
  /** When this process last wrote the status, if it did; lets mere counters wait. */
  statusWrittenAt: number | undefined;
}

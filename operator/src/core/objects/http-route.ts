/** What of an HTTPRoute (gateway.networking.k8s.io/v1) matters here. It is a user's: only its backends are touched. */
export interface HttpRoute {
  metadata?: { name?: string; resourceVersion?: string; generation?: number };
  spec?: { rules?: { backendRefs?: BackendRef[] }[] };
  status?: { parents?: { conditions?: { observedGeneration?: number }[] }[] };
}

/** Weight: share of the requests of the rule, as part of the sum over its backends. */
export interface BackendRef {
  group?: string;
  kind?: string;
  namespace?: string;
  name: string;
  port?: number;
  weight?: number;
}

/** Why no HTTPRoute can be read at all: the operator was not asked to, or the cluster has none. */
export type NoRoutes = 'NotEnabled' | 'NotInstalled';

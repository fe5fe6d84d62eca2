import { hostname } from 'node:os';
import type { Settings } from './core/world.ts';

export interface Config extends Settings {
  /** Empty: all namespaces. */
  watchNamespaces: readonly string[];
  namespace: string;
  podName: string;
  leaderElection: boolean;
  leaseName: string;
  logLevel: string;
  metricsPort: number;
  workers: number;
  /** Where queries of spec.rollout.analysis are asked; undefined: nowhere. */
  prometheusUrl: string | undefined;
  /** Whether it may write HTTPRoutes, for spec.rollout.trafficRouting. */
  gatewayAPI: boolean;
  /** Where a pod finds its API server; undefined outside of a cluster. */
  apiService: { host: string; port: string } | undefined;
}

/** The settings do not fit; the message lists everything that is wrong, so that one restart mends all. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'];

/** Reads the operator's settings; the only reader of the environment. docs/reference/operator.md lists them. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const errors: string[] = [];
  const text = (name: string, fallback?: string): string => {
    const value = env[name]?.trim() || fallback;
    if (value === undefined) errors.push(`${name} is not set`);
    return value ?? '';
  };
  const list = (name: string): string[] =>
    (env[name] ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);
  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const value = Number(text(name, String(fallback)));
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    errors.push(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(env[name])}`);
    return fallback;
  };
  const oneOf = (name: string, allowed: readonly string[], fallback: string): string => {
    const value = text(name, fallback);
    if (!allowed.includes(value))
      errors.push(`${name} must be one of ${allowed.join(', ')}, not ${JSON.stringify(value)}`);
    return value;
  };
  const url = (name: string): string | undefined => {
    const value = env[name]?.trim() || undefined;
    if (value === undefined || /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/.test(value)) return value;
    errors.push(`${name} must look like http://prometheus.monitoring:9090, not ${JSON.stringify(value)}`);
    return undefined;
  };
  const config: Config = {
    servingImage: text('SERVING_IMAGE'),
    plainHttpRegistries: list('REGISTRY_PLAIN_HTTP'),
    watchNamespaces: list('WATCH_NAMESPACES'),
    namespace: text('POD_NAMESPACE'),
    podName: text('POD_NAME', hostname()),
    leaderElection: oneOf('LEADER_ELECTION', ['true', 'false'], 'true') === 'true',
    leaseName: text('LEASE_NAME', 'modeldeployment-operator'),
    logLevel: oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    metricsPort: integer('METRICS_PORT', 8081, 1, 65535),
    workers: integer('WORKERS', 4, 1, 64),
    prometheusUrl: url('PROMETHEUS_URL'),
    gatewayAPI: oneOf('GATEWAY_API', ['true', 'false'], 'false') === 'true',
    apiService: apiServiceOf(env),
  };
  if (errors.length > 0) throw new ConfigError(`the settings of the operator do not fit:\n  ${errors.join('\n  ')}`);
  return config;
}

/** Kubernetes itself sets these in every pod. */
function apiServiceOf({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }: NodeJS.ProcessEnv) {
  return host === undefined || port === undefined ? undefined : { host, port };
}

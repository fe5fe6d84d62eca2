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

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
const SWITCH = ['true', 'false'] as const;

interface Setting {
  /** Value of the chart that sets it; absent: the chart sets it itself. */
  chart?: string;
  /** Absent: the setting is required, or `otherwise` says what holds without it. */
  fallback?: string | number;
  otherwise?: string;
  meaning: string;
}

/** Every setting: what it means, and what holds without it. docs/reference/operator.md is generated from this table. */
export const SETTINGS = {
  SERVING_IMAGE: { chart: 'servingImage', meaning: 'serving image that new revisions get' },
  SERVING_IMAGE_PULL_SECRETS: {
    ...{ chart: 'servingImage.pullSecrets', otherwise: 'none' },
    meaning: 'comma-separated Secrets in the namespace of each ModelDeployment that its pods are pulled with',
  },
  FIXED_IDS: {
    ...{ chart: 'podSecurity.fixedIds', fallback: 'true' },
    meaning: 'whether the pods of new revisions name the user and groups that they run as',
  },
  POD_NAMESPACE: { meaning: 'namespace of the operator itself, for its lease' },
  POD_NAME: { otherwise: 'host name', meaning: 'name of this process in events and the lease' },
  WATCH_NAMESPACES: { chart: 'watchNamespaces', otherwise: 'all', meaning: 'comma-separated namespaces to look after' },
  REGISTRY_PLAIN_HTTP: {
    ...{ chart: 'registries.plainHttp', otherwise: 'none' },
    meaning: 'comma-separated `host[:port]` of registries without TLS',
  },
  REGISTRY_CA_CONFIG_MAP: {
    ...{ chart: 'registries.caBundle.configMap', otherwise: 'none' },
    meaning: 'ConfigMap in the namespace of each ModelDeployment with authorities that registries may be signed by',
  },
  REGISTRY_CA_KEY: { chart: 'registries.caBundle.key', fallback: 'ca.crt', meaning: 'its key with them, in PEM' },
  LEADER_ELECTION: { chart: 'leaderElection.enabled', fallback: 'true', meaning: 'whether a lease decides who writes' },
  LEASE_NAME: { fallback: 'modeldeployment-operator', meaning: 'name of that lease' },
  LOG_LEVEL: { chart: 'logLevel', fallback: 'info', meaning: 'trace, debug, info, warn or error' },
  METRICS_PORT: { chart: 'metrics.port', fallback: 8081, meaning: '`/metrics`, `/healthz`, `/readyz`' },
  PROMETHEUS_URL: {
    ...{ chart: 'analysis.prometheusUrl', otherwise: 'none' },
    meaning: 'where `spec.rollout.analysis.prometheus` is asked ([analysis](../analysis.md))',
  },
  GATEWAY_API: {
    ...{ chart: 'gatewayAPI.enabled', fallback: 'false' },
    meaning: 'whether it may write HTTPRoutes, for `spec.rollout.trafficRouting` ([traffic](../traffic.md))',
  },
  WORKERS: { fallback: 4, meaning: 'ModelDeployments worked on at the same time' },
} as const satisfies Record<string, Setting>;

type Name = keyof typeof SETTINGS;

/** Reads the operator's settings; the only reader of the environment. @throws ConfigError with everything that is wrong */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const errors: string[] = [];
  const given = (name: Name): string | undefined => env[name]?.trim() || undefined;
  const text = (name: Name, otherwise?: string): string => {
    const { fallback = otherwise }: Setting = SETTINGS[name];
    const value = given(name) ?? fallback;
    if (value === undefined) errors.push(`${name} is not set`);
    return String(value ?? '');
  };
  const list = (name: Name): string[] =>
    (env[name] ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);
  const integer = (name: Name, min: number, max: number): number => {
    const value = Number(text(name));
    if (!Number.isInteger(value) || value < min || value > max)
      errors.push(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(env[name])}`);
    return value;
  };
  const oneOf = (name: Name, allowed: readonly string[]): string => {
    const value = text(name);
    if (!allowed.includes(value))
      errors.push(`${name} must be one of ${allowed.join(', ')}, not ${JSON.stringify(value)}`);
    return value;
  };
  const url = (name: Name): string | undefined => {
    const value = given(name);
    if (value === undefined || /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/.test(value)) return value;
    errors.push(`${name} must look like http://prometheus.monitoring:9090, not ${JSON.stringify(value)}`);
    return undefined;
  };
  const configMap = given('REGISTRY_CA_CONFIG_MAP');
  const config: Config = {
    servingImage: text('SERVING_IMAGE'),
    plainHttpRegistries: list('REGISTRY_PLAIN_HTTP'),
    caBundle: configMap === undefined ? undefined : { configMap, key: text('REGISTRY_CA_KEY') },
    pullSecrets: list('SERVING_IMAGE_PULL_SECRETS'),
    fixedIds: oneOf('FIXED_IDS', SWITCH) === 'true',
    watchNamespaces: list('WATCH_NAMESPACES'),
    namespace: text('POD_NAMESPACE'),
    podName: text('POD_NAME', hostname()),
    leaderElection: oneOf('LEADER_ELECTION', SWITCH) === 'true',
    leaseName: text('LEASE_NAME'),
    logLevel: oneOf('LOG_LEVEL', LOG_LEVELS),
    metricsPort: integer('METRICS_PORT', 1, 65535),
    workers: integer('WORKERS', 1, 64),
    prometheusUrl: url('PROMETHEUS_URL'),
    gatewayAPI: oneOf('GATEWAY_API', SWITCH) === 'true',
    apiService: apiServiceOf(env),
  };
  if (errors.length > 0) throw new ConfigError(`the settings of the operator do not fit:\n  ${errors.join('\n  ')}`);
  return config;
}

/** The table of settings, in Markdown. */
export function settingsTable(): string {
  const rows = Object.entries<Setting>(SETTINGS).map(([name, { chart, fallback, otherwise = 'required', meaning }]) =>
    [`\`${name}\``, chart ? `\`${chart}\`` : '', fallback === undefined ? otherwise : `\`${fallback}\``, meaning].join(
      ' | ',
    ),
  );
  return [
    '| variable | chart value | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

/** Kubernetes itself sets these in every pod. */
function apiServiceOf({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }: NodeJS.ProcessEnv) {
  return host === undefined || port === undefined ? undefined : { host, port };
}

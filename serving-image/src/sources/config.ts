import { ENV, ModelError, type ModelUri, parseModelUri, PATH } from '@modeldeployment/modelpack';

/** Settings of the commands `fetch` and `resolve`. */
export interface SourceConfig {
  uri: ModelUri;
  /** The address as it was written, for messages. */
  text: string;
  repository: string;
  source: string;
  plainHttp: (registry: string) => boolean;
  dockerConfig: string | undefined;
  /** The Secret behind it. */
  secretName: string | undefined;
  stallMs: number;
  maxBytes: number;
  /** fetch only. */
  name: string;
  version: string;
  digest: string | undefined;
}

const DEFAULT_STALL_SECONDS = 60;
const DEFAULT_MAX_BYTES = 16 * 2 ** 30;

/** Reads the environment of contract.ts. Throws ModelError BadConfiguration that lists everything wrong. */
export function readSourceConfig(env: NodeJS.ProcessEnv, command: 'fetch' | 'resolve'): SourceConfig {
  const errors: string[] = [];
  const need = (name: string): string => {
    const value = env[name] ?? '';
    if (value === '') errors.push(`${name} is not set`);
    return value;
  };
  const positive = (name: string, fallback: number): number => {
    const value = Number(env[name] ?? fallback);
    if (!(value > 0)) errors.push(`${name} must be a positive number, not ${JSON.stringify(env[name])}`);
    return value;
  };
  const text = need(ENV.uri);
  const name = command === 'fetch' ? need(ENV.name) : '';
  const version = command === 'fetch' ? need(ENV.version) : '';
  if (name !== '' && !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name))
    errors.push(`${ENV.name} is no model name: ${JSON.stringify(name)}`);
  if (version !== '' && !/^\d{1,18}$/.test(version))
    errors.push(`${ENV.version} is no number: ${JSON.stringify(version)}`);
  const registries = (env[ENV.plainHttpRegistries] ?? '').split(',').map((item) => item.trim());
  const digest = env[ENV.digest] === '' ? undefined : env[ENV.digest];
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest))
    errors.push(`${ENV.digest} must be sha256: and 64 hexadecimal digits, not ${JSON.stringify(digest)}`);
  const stallMs = positive(ENV.stallSeconds, DEFAULT_STALL_SECONDS) * 1000;
  const maxBytes = positive(ENV.maxBytes, DEFAULT_MAX_BYTES);
  if (errors.length > 0) throw new ModelError('BadConfiguration', errors.join('; '));
  return {
    uri: parseModelUri(text),
    text,
    repository: env[ENV.repository] ?? PATH.repository,
    source: env[ENV.source] ?? PATH.source,
    plainHttp: (registry) => registries.includes(registry),
    dockerConfig: env[ENV.dockerConfig],
    secretName: env[ENV.secretName],
    stallMs,
    maxBytes,
    name,
    version,
    digest,
  };
}

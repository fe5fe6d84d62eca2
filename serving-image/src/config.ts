/** Settings of the serving image, from the environment. The only reader of process.env; all mistakes are told at once. */
import { ENV, PATH, PORT, type ModelFormat } from '@modeldeployment/modelpack';
import { POD_INFO } from '@modeldeployment/modelpack/traffic';
import type { BatchLimits } from './batching/executor.ts';
import { availableCores, availableMemory, openFiles } from './cores.ts';
import { memoryFor, type Limits } from './handlers/admission.ts';
import { ANY_ORIGIN } from './http/cors.ts';
import { connectionsFor } from './http/connection-limit.ts';
import type { Timeouts } from './http/server.ts';
import type { Joining } from './loading/warmup.ts';
import { MODEL_NAME, parsePolicy, VERSION, type Policy } from './model/selection.ts';
import type { TlsFiles } from './security/tls.ts';
import type { TokenSettings } from './security/tokens.ts';
import { type EngineChoice, type EngineName } from './model/types.ts';
import { FatalError } from './errors.ts';

export interface Config {
  /** Absent: all models of the repository. */
  name: string | undefined;
  /** Absent: the versions that the policy chooses. */
  version: string | undefined;
  policy: Policy;
  pollSeconds: number;
  /** Absent: the repository says what is served; else clients do, of the model `only` or any, and these are loaded at the start. */
  explicit: { load: readonly string[] | 'all'; only: string | undefined } | undefined;
  revision: string;
  repository: string;
  format: ModelFormat | 'auto';
  engine: EngineName | 'auto';
  /** What an earlier worker of the same version has chosen. */
  engineChoice: EngineChoice | undefined;
  /** No request is made up for the model. */
  triesNothing: boolean;
  httpPort: number;
  grpcPort: number;
  adminPort: number;
  /** Absent: all addresses. */
  host: string | undefined;
  /** Of each version. Absent: the cores, shared by the versions. */
  workers: number | undefined;
  cores: number;
  joining: Joining;
  effects: boolean;
  spareWorkers: number;
  drainSeconds: number;
  loadSeconds: number;
  hangSeconds: number;
  limits: Limits & Timeouts & BatchLimits & { connections: number };
  /** Absent: clients are spoken to in clear. */
  tls: TlsFiles | undefined;
  /** Absent: all clients may ask. */
  tokens: TokenSettings | undefined;
  /** Websites whose scripts may ask; absent: none. */
  corsOrigins: readonly string[] | undefined;
  logLevel: string;
  /** Part of the requests without a trace of their own that are traced; absent: none are, whatever their clients say. */
  traceRatio: number | undefined;
  terminationLog: string;
  /** Folder of the downward-API volume. */
  podInfo: string;
}

/** Names that are the server's own; those the operator sets are in modelpack's contract. */
export const OWN_ENV = {
  /** Port of REST (default 8080); 0 takes any free one. */
  httpPort: 'HTTP_PORT',
  /** Port of gRPC (default 8081); 0 takes any free one. */
  grpcPort: 'GRPC_PORT',
  /** Port of health and metrics (default 9090); 0 takes any free one. */
  adminPort: 'ADMIN_PORT',
  /** Address all listen on (default: all, IPv6 and IPv4, or IPv4 where there is no IPv6). */
  host: 'HOST',
  /** Largest request body in bytes (default 64 MiB). */
  maxBodyBytes: 'MAX_BODY_BYTES',
  /** Folder in which the traffic annotation appears as a file (default /podinfo). */
  podInfo: 'POD_INFO',
  /** Requests of models that one worker has in hand at once (default 1000); more are answered 429. */
  maxRequests: 'MAX_REQUESTS',
  /** Connections that one worker holds at once (default 10000, or what files and memory allow); those that are idle go first. */
  maxConnections: 'MAX_CONNECTIONS',
  /** Largest answer in bytes (default 64 MiB); a larger one is not made, and answered 507. */
  maxAnswerBytes: 'MAX_ANSWER_BYTES',
  /**
   * Bytes that requests and answers of one worker may take together (default: three of the largest bodies, at most a third of its share
   * of the container's memory, and at least two of the largest bodies).
   */
  maxMemory: 'MAX_MEMORY_BYTES',
  /** Bytes a second at which a request body has to arrive, and an answer to be read (default 240). */
  leastRate: 'MIN_BYTES_PER_SECOND',
  /** Requests that may wait for the engine in one worker (default 512); more are answered 503. */
  maxQueue: 'MAX_QUEUE',
  /** Most rows of a batch put together from several requests (default 32); 1 runs each request by itself. */
  maxBatchRows: 'MAX_BATCH_ROWS',
  /** auto (default): rows of different requests are run together where the model is found to keep them apart; on, off. */
  batching: 'BATCHING',
  /** true: signatures that change what later requests are answered (variables, tables, queues) are served too (default false). */
  effects: 'SERVE_EFFECTS',
  /** Seconds until a request's headers must have arrived (default 10), and all of it (default 30); else it is answered 408. */
  headerSeconds: 'HEADER_TIMEOUT_SECONDS',
  requestSeconds: 'REQUEST_TIMEOUT_SECONDS',
  /** Which versions of each model are served: latest (default), latest:N, all, or numbers with commas; not with MODEL_VERSION. */
  policy: 'MODEL_VERSION_POLICY',
  /** Seconds between two looks at the model repository (default 1); not with MODEL_VERSION. */
  pollSeconds: 'MODEL_POLL_SECONDS',
  /** poll (default): what lies in the repository is served; explicit: what clients load, and until they unload it. */
  control: 'MODEL_CONTROL',
  /** Models loaded at the start with MODEL_CONTROL=explicit: names with commas, or * for all (default: none). */
  loadModels: 'LOAD_MODELS',
  /** Workers of each version kept loaded beside those that serve, to take the place of one that dies at once (default 0). */
  spareWorkers: 'SPARE_WORKERS',
  /** Seconds without a sign of life after which a worker that was ready is killed and replaced (default 120). */
  hangSeconds: 'WORKER_HANG_SECONDS',
  /** PEM files of the certificate (with those between it and its authority) and of its key; read again when they change. */
  tlsCertificate: 'TLS_CERT_FILE',
  tlsKey: 'TLS_KEY_FILE',
  /** PEM file of authorities; clients must have a certificate of one of them. */
  tlsClientAuthority: 'TLS_CLIENT_CA_FILE',
  /** File of bearer tokens, one a line, with one of which clients may ask; read again when it changes. */
  tokens: 'AUTH_TOKENS_FILE',
  /** File with a JSON Web Key Set: clients may ask with a JWT that one of its keys has signed; read again when it changes. */
  tokenKeys: 'AUTH_JWKS_FILE',
  /** What a JWT must have as its issuer, and as its audience (default: anything). */
  tokenIssuer: 'AUTH_JWT_ISSUER',
  tokenAudience: 'AUTH_JWT_AUDIENCE',
  /** Origins of websites whose scripts may ask, with commas, or * for all (default: none). */
  corsOrigins: 'CORS_ORIGINS',
  /** Address of a collector of traces that speaks OTLP over HTTP; without it nothing is traced. */
  otlp: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  /** The same, for traces alone, with its path. */
  otlpTraces: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  /** Part of the requests without a trace of their own that are traced (default 1). */
  traceRatio: 'OTEL_TRACES_SAMPLER_ARG',
} as const;

/** From the supervisor to a worker: what an earlier one has chosen, as JSON. */
export const ENGINE_CHOICE = 'ENGINE_CHOICE';
/** From the supervisor to a worker: set when an earlier one has ended while it tried requests made up for the model. */
export const TRIES_NOTHING = 'TRIES_NOTHING';
/** From the supervisor to a worker: set when clients say what is served, to the name of the model, or ANY. */
export const TAKES_ORDERS = 'TAKES_ORDERS';
/** No model has this name. */
export const ANY = '*';

/** As browsers write it: scheme, host in small letters, port unless it is the scheme's own; no path. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@,A-Z]+$/;

export type Environment = Readonly<Record<string, string | undefined>>;

const FORMATS = ['auto', 'SavedModel', 'TFJSGraph', 'TFJSLayers'] as const;
const ENGINES = ['auto', 'tensorflow', 'wasm', 'cpu'] as const;
const JOINING = ['auto', 'on', 'off'] as const;
const CONTROLS = ['poll', 'explicit'] as const;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
/** @throws FatalError BadConfiguration with every mistake */
export function readConfig(
  env: Environment = process.env,
  cores: () => number = availableCores,
  memory: () => number | undefined = availableMemory,
): Config {
  const problems: string[] = [];
  // An empty variable is one that is not set: that is how templates leave a value out.
  const get = (name: string) => env[name]?.trim() || undefined;
  const text = (name: string, pattern: RegExp, form: string): string | undefined => {
    const value = get(name);
    if (value !== undefined && !pattern.test(value)) problems.push(`${name} is "${value}", expected ${form}`);
    return value;
  };
  const oneOf = <T extends string>(name: string, allowed: readonly T[], fallback: T): T => {
    const value = get(name) ?? fallback;
    if (!(allowed as readonly string[]).includes(value))
      problems.push(`${name} is "${value}", expected one of ${allowed.join(', ')}`);
    return value as T;
  };
  const whole = (name: string, fallback: number, lowest: number, highest: number): number => {
    const value = get(name);
    if (value === undefined) return fallback;
    const number = /^\d+$/.test(value) ? Number(value) : NaN;
    if (!(number >= lowest && number <= highest))
      problems.push(`${name} is "${value}", expected a whole number from ${lowest} to ${highest}`);
    return number;
  };
  const ratio = (name: string, fallback: number): number => {
    const value = get(name) ?? String(fallback);
    if (!/^(0|1|0?\.\d+|1\.0*)$/.test(value)) problems.push(`${name} is "${value}", expected a number from 0 to 1`);
    return Number(value);
  };
  const traced = (): boolean => (get(OWN_ENV.otlpTraces) ?? get(OWN_ENV.otlp)) !== undefined;
  const policy = (): Policy => {
    const value = get(OWN_ENV.policy) ?? 'latest';
    const found = parsePolicy(value);
    if (!found)
      problems.push(`${OWN_ENV.policy} is "${value}", expected latest, latest:N, all, or numbers with commas`);
    return found ?? { kind: 'all' };
  };
  const explicit = (): Config['explicit'] => {
    const modelControl = get(TAKES_ORDERS);
    if (modelControl !== undefined) return { load: [], only: modelControl === ANY ? undefined : modelControl };
    const only = get(ENV.name);
    const names = get(OWN_ENV.loadModels)
      ?.split(',')
      .map((name) => name.trim());
    if (oneOf(OWN_ENV.control, CONTROLS, 'poll') === 'poll') {
      if (names) problems.push(`${OWN_ENV.loadModels} needs ${OWN_ENV.control}=explicit`);
      return undefined;
    }
    if (names?.length === 1 && names[0] === ANY) return { load: 'all', only };
    const bad = names?.find((name) => !MODEL_NAME.test(name));
    if (bad !== undefined)
      problems.push(`${OWN_ENV.loadModels} has "${bad}", expected names of models with commas, or * for all`);
    return { load: names ?? [], only };
  };
  const tls = (): TlsFiles | undefined => {
    const [certificate, key] = [get(OWN_ENV.tlsCertificate), get(OWN_ENV.tlsKey)];
    const clientAuthority = get(OWN_ENV.tlsClientAuthority);
    if (certificate !== undefined && key !== undefined) return { certificate, key, clientAuthority };
    if ((certificate ?? key ?? clientAuthority) !== undefined)
      problems.push(`${OWN_ENV.tlsCertificate} and ${OWN_ENV.tlsKey} must both be set, or nothing of TLS`);
    return undefined;
  };
  const tokens = (): TokenSettings | undefined => {
    const keys = get(OWN_ENV.tokenKeys);
    const settings = {
      ...{ tokens: get(OWN_ENV.tokens), keys },
      ...{ issuer: get(OWN_ENV.tokenIssuer), audience: get(OWN_ENV.tokenAudience) },
    };
    if (keys === undefined && (settings.issuer ?? settings.audience) !== undefined)
      problems.push(`${OWN_ENV.tokenIssuer} and ${OWN_ENV.tokenAudience} need ${OWN_ENV.tokenKeys}`);
    return (settings.tokens ?? keys) === undefined ? undefined : settings;
  };
  const corsOrigins = (): string[] | undefined => {
    const origins = get(OWN_ENV.corsOrigins)
      ?.split(',')
      .map((origin) => origin.trim());
    const bad = origins?.find((origin) => origin !== ANY_ORIGIN && !ORIGIN.test(origin));
    if (bad !== undefined)
      problems.push(`${OWN_ENV.corsOrigins} has "${bad}", expected * or origins such as https://app.example:8443`);
    return origins;
  };
  const config: Config = {
    name: text(ENV.name, MODEL_NAME, 'letters, digits, ".", "_" and "-"'),
    version: text(ENV.version, VERSION, 'a number of at most 18 digits'),
    policy: policy(),
    explicit: explicit(),
    pollSeconds: whole(OWN_ENV.pollSeconds, 1, 1, 86400),
    revision: text(ENV.revision, /^[\w.-]{1,63}$/, 'at most 63 letters and digits') ?? '',
    repository: get(ENV.repository) ?? PATH.repository,
    format: oneOf(ENV.format, FORMATS, 'auto'),
    engine: oneOf(ENV.engine, ENGINES, 'auto'),
    engineChoice: JSON.parse(get(ENGINE_CHOICE) ?? 'null') as EngineChoice | undefined,
    triesNothing: get(TRIES_NOTHING) !== undefined,
    httpPort: whole(OWN_ENV.httpPort, PORT.http, 0, 65535),
    grpcPort: whole(OWN_ENV.grpcPort, PORT.grpc, 0, 65535),
    adminPort: whole(OWN_ENV.adminPort, PORT.admin, 0, 65535),
    host: get(OWN_ENV.host),
    workers: whole(ENV.workers, 0, 1, 1024) || undefined,
    cores: cores(),
    joining: oneOf(OWN_ENV.batching, JOINING, 'auto'),
    effects: oneOf(OWN_ENV.effects, ['true', 'false'], 'false') === 'true',
    spareWorkers: whole(OWN_ENV.spareWorkers, 0, 0, 64),
    drainSeconds: whole(ENV.drainSeconds, 5, 0, 3600),
    loadSeconds: whole(ENV.loadSeconds, 300, 1, 86400),
    hangSeconds: whole(OWN_ENV.hangSeconds, 120, 1, 86400),
    limits: {
      bodyBytes: whole(OWN_ENV.maxBodyBytes, 64 * 1024 * 1024, 1, 2 ** 31),
      requests: whole(OWN_ENV.maxRequests, 1000, 1, 1_000_000),
      connections: whole(OWN_ENV.maxConnections, 0, 1, 1_000_000),
      answerBytes: whole(OWN_ENV.maxAnswerBytes, 64 * 1024 * 1024, 1, 2 ** 31),
      memoryBytes: whole(OWN_ENV.maxMemory, 0, 1, 2 ** 40),
      bytesPerSecond: whole(OWN_ENV.leastRate, 240, 1, 2 ** 31),
      queue: whole(OWN_ENV.maxQueue, 512, 1, 1_000_000),
      batchRows: whole(OWN_ENV.maxBatchRows, 32, 1, 65_536),
      headerSeconds: whole(OWN_ENV.headerSeconds, 10, 1, 3600),
      requestSeconds: whole(OWN_ENV.requestSeconds, 30, 1, 86400),
    },
    tls: tls(),
    tokens: tokens(),
    corsOrigins: corsOrigins(),
    traceRatio: traced() ? ratio(OWN_ENV.traceRatio, 1) : undefined,
    logLevel: oneOf(ENV.logLevel, LOG_LEVELS, 'info'),
    terminationLog: get(ENV.terminationLog) ?? PATH.terminationLog,
    podInfo: get(OWN_ENV.podInfo) ?? POD_INFO.path,
  };
  if (config.version !== undefined && config.name === undefined)
    problems.push(`${ENV.version} is set, so ${ENV.name} must be too`);
  if (config.version !== undefined && get(OWN_ENV.policy) !== undefined)
    problems.push(`${ENV.version} and ${OWN_ENV.policy} are both set; a version alone needs no policy`);
  if (config.version !== undefined && get(OWN_ENV.control) === 'explicit')
    problems.push(`${ENV.version} is set, so there is nothing to load and unload by ${OWN_ENV.control}=explicit`);
  const { limits } = config;
  settle(limits, memory(), config.workers ?? config.cores);
  if (problems.length > 0) throw new FatalError('BadConfiguration', problems.join('; '));
  return config;
}

/** Limits that nobody has said follow from the machine. */
function settle(limits: Config['limits'], memory: number | undefined, workers: number): void {
  limits.memoryBytes ||= memoryFor(limits.bodyBytes, memory, workers);
  limits.connections ||= connectionsFor(openFiles(), memory, workers);
}

/** Where to leave the termination message, known also when the settings are wrong. */
export const terminationLogPath = (env: Environment = process.env): string =>
  env[ENV.terminationLog] ?? PATH.terminationLog;

/**
 * What the operator and the serving image say to each other: ports, paths, environment names and termination
 * messages. Both import this file, so that neither can drift; it has no imports of its own.
 *
 * An operator must work with servers of the version before its own: add names, never change the meaning of one.
 */

/** Sub-commands of the serving image (`args[0]` of its containers). */
export const COMMAND = { serve: 'serve', fetch: 'fetch', resolve: 'resolve' } as const;

/** Ports of the server container. `admin` is answered by the supervisor, never by a busy worker. */
export const PORT = { http: 8080, grpc: 8081, admin: 9090 } as const;

/** Paths inside the containers. */
export const PATH = {
  /** Model repository in TensorFlow Serving's layout, `<name>/<version>/…`; written by `fetch`, read-only for `serve`. */
  repository: '/models',
  /** Where a `pvc://` source is mounted, read-only. */
  source: '/source',
  /** Folder with a docker `config.json` from `spec.model.secretRef`; mounted into `fetch` and `resolve` only. */
  credentials: '/credentials',
  /** Folder with `ca.crt`, authorities that registries may be signed by; mounted into `fetch` and `resolve` only. */
  caBundle: '/ca-bundle',
  /** Scratch space on an otherwise read-only root file system. */
  tmp: '/tmp',
  terminationLog: '/dev/termination-log',
} as const;

/** Environment variables of the serving image. All optional unless said. */
export const ENV = {
  /** Public name of the model (required by every command but `resolve`). */
  name: 'MODEL_NAME',
  /** Version clients see in `/versions/<v>` (required by `serve` and `fetch`). */
  version: 'MODEL_VERSION',
  /** The operator's revision number, a label on metrics and logs. */
  revision: 'MODEL_REVISION',
  /** `oci://registry/repo:tag`, `oci://registry/repo@sha256:…`, `pvc://claim/path` (fetch, resolve). */
  uri: 'MODEL_URI',
  /** `sha256:…` the bytes must have (fetch). */
  digest: 'MODEL_DIGEST',
  /** auto | SavedModel | TFJSGraph | TFJSLayers */
  format: 'MODEL_FORMAT',
  /** auto | tensorflow | wasm | cpu */
  engine: 'MODEL_ENGINE',
  /** Overrides PATH.repository. */
  repository: 'MODEL_REPOSITORY',
  /** Overrides PATH.source. */
  source: 'MODEL_SOURCE_DIR',
  /** Comma-separated `host[:port]` of registries spoken to without TLS. */
  plainHttpRegistries: 'REGISTRY_PLAIN_HTTP',
  /** Folder of a docker `config.json`, as for the docker command line. */
  dockerConfig: 'DOCKER_CONFIG',
  /** Name of the Secret in that folder, for messages. A Secret that is missing shows as a folder without the file. */
  secretName: 'MODEL_SECRET_NAME',
  /** Seconds without a single received byte after which a download is given up (default 60). */
  stallSeconds: 'FETCH_STALL_SECONDS',
  /** Largest model in bytes that is accepted (default 16 GiB). */
  maxBytes: 'FETCH_MAX_BYTES',
  /** Worker processes (default: the CPU limit rounded up, else the machine's cores). */
  workers: 'WORKERS',
  /** Seconds between SIGTERM and the closing of the listening sockets (default 5): endpoints take that long to forget a pod. */
  drainSeconds: 'DRAIN_SECONDS',
  /** Seconds a model may take to load and warm up (default 300). */
  loadSeconds: 'LOAD_TIMEOUT_SECONDS',
  logLevel: 'LOG_LEVEL',
  /** Overrides PATH.terminationLog. */
  terminationLog: 'TERMINATION_LOG',
} as const;

/**
 * Why a container of the serving image gave up. `definite`: trying the same bytes again cannot help, the revision is
 * condemned at once. Otherwise the cause may pass (an outage, a full disk, a password to be mended): it is tried again
 * until the progress deadline.
 */
export const FAILURE = {
  ModelNotFound: { definite: true, meaning: 'the registry or the volume has no such model' },
  DigestMismatch: { definite: true, meaning: 'the bytes are not those the digest names (truncated or changed)' },
  ModelMalformed: { definite: true, meaning: 'the model archive or folder is not one we can accept' },
  ModelLoadFailed: { definite: true, meaning: 'the engine could not load the model' },
  ModelRefused: {
    definite: true,
    meaning: 'the model asks for an operation that is not allowed (files, network, code)',
  },
  WarmupFailed: { definite: true, meaning: 'the model loaded but did not answer its warm-up request' },
  ServerCrashed: { definite: true, meaning: 'the server process died while loading or answering' },
  BadConfiguration: { definite: true, meaning: 'the settings of the server do not fit together' },
  Unauthorized: { definite: false, meaning: 'the registry refused the credentials' },
  ContainerConfigError: {
    definite: false,
    meaning: 'a container could not be set up, for instance because a Secret or a claim is missing',
  },
  SourceUnavailable: { definite: false, meaning: 'the registry or the volume could not be reached' },
  FetchTimeout: { definite: false, meaning: 'the download stood still' },
  LoadTimeout: { definite: false, meaning: 'the model took too long to load' },
  DiskFull: { definite: false, meaning: 'no space left for the model' },
} as const satisfies Record<string, { definite: boolean; meaning: string }>;

export type FailureReason = keyof typeof FAILURE;

/** Termination message of a container that gave up, one line of JSON of at most 4 KiB (the kubelet's limit). */
export interface FailureReport {
  reason: FailureReason;
  /** What is wrong, where, and what to do next; no secret, no stack. */
  message: string;
}

/** Termination message of a `resolve` or `fetch` container that succeeded. */
export interface ModelReport {
  /** OCI manifest digest, or the tree digest of a folder (see modelpack's `treeDigest`). */
  digest: string;
  bytes: number;
  files?: number;
}

/** `GET` on the admin port of a server answers a WarmupReport; 404 where it is too old. */
export const WARMUP_PATH = '/warmup';

/** What was found when the model was warmed up, by all workers together. */
export interface WarmupReport {
  /** Outputs that had a NaN or an infinity for a request made up for the warm-up. Advice: such a request may be senseless. */
  nonFinite: NonFiniteOutput[];
}

export interface NonFiniteOutput {
  signature: string;
  output: string;
  /** How many values of it. */
  values: number;
}

/** Reads a report; `undefined` when it is none. */
export function parseWarmupReport(text: string): WarmupReport | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { nonFinite } = (value ?? {}) as Partial<WarmupReport>;
  if (!Array.isArray(nonFinite)) return undefined;
  return {
    nonFinite: nonFinite.map((one: Partial<NonFiniteOutput> | null) => ({
      signature: String(one?.signature ?? ''),
      output: String(one?.output ?? ''),
      values: Number(one?.values ?? 0),
    })),
  };
}

export type TerminationMessage = FailureReport | ModelReport;

/** Reads a termination message; `undefined` when it is not one of ours (a crash leaves none, or a piece of log). */
export function parseTerminationMessage(text: string | undefined): TerminationMessage | undefined {
  const line = text?.trim().split('\n').at(-1);
  if (!line?.startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const message = value as Partial<FailureReport & ModelReport>;
  if (typeof message.reason === 'string' && Object.hasOwn(FAILURE, message.reason)) {
    return { reason: message.reason, message: String(message.message ?? '') };
  }
  if (typeof message.digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(message.digest)) {
    return {
      digest: message.digest,
      bytes: Number(message.bytes ?? 0),
      ...(message.files === undefined ? {} : { files: Number(message.files) }),
    };
  }
  return undefined;
}

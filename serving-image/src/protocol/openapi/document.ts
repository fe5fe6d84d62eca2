/** The OpenAPI 3.1 document of this server, from its routes and from the signatures of its models. Pure. */
import type { Signature } from '../../model/types.ts';
import type { Route } from '../route.ts';
import {
  error,
  examplesRequest,
  flag,
  inferRequest,
  inferResponse,
  list,
  metadataV2,
  object,
  predictRequest,
  text,
  type Schema,
} from './schemas.ts';

/** What the document tells of the server. */
export interface Described {
  serverVersion: string;
  /** Names of the models. */
  models: readonly string[];
  /** The only version of the only model, where there is but one: its inputs are told, and what it cannot do is left out. */
  only: { version: string; signature: Signature; methods: readonly string[] } | undefined;
  /** Whether clients need a bearer token. */
  tokens: boolean;
  /** Whether clients may load and unload models. */
  modelControl: boolean;
}

export interface Operation {
  method: 'get' | 'post';
  /** With placeholders in braces. */
  paths: readonly string[];
  summary: string;
  /** Of the answer, when it is JSON; else its media type. */
  answer: Schema | string;
  body?: (described: Described) => Schema;
  /** The body may be left out. */
  bodyOptional?: true;
  /** Statuses of refusals. */
  refusals: readonly number[];
}

const V2 = ['/v2/models/{model}', '/v2/models/{model}/versions/{version}'];
const V1 = ['/v1/models/{model}', '/v1/models/{model}/versions/{version}', '/v1/models/{model}/labels/{label}'];
const under = (paths: readonly string[], end: string) => paths.map((path) => path + end);
/** What a call can be refused with. */
const CALL = [400, 404, 408, 413, 415, 429, 500, 503, 504, 507];
const PLAIN = 'text/plain';

/** For each question of route.ts. */
export const OPERATIONS: Readonly<Record<Route['kind'], Operation>> = {
  page: get(['/'], 'A page for people', 'text/html', [503]),
  openapi: get(['/openapi.json'], 'This document', { type: 'object' }),
  docs: get(['/docs'], 'This document as a page for people', 'text/html'),
  metrics: get(['/metrics'], 'Metrics for Prometheus', PLAIN),
  'metrics.triton': get(['/metrics/triton'], 'Metrics as Triton names them', PLAIN),
  'metrics.tensorflow': get(['/monitoring/prometheus/metrics'], 'Metrics as TensorFlow Serving names them', PLAIN),
  'metrics.all': get(['/metrics/all'], 'Metrics under all names', PLAIN),
  'v2.live': get(['/v2/health/live'], 'Whether the server lives', object({ live: flag })),
  'v2.ready': get(['/v2/health/ready'], 'Whether the server takes requests', object({ ready: flag }), [503]),
  'v2.server': get(['/v2'], 'The server', object({ name: text, version: text, extensions: list(text) })),
  'v2.models': get(['/v2/models'], 'Names of the models', object({ models: list(text) })),
  'v2.stats': get(['/v2/models/stats'], 'Statistics of all models', object({ model_stats: list({ type: 'object' }) })),
  'v2.index': {
    method: 'post',
    paths: ['/v2/repository/index'],
    summary: 'Versions in the model repository',
    body: () => object({}, { ready: flag }),
    bodyOptional: true,
    answer: list(object({ name: text, version: text, state: text, reason: text })),
    refusals: [400, 408, 413, 415, 429, 503],
  },
  'v2.load': order('load', 'Load a model, or take up what has changed of it'),
  'v2.unload': order('unload', 'Unload a model'),
  'v2.model': get(V2, 'A model: its inputs and outputs', metadataV2, [404, 503]),
  'v2.modelReady': get(
    under(V2, '/ready'),
    'Whether a model takes requests',
    object({ name: text, ready: flag }),
    [404, 503],
  ),
  'v2.config': get(under(V2, '/config'), 'A model as Triton configures it', { type: 'object' }, [404, 503]),
  'v2.modelStats': get(
    under(V2, '/stats'),
    'Statistics of a model',
    object({ model_stats: list({ type: 'object' }) }),
    [404, 503],
  ),
  'v2.infer': post(
    under(V2, '/infer'),
    'Run a model (Open Inference)',
    ({ only }) => inferRequest(only?.signature),
    inferResponse,
  ),
  'v1.status': get(V1, 'State of the versions', object({ model_version_status: list({ type: 'object' }) }), [400, 404]),
  'v1.metadata': get(
    under(V1, '/metadata'),
    'Signatures of a model',
    object({ model_spec: { type: 'object' }, metadata: { type: 'object' } }),
    [400, 404, 503],
  ),
  'v1.predict': post(
    under(V1, ':predict'),
    'Run a model (TensorFlow Serving)',
    ({ only }) => predictRequest(only?.signature),
    { type: 'object' },
  ),
  'v1.classify': post(under(V1, ':classify'), 'Classify examples', () => examplesRequest, { type: 'object' }),
  'v1.regress': post(under(V1, ':regress'), 'Values for examples', () => examplesRequest, { type: 'object' }),
};

function get(
  paths: readonly string[],
  summary: string,
  answer: Schema | string,
  refusals: readonly number[] = [],
): Operation {
  return { method: 'get', paths, summary, answer, refusals };
}

function order(action: 'load' | 'unload', summary: string): Operation {
  const paths = [`/v2/repository/models/{name}/${action}`];
  const body = () => object({}, { parameters: { type: 'object' } });
  return {
    method: 'post',
    paths,
    summary,
    body,
    bodyOptional: true,
    answer: PLAIN,
    refusals: [400, 408, 413, 415, 429, 503],
  };
}

function post(
  paths: readonly string[],
  summary: string,
  body: (described: Described) => Schema,
  answer: Schema,
): Operation {
  return { method: 'post', paths, summary, body, answer, refusals: CALL };
}

/** The paths that can be asked with success; a server of one version has no labels, and may have nothing to classify. */
export function operations({ only, modelControl }: Described): [string, Operation][] {
  const impossible = (kind: string) => {
    const verb = /^v1\.(classify|regress)$/.exec(kind)?.[1];
    return only && verb !== undefined && !only.methods.includes(`tensorflow/serving/${verb}`);
  };
  return Object.entries(OPERATIONS)
    .filter(([kind]) => !impossible(kind) && (modelControl || !/^v2\.(un)?load$/.test(kind)))
    .map(([kind, each]) => [kind, { ...each, paths: each.paths.filter((path) => !only || !path.includes('{label}')) }]);
}

export function openapi(described: Described): object {
  const { serverVersion, tokens } = described;
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [kind, operation] of operations(described)) {
    for (const path of operation.paths) {
      paths[path] = { ...paths[path], [operation.method]: operationObject(kind, path, operation, described) };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Model server',
      version: serverVersion,
      description: 'Open Inference version 2 with extensions of Triton, and TensorFlow Serving version 1.',
    },
    paths,
    ...(tokens && { security: [{ bearer: [] }] }),
    components: {
      schemas: { Error: error },
      ...(tokens && { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } }),
    },
  };
}

function operationObject(kind: string, path: string, operation: Operation, described: Described): object {
  const { summary, answer, body, bodyOptional = false, refusals } = operation;
  const refused = {
    description: 'Refused',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  };
  const [type, schema] = typeof answer === 'string' ? [answer, text] : ['application/json', answer];
  const statuses = described.tokens ? [401, ...refusals] : refusals;
  return {
    operationId: [kind, ...placeholders(path).slice(1)].join('.'),
    summary,
    tags: [kind.includes('.') ? kind.slice(0, kind.indexOf('.')) : 'server'],
    parameters: placeholders(path).map((name) => ({
      ...{ name, in: 'path', required: true },
      schema: parameterSchema(name, described),
    })),
    ...(body && {
      requestBody: { required: !bodyOptional, content: { 'application/json': { schema: body(described) } } },
    }),
    responses: {
      200: { description: 'Answered', content: { [type]: { schema } } },
      ...Object.fromEntries(statuses.map((status) => [status, refused])),
    },
  };
}

const placeholders = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

function parameterSchema(name: string, { models, only }: Described): Schema {
  if (name === 'name') return text;
  if (name === 'model') return { enum: models };
  if (name === 'label') return { type: 'string', pattern: '^[a-zA-Z0-9_]+$' };
  return only ? { enum: [only.version] } : { type: 'string', pattern: '^[0-9]{1,18}$' };
}

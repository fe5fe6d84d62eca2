/** Which question a request line asks. Names are only compared, never used as paths. */
import { badRequest, methodNotAllowed, notFound, quote } from '../errors.ts';

/** Questions about the server. */
type Plain =
  | 'page'
  | 'openapi'
  | 'docs'
  | MetricsKind
  | 'v2.live'
  | 'v2.ready'
  | 'v2.server'
  | 'v2.models'
  | 'v2.stats'
  | 'v2.index';
/** Metrics under the names of this server, and under those of others. */
type MetricsKind = 'metrics' | 'metrics.triton' | 'metrics.tensorflow' | 'metrics.all';
/** Questions about a model. */
type Named = 'v2.model' | 'v2.modelReady' | 'v2.config' | 'v2.modelStats' | 'v1.status' | 'v1.metadata';
/** What is to be served, where clients may say so. */
type OrderKind = 'v2.load' | 'v2.unload';
/** Requests that run a model. */
export type CallKind = 'v2.infer' | 'v1.predict' | 'v1.classify' | 'v1.regress';

/** The model that is asked for, and which of its versions: by number, by label, or the one that serves by default. */
export interface Target {
  model: string;
  version?: string;
  label?: string;
}

type Of<Kind extends string, Fields> = Kind extends string ? Readonly<{ kind: Kind } & Fields> : never;
export type CallRoute = Of<CallKind, Target>;
/** `name` is of a model that need not be served. */
export type Order = Of<OrderKind, { name: string }>;
export type Question = Of<Plain, object> | Of<Named, Target> | Order;
export type Route = CallRoute | Question;

/** Longest request path that is looked at, in characters. */
const LONGEST_PATH = 2048;

const V2_MODEL = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer|config|stats))?$/;
const V1_MODEL =
  /^\/v1\/models\/([^/:]+)(?:\/versions\/(\d+)|\/labels\/([^/:]+))?(\/metadata|:predict|:classify|:regress)?$/i;
const ORDER = /^\/v2\/repository\/models\/([^/]+)\/(load|unload)$/;

/** The paths of the server itself: what they ask, and with which verb. */
const FIXED: Readonly<Record<string, readonly [Plain, 'GET' | 'POST']>> = {
  '/': ['page', 'GET'],
  '/openapi.json': ['openapi', 'GET'],
  '/docs': ['docs', 'GET'],
  '/metrics': ['metrics', 'GET'],
  '/metrics/triton': ['metrics.triton', 'GET'],
  '/metrics/all': ['metrics.all', 'GET'],
  '/monitoring/prometheus/metrics': ['metrics.tensorflow', 'GET'],
  '/v2': ['v2.server', 'GET'],
  '/v2/': ['v2.server', 'GET'],
  '/v2/models': ['v2.models', 'GET'],
  '/v2/models/stats': ['v2.stats', 'GET'],
  '/v2/repository/index': ['v2.index', 'POST'],
  '/v2/health/live': ['v2.live', 'GET'],
  '/v2/health/ready': ['v2.ready', 'GET'],
};

const OF_MODEL: Readonly<Record<string, Exclude<Named, 'v1.status' | 'v1.metadata'>>> = {
  ready: 'v2.modelReady',
  config: 'v2.config',
  stats: 'v2.modelStats',
};

const V1_CALL: Readonly<Record<string, CallKind>> = {
  ':predict': 'v1.predict',
  ':classify': 'v1.classify',
  ':regress': 'v1.regress',
};

/** A target as proxies are asked it, `http://host/path` (RFC 9112, section 3.2.2), as all others: its path and query. Pure. */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const rest = /^https?:\/\/[^/?#]*(.*)$/i.exec(target)?.[1];
  return rest === undefined ? target : rest.startsWith('/') ? rest : `/${rest}`;
}

/** Most requests ask what the one before them asked. */
let last: { method: string; url: string; asked: Route } | undefined;

/** @throws RequestError 404, 405, or 400 under /v1 as TensorFlow Serving does */
export function route(method: string, url: string): Route {
  if (last?.url === url && last.method === method) return last.asked;
  const asked = read(method, url);
  last = { method, url, asked };
  return asked;
}

function read(method: string, url: string): Route {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  if (path.length > LONGEST_PATH) throw notFound('not found: the path is too long');
  const verb = method === 'HEAD' ? 'GET' : method;
  const fixed = Object.hasOwn(FIXED, path) ? FIXED[path] : undefined;
  if (fixed) {
    if (verb !== fixed[1]) throw methodNotAllowed(fixed[1]);
    return { kind: fixed[0] };
  }
  if (/^\/v1\//i.test(path)) return routeV1(verb, path);
  return routeV2(verb, path);
}

function routeV2(verb: string, path: string): Route {
  const order = ORDER.exec(path);
  if (order) return routeOrder(verb, path, order);
  const match = V2_MODEL.exec(path);
  const model = decode(match?.[1]);
  const version = decode(match?.[2]);
  if (!match || model === undefined || (match[2] !== undefined && version === undefined)) throw unknownPath(path);
  const target = { model, ...(version === undefined ? {} : { version }) };
  const action = match[3];
  if (action === 'infer') {
    if (verb !== 'POST') throw methodNotAllowed('POST');
    return { kind: 'v2.infer', ...target };
  }
  if (verb !== 'GET') throw methodNotAllowed('GET');
  return { kind: OF_MODEL[action ?? ''] ?? 'v2.model', ...target };
}

function routeOrder(verb: string, path: string, [, name, action]: RegExpExecArray): Route {
  const decoded = decode(name);
  if (decoded === undefined) throw unknownPath(path);
  if (verb !== 'POST') throw methodNotAllowed('POST');
  return { kind: action === 'load' ? 'v2.load' : 'v2.unload', name: decoded };
}

const unknownPath = (path: string) => notFound(`not found: ${quote(path)}; see / for what is served here`);

function routeV1(verb: string, path: string): Route {
  const malformed = () => badRequest(`Malformed request: ${verb} ${path.slice(0, 200)}`);
  const match = V1_MODEL.exec(path);
  if (!match) {
    const nameless = /^\/v1\/models\/?$/i.test(path) && verb === 'GET';
    throw nameless ? badRequest('Missing model name in request.') : malformed();
  }
  const model = decode(match[1]);
  const label = decode(match[3]);
  if (model === undefined || (match[3] !== undefined && label === undefined)) throw malformed();
  const target = {
    model,
    ...(match[2] === undefined ? {} : { version: match[2] }),
    ...(label === undefined ? {} : { label }),
  };
  const action = match[4]?.toLowerCase();
  const call = V1_CALL[action ?? ''];
  if (call) {
    if (verb !== 'POST') throw malformed();
    return { kind: call, ...target };
  }
  if (verb !== 'GET') throw malformed();
  return { kind: action === '/metadata' ? 'v1.metadata' : 'v1.status', ...target };
}

/** The same question of a version by its number. */
export function withVersion(url: string, version: string): string {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const named = path.replace(/^(\/v[12]\/models\/[^/:]+)(?:\/(?:versions|labels)\/[^/:]+)?/i, `$1/versions/${version}`);
  return mark < 0 ? named : named + url.slice(mark);
}

function decode(part: string | undefined): string | undefined {
  if (part === undefined) return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** Which question a request line asks. Names are only compared, never used as paths. */
import { badRequest, methodNotAllowed, notFound, quote } from './errors.ts';

/** Questions about the server, and questions about a model. */
type Plain = 'page' | 'metrics' | 'v2.live' | 'v2.ready' | 'v2.server' | 'v2.models';
type Named = 'v2.model' | 'v2.modelReady' | 'v2.infer' | 'v1.status' | 'v1.metadata' | 'v1.predict';
type Of<Kind extends string, Fields> = Kind extends string ? { kind: Kind } & Fields : never;

export type Route = Of<Plain, object> | Of<Named, { model: string; version?: string; label?: string }>;

/** Longest request path that is looked at, in characters. */
const LONGEST_PATH = 2048;

const V2_MODEL = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(\/ready|\/infer)?$/;
const V1_MODEL = /^\/v1\/models\/([^/:]+)(?:\/versions\/(\d+)|\/labels\/([^/:]+))?(\/metadata|:predict)?$/i;

const FIXED: Readonly<Record<string, Plain>> = {
  '/': 'page',
  '/metrics': 'metrics',
  '/v2': 'v2.server',
  '/v2/': 'v2.server',
  '/v2/models': 'v2.models',
  '/v2/health/live': 'v2.live',
  '/v2/health/ready': 'v2.ready',
};

/** @throws RequestError 404, 405, or 400 under /v1 as TensorFlow Serving does */
export function route(method: string, url: string): Route {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  if (path.length > LONGEST_PATH) throw notFound('not found: the path is too long');
  const verb = method === 'HEAD' ? 'GET' : method;
  if (Object.hasOwn(FIXED, path)) {
    if (verb !== 'GET') throw methodNotAllowed('GET');
    return { kind: FIXED[path] ?? 'page' };
  }
  if (/^\/v1\//i.test(path)) return routeV1(verb, path);
  return routeV2(verb, path);
}

function routeV2(verb: string, path: string): Route {
  const match = V2_MODEL.exec(path);
  const model = decode(match?.[1]);
  const version = decode(match?.[2]);
  if (!match || model === undefined || (match[2] !== undefined && version === undefined)) {
    throw notFound(`not found: ${quote(path)}; see / for what is served here`);
  }
  const named = { model, ...(version === undefined ? {} : { version }) };
  if (match[3] === '/infer') {
    if (verb !== 'POST') throw methodNotAllowed('POST');
    return { kind: 'v2.infer', ...named };
  }
  if (verb !== 'GET') throw methodNotAllowed('GET');
  return { kind: match[3] === '/ready' ? 'v2.modelReady' : 'v2.model', ...named };
}

function routeV1(verb: string, path: string): Route {
  const malformed = () => badRequest(`Malformed request: ${verb} ${path.slice(0, 200)}`);
  const match = V1_MODEL.exec(path);
  if (!match)
    throw /^\/v1\/models\/?$/i.test(path) && verb === 'GET'
      ? badRequest('Missing model name in request.')
      : malformed();
  const model = decode(match[1]);
  if (model === undefined) throw malformed();
  const label = decode(match[3]);
  if (label === undefined && match[3] !== undefined) throw malformed();
  const named = {
    model,
    ...(match[2] === undefined ? {} : { version: match[2] }),
    ...(label === undefined ? {} : { label }),
  };
  const action = match[4]?.toLowerCase();
  if (action === ':predict') {
    if (verb !== 'POST') throw malformed();
    return { kind: 'v1.predict', ...named };
  }
  if (verb !== 'GET') throw malformed();
  return { kind: action === '/metadata' ? 'v1.metadata' : 'v1.status', ...named };
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

/** The data path: node:http from request line to answer, without a framework. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { RunError, type Predictor, type ServedModel, type Tensor } from '../model/types.ts';
import { badRequest, errorBody, internalError, notFound, RequestError, unavailable } from '../protocol/errors.ts';
import { jsonText } from '../protocol/json/text.ts';
import type { Inference } from '../protocol/request.ts';
import { route, type Route } from '../protocol/route.ts';
import * as v1 from '../protocol/v1.ts';
import * as v2 from '../protocol/v2.ts';
import type { Logger } from '../telemetry/log.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { checkMedia, readBody } from './body.ts';

export interface Service {
  model: ServedModel;
  predictor: Predictor;
  maxBodyBytes: number;
  serverVersion: string;
  metrics: WorkerMetrics;
  log: Logger;
  draining: () => boolean;
  /** Metrics of all workers, from the supervisor. */
  exposition: () => Promise<{ contentType: string; text: string }>;
}

interface Answer {
  body: string | Buffer;
  type: string;
}

/** How long the rest of a refused body is read and thrown away, so that the client gets to see why, in milliseconds. */
const LINGER_MS = 500;

const json = (body: string | Buffer): Answer => ({ body, type: 'application/json' });

export function createHandler(service: Service): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void handle(service, request, response);
  };
}

async function handle(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { metrics, log } = service;
  const started = performance.now();
  const protocol = protocolOf(request.url ?? '/');
  metrics.inflight.inc();
  let status = 200;
  try {
    const answer = await answerTo(service, request);
    send(service, response, 200, answer, {});
  } catch (error) {
    if (request.destroyed && !request.complete) {
      // The client went away in the middle of its body: nobody is left to answer.
      status = 499;
    } else {
      const known = toRequestError(error, log);
      status = known.status;
      send(service, response, known.status, json(errorBody(known.message)), known.headers, request);
    }
  }
  metrics.inflight.dec();
  metrics.requests.inc({ protocol, code: String(status) });
  const seconds = (performance.now() - started) / 1000;
  metrics.duration.observe({ protocol }, seconds);
  log.debug({ protocol, status, seconds }, 'request');
}

const protocolOf = (url: string) => (/^\/v1\//i.test(url) ? 'v1' : /^\/v2(?:\/|$)/.test(url) ? 'v2' : 'other');

async function answerTo(service: Service, request: IncomingMessage): Promise<Answer> {
  const asked = route(request.method ?? 'GET', request.url ?? '/');
  if (asked.kind === 'v2.infer') {
    checkModel(service.model, asked, v2NotFound);
    return infer(service, request, 'v2');
  }
  if (asked.kind === 'v1.predict') {
    checkModel(service.model, asked, v1.servableNotFound);
    return infer(service, request, 'v1');
  }
  if (asked.kind === 'page') {
    const { page } = await import('./page.ts');
    return { type: 'text/html; charset=utf-8', body: page(service.model, request.headers.host ?? 'localhost:8080') };
  }
  if (asked.kind === 'metrics') {
    const { contentType, text } = await service.exposition();
    return { type: contentType, body: text };
  }
  return json(describe(service, asked));
}

type Question = Exclude<Route, { kind: 'v2.infer' | 'v1.predict' | 'page' | 'metrics' }>;

function describe({ model, serverVersion, draining }: Service, asked: Question): string {
  switch (asked.kind) {
    case 'v2.live':
      return JSON.stringify({ live: true });
    case 'v2.ready':
      if (draining()) throw unavailable('not ready: the server is shutting down');
      return JSON.stringify({ ready: true });
    case 'v2.server':
      return v2.serverMetadata(serverVersion);
    case 'v2.models':
      return JSON.stringify({ models: [model.name] });
    case 'v2.model':
      checkModel(model, asked, v2NotFound);
      return v2.modelMetadata(model);
    case 'v2.modelReady':
      checkModel(model, asked, v2NotFound);
      if (draining()) throw unavailable('not ready: the server is shutting down');
      return JSON.stringify({ name: model.name, ready: true });
    case 'v1.status':
      checkModel(model, asked, v1.servableNotFound);
      return v1.modelStatus(model);
    case 'v1.metadata':
      checkModel(model, asked, v1.servableNotFound);
      return v1.modelMetadata(model);
  }
}

function v2NotFound(name: string, version: string | undefined): RequestError {
  return notFound(
    `Model with name ${JSON.stringify(name.slice(0, 100))}${version === undefined ? '' : ` and version ${JSON.stringify(version.slice(0, 20))}`} does not exist.`,
  );
}

function checkModel(
  model: ServedModel,
  asked: { model: string; version?: string },
  missing: (name: string, version: string | undefined) => RequestError,
): void {
  if (asked.model !== model.name || (asked.version !== undefined && asked.version !== model.version)) {
    throw missing(asked.model.slice(0, 100), asked.version);
  }
}

async function infer(service: Service, request: IncomingMessage, protocol: 'v1' | 'v2'): Promise<Answer> {
  const { model } = service;
  checkMedia(request, protocol);
  const { chunks, length } = await readBody(request, service.maxBodyBytes);
  const text = jsonText(chunks, length);
  if (protocol === 'v1') {
    const asked = v1.decodePredict(text, model);
    return json(v1.encodePredict(asked, await run(service, asked)));
  }
  const asked = v2.decodeInfer(text, model);
  return json(v2.encodeInfer(model, asked, await run(service, asked)));
}

async function run({ model, predictor, metrics }: Service, { signature, inputs }: Inference): Promise<Tensor[]> {
  const { engine } = model;
  const started = performance.now();
  try {
    const outputs = await predictor.predict(signature, inputs);
    metrics.run.observe({ engine }, (performance.now() - started) / 1000);
    return outputs;
  } catch (error) {
    if (error instanceof RunError) metrics.failedRuns.inc({ engine });
    throw error;
  }
}

function toRequestError(error: unknown, log: Logger): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof RunError) return error.exhausted ? unavailable(error.message) : badRequest(error.message);
  log.error({ err: error }, 'request failed');
  return internalError();
}

function send(
  service: Service,
  response: ServerResponse,
  status: number,
  { body, type }: Answer,
  headers: Readonly<Record<string, string>>,
  unread?: IncomingMessage,
): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': typeof body === 'string' ? Buffer.byteLength(body) : body.length,
    ...headers,
    ...(service.draining() ? { Connection: 'close' } : {}),
  });
  if (!unread || unread.complete || status !== 413) {
    response.end(body);
    unread?.resume();
    return;
  }
  // Closing at once would reset the connection under the client's own writes, and it would never read the answer.
  response.write(body);
  unread.resume();
  const timer = setTimeout(() => response.end(), LINGER_MS);
  unread.once('close', () => clearTimeout(timer)).once('end', () => response.end());
}

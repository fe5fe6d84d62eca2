/** The data path: node:http from request line to answer, without a framework. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from '../forward/exchange.ts';
import { anyNonFinite } from '../forward/outputs.ts';
import type { Trial } from '../forward/trial.ts';
import { RunError, type Predictor, type ServedModel } from '../model/types.ts';
import { badRequest, errorBody, internalError, notFound, RequestError, unavailable } from '../protocol/errors.ts';
import { decodeBody } from '../protocol/json.ts';
import { route, type Route } from '../protocol/route.ts';
import * as v1 from '../protocol/v1.ts';
import * as v2 from '../protocol/v2.ts';
import type { Logger } from '../telemetry/log.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { checkMedia, readBody } from './body.ts';
import { factsOf, httpExchange, type Answer, type HttpQuestion } from './exchange.ts';

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
  /** Where a request is answered: here, or by the revision on trial. */
  trial: Trial;
  /** The operator's number of the revision that is served; empty without an operator. */
  revision: string;
}

/** How long the rest of a refused body is read and thrown away, so that the client gets to see why, in milliseconds. */
const LINGER_MS = 500;

const json = (body: string): Answer => ({ status: 200, body, type: 'application/json' });

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
  let status: number;
  try {
    const answer = await answerTo(service, request);
    status = answer.status;
    send(service, response, answer, answer.headers ?? {});
  } catch (error) {
    if (request.destroyed && !request.complete) {
      // The client went away in the middle of its body: nobody is left to answer.
      status = 499;
    } else {
      const known = toRequestError(error, log);
      status = known.status;
      send(service, response, { ...json(errorBody(known.message)), status }, known.headers, request);
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
  if (asked.kind === 'v2.infer' || asked.kind === 'v1.predict') return infer(service, request, asked);
  if (asked.kind === 'page') {
    const { page } = await import('./page.ts');
    return {
      status: 200,
      type: 'text/html; charset=utf-8',
      body: page(service.model, request.headers.host ?? 'localhost:8080'),
    };
  }
  if (asked.kind === 'metrics') {
    const { contentType, text } = await service.exposition();
    return { status: 200, type: contentType, body: text };
  }
  return json(describe(service, asked));
}

type InferRoute = Extract<Route, { kind: 'v2.infer' | 'v1.predict' }>;
type Question = Exclude<Route, InferRoute | { kind: 'page' | 'metrics' }>;

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

async function infer(service: Service, request: IncomingMessage, asked: InferRoute): Promise<Answer> {
  const { model, trial } = service;
  const protocol = asked.kind === 'v1.predict' ? 'v1' : 'v2';
  const { url = '/', headers } = request;
  const { version } = asked;
  const there = trial.names(factsOf(version, headers));
  checkModel(model, there ? { model: asked.model } : asked, protocol === 'v1' ? v1.servableNotFound : v2NotFound);
  checkMedia(request, protocol);
  const body = await readBody(request, service.maxBodyBytes);
  return trial.serve(exchangeOf(service, { protocol, url, version, headers, body }));
}

/** A request as a trial sees it. */
export function exchangeOf(service: Service, question: HttpQuestion): Exchange<Answer> {
  return httpExchange(question, service.revision, () => answerHere(service, question));
}

async function answerHere({ model, predictor, metrics }: Service, { protocol, body }: HttpQuestion) {
  const fields = decodeBody(body, { bareTokens: protocol === 'v1' });
  const { signature, inputs, respond } =
    protocol === 'v1' ? v1.decodePredict(fields, model) : v2.decodeInfer(fields, model);
  const { engine } = model;
  const started = performance.now();
  try {
    const outputs = await predictor.predict(signature, inputs);
    metrics.run.observe({ engine }, (performance.now() - started) / 1000);
    return { answer: json(respond(outputs)), nonFinite: anyNonFinite(outputs) };
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
  { status, body, type }: Answer,
  headers: Readonly<Record<string, string | string[]>>,
  unread?: IncomingMessage,
): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
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

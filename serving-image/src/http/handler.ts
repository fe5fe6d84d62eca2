/** From a request to its answer, counted, logged and traced; and node:http around that, without a framework. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { badRequest, internalError, RequestError, unavailable, RunError, ClientGone } from '../errors.ts';
import { route } from '../protocol/route.ts';
import type { ServerContext } from '../handlers/context.ts';
import { reasonOf, type Reason } from '../telemetry/reasons.ts';
import type { Logger } from '../telemetry/log.ts';
import { traceIdOf } from '../telemetry/trace.ts';
import { sendAnswer, sendError } from './send-response.ts';
import { apiRequestOf, type ApiRequest } from '../handlers/request.ts';
import { handleInference, isCall } from '../handlers/inference.ts';
import type { Traced } from '../handlers/forwardable-request.ts';
import { handleMetadata } from '../handlers/metadata.ts';
import { type ApiResponse } from '../handlers/response.ts';

/** What is counted where no answer was sent, as others count it. */
const CLIENT_GONE = 499;

export function createHandler(service: ServerContext): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void serve(service, apiRequestOf(request), (outcome) => {
      if (outcome instanceof RequestError) sendError(response, outcome, service.draining(), service.admission);
      else sendAnswer(response, outcome, service.draining(), service.admission);
    });
  };
}

/**
 * `send` is called once, unless nobody is there any more: before this returns where the answer needs no waiting, such as
 * "try again later". Resolves when all is done.
 */
export function serve(
  service: ServerContext,
  request: ApiRequest,
  send: (outcome: ApiResponse | RequestError) => void,
): Promise<void> | undefined {
  const started = performance.now();
  const { metrics, log, trace } = service;
  const traced: Traced | undefined = trace && { parts: [] };
  metrics.inflight.inc();
  const answered = (outcome: ApiResponse | RequestError) => {
    const reason = outcome instanceof RequestError ? reasonOf(outcome) : undefined;
    send(outcome);
    finish(service, request, started, traced, outcome.status ?? 200, reason);
  };
  const failed = (error: unknown) => {
    const reason = reasonOf(error);
    if (error instanceof ClientGone) return finish(service, request, started, traced, CLIENT_GONE, reason);
    const known = toRequestError(error, log);
    send(known);
    finish(service, request, started, traced, known.status, reason);
  };
  try {
    const outcome = answerTo(service, request, started, traced);
    if (outcome instanceof Promise) return outcome.then(answered).catch(failed);
    answered(outcome);
  } catch (error) {
    failed(error);
  }
  return undefined;
}

function finish(
  { metrics, log, trace }: ServerContext,
  { method, headers, protocol }: ApiRequest,
  started: number,
  traced: Traced | undefined,
  status: number,
  reason: Reason | undefined,
): void {
  metrics.inflight.dec();
  const ended = performance.now();
  metrics.answered(protocol, status, ended - started, reason);
  if (log.isLevelEnabled('debug')) {
    const traceId = traceIdOf(headers.traceparent);
    log.debug({ protocol, status, milliseconds: ended - started, traceId }, 'request');
  }
  if (!traced?.model) return;
  const { model, parts, template = '' } = traced;
  trace?.request({
    headers,
    method,
    route: template,
    model,
    status,
    started,
    ended,
    parts,
    ...(reason && { reason }),
  });
}

function answerTo(
  service: ServerContext,
  request: ApiRequest,
  started: number,
  traced: Traced | undefined,
): Promise<ApiResponse> | ApiResponse | RequestError {
  const target = route(request.method, request.url);
  return isCall(target)
    ? handleInference(service, target, request, started, traced)
    : handleMetadata(service, target, request);
}

function toRequestError(error: unknown, log: Logger): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof RunError) return error.exhausted ? unavailable(error.message) : badRequest(error.message);
  log.error({ err: error }, 'request failed');
  return internalError();
}

/** From a request to its answer, counted, logged and traced; and node:http around that, without a framework. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { badRequest, internalError, RequestError, unavailable, RunError, ClientGone } from '../errors.ts';
import { route } from '../protocol/route.ts';
import type { Service } from '../handlers/context.ts';
import { reasonOf, type Reason } from '../telemetry/reasons.ts';
import type { Logger } from '../telemetry/log.ts';
import { traceIdOf } from '../telemetry/trace.ts';
import { sendAnswer, sendError } from './send-response.ts';
import { askOf, type Ask } from '../handlers/request.ts';
import { answerCall, isCall } from '../handlers/inference.ts';
import type { Traced } from '../handlers/forwardable-request.ts';
import { answerQuestion } from '../handlers/metadata.ts';
import { type Answer } from '../handlers/response.ts';

/** What is counted where no answer was sent, as others count it. */
const CLIENT_GONE = 499;

export function createHandler(service: Service): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void serve(service, askOf(request), (outcome) => {
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
  service: Service,
  ask: Ask,
  send: (outcome: Answer | RequestError) => void,
): Promise<void> | undefined {
  const started = performance.now();
  const { metrics, log, trace } = service;
  const traced: Traced | undefined = trace && { parts: [] };
  metrics.inflight.inc();
  const answered = (outcome: Answer | RequestError) => {
    const reason = outcome instanceof RequestError ? reasonOf(outcome) : undefined;
    send(outcome);
    finish(service, ask, started, traced, outcome.status ?? 200, reason);
  };
  const failed = (error: unknown) => {
    const reason = reasonOf(error);
    if (error instanceof ClientGone) return finish(service, ask, started, traced, CLIENT_GONE, reason);
    const known = toRequestError(error, log);
    send(known);
    finish(service, ask, started, traced, known.status, reason);
  };
  try {
    const outcome = answerTo(service, ask, started, traced);
    if (outcome instanceof Promise) return outcome.then(answered).catch(failed);
    answered(outcome);
  } catch (error) {
    failed(error);
  }
  return undefined;
}

function finish(
  { metrics, log, trace }: Service,
  { method, headers, protocol }: Ask,
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
  service: Service,
  ask: Ask,
  started: number,
  traced: Traced | undefined,
): Promise<Answer> | Answer | RequestError {
  const asked = route(ask.method, ask.url);
  return isCall(asked) ? answerCall(service, asked, ask, started, traced) : answerQuestion(service, asked, ask);
}

function toRequestError(error: unknown, log: Logger): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof RunError) return error.exhausted ? unavailable(error.message) : badRequest(error.message);
  log.error({ err: error }, 'request failed');
  return internalError();
}

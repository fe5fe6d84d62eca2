/** node:http from request line to answer, without a framework. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClientGone } from '../batching/executor.ts';
import { RunError } from '../model/types.ts';
import { badRequest, internalError, RequestError, unavailable } from '../protocol/errors.ts';
import { route } from '../protocol/route.ts';
import { reasonOf, type Reason } from '../telemetry/reasons.ts';
import type { Logger } from '../telemetry/log.ts';
import { traceIdOf } from '../telemetry/trace.ts';
import { sendAnswer, sendError, type Answer } from './answer.ts';
import { answerCall, isCall } from './calls.ts';
import type { Traced } from './exchange.ts';
import { answerQuestion } from './questions.ts';
import type { Service } from '../service/service.ts';

/** What is counted where no answer was sent, as others count it. */
const CLIENT_GONE = 499;

export function createHandler(service: Service): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void handle(service, request, response);
  };
}

async function handle(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { metrics, log, trace } = service;
  const started = performance.now();
  const protocol = protocolOf(request.url ?? '/');
  const traced: Traced | undefined = trace && { parts: [] };
  metrics.inflight.inc();
  let status: number;
  let reason: Reason | undefined;
  try {
    const answer = await answerTo(service, request, started, traced);
    status = answer.status ?? 200;
    sendAnswer(response, answer, service.draining());
  } catch (error) {
    reason = reasonOf(error);
    if (error instanceof ClientGone) {
      status = CLIENT_GONE;
    } else {
      const known = toRequestError(error, log);
      status = known.status;
      sendError(request, response, known, service.draining());
    }
  }
  metrics.inflight.dec();
  const ended = performance.now();
  metrics.answered(protocol, status, ended - started, reason);
  if (log.isLevelEnabled('debug')) {
    const traceId = traceIdOf(request.headers.traceparent);
    log.debug({ protocol, status, milliseconds: ended - started, traceId }, 'request');
  }
  if (traced?.model) {
    const { method = 'POST', headers } = request;
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
}

const protocolOf = (url: string) => (/^\/v1\//i.test(url) ? 'v1' : /^\/v2(?:\/|$)/.test(url) ? 'v2' : 'other');

function answerTo(
  service: Service,
  request: IncomingMessage,
  started: number,
  traced: Traced | undefined,
): Promise<Answer> | Answer {
  const asked = route(request.method ?? 'GET', request.url ?? '/');
  return isCall(asked) ? answerCall(service, asked, request, started, traced) : answerQuestion(service, asked, request);
}

function toRequestError(error: unknown, log: Logger): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof RunError) return error.exhausted ? unavailable(error.message) : badRequest(error.message);
  log.error({ err: error }, 'request failed');
  return internalError();
}

/** From a request to its answer, counted, logged and traced; and node:http around that, without a framework. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClientGone } from '../batching/executor.ts';
import { RunError } from '../model/types.ts';
import { badRequest, internalError, RequestError, unavailable } from '../protocol/errors.ts';
import { route } from '../protocol/route.ts';
import type { Service } from '../service/service.ts';
import { reasonOf, type Reason } from '../telemetry/reasons.ts';
import type { Logger } from '../telemetry/log.ts';
import { traceIdOf } from '../telemetry/trace.ts';
import { sendAnswer, sendError, type Answer } from './answer.ts';
import { askOf, type Ask } from './ask.ts';
import { answerCall, isCall } from './calls.ts';
import type { Traced } from './exchange.ts';
import { answerQuestion } from './questions.ts';

/** What is counted where no answer was sent, as others count it. */
const CLIENT_GONE = 499;

export function createHandler(service: Service): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void serve(service, askOf(request), (outcome) => {
      if (outcome instanceof RequestError) sendError(request, response, outcome, service.draining());
      else sendAnswer(response, outcome, service.draining());
    });
  };
}

/** `send` is called once, unless nobody is there any more. */
export async function serve(service: Service, ask: Ask, send: (outcome: Answer | RequestError) => void): Promise<void> {
  const { metrics, log, trace } = service;
  const { method, headers, protocol } = ask;
  const started = performance.now();
  const traced: Traced | undefined = trace && { parts: [] };
  metrics.inflight.inc();
  let status: number;
  let reason: Reason | undefined;
  try {
    const outcome = await answerTo(service, ask, started, traced);
    status = outcome.status ?? 200;
    if (outcome instanceof RequestError) reason = reasonOf(outcome);
    send(outcome);
  } catch (error) {
    reason = reasonOf(error);
    if (error instanceof ClientGone) {
      status = CLIENT_GONE;
    } else {
      const known = toRequestError(error, log);
      status = known.status;
      send(known);
    }
  }
  metrics.inflight.dec();
  const ended = performance.now();
  metrics.answered(protocol, status, ended - started, reason);
  if (log.isLevelEnabled('debug')) {
    const traceId = traceIdOf(headers.traceparent);
    log.debug({ protocol, status, milliseconds: ended - started, traceId }, 'request');
  }
  if (traced?.model) {
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

function answerTo(
  service: Service,
  ask: Ask,
  started: number,
  traced: Traced | undefined,
): Promise<Answer | RequestError> | Answer {
  const asked = route(ask.method, ask.url);
  return isCall(asked) ? answerCall(service, asked, ask, started, traced) : answerQuestion(service, asked, ask);
}

function toRequestError(error: unknown, log: Logger): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof RunError) return error.exhausted ? unavailable(error.message) : badRequest(error.message);
  log.error({ err: error }, 'request failed');
  return internalError();
}

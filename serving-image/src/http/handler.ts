/** node:http from request line to answer, without a framework. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClientGone } from '../batching/executor.ts';
import { RunError } from '../model/types.ts';
import { badRequest, internalError, RequestError, unavailable } from '../protocol/errors.ts';
import { route } from '../protocol/route.ts';
import { reasonOf, type Reason } from '../telemetry/reasons.ts';
import type { Logger } from '../telemetry/log.ts';
import { sendAnswer, sendError, type Answer } from './answer.ts';
import { answerCall, isCall } from './calls.ts';
import { answerQuestion } from './questions.ts';
import type { Service } from './service.ts';

/** What is counted where no answer was sent, as others count it. */
const CLIENT_GONE = 499;

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
  let reason: Reason | undefined;
  try {
    const answer = await answerTo(service, request, started);
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
  const milliseconds = performance.now() - started;
  metrics.answered(protocol, status, milliseconds, reason);
  log.debug({ protocol, status, milliseconds }, 'request');
}

const protocolOf = (url: string) => (/^\/v1\//i.test(url) ? 'v1' : /^\/v2(?:\/|$)/.test(url) ? 'v2' : 'other');

function answerTo(service: Service, request: IncomingMessage, started: number): Promise<Answer> | Answer {
  const asked = route(request.method ?? 'GET', request.url ?? '/');
  return isCall(asked) ? answerCall(service, asked, request, started) : answerQuestion(service, asked, request);
}

function toRequestError(error: unknown, log: Logger): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof RunError) return error.exhausted ? unavailable(error.message) : badRequest(error.message);
  log.error({ err: error }, 'request failed');
  return internalError();
}

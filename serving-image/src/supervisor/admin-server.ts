import { createServer, type Server } from 'node:http';
import { WARMUP_PATH, type WarmupReport } from '@modeldeployment/modelpack/contract';
import { TRIAL_PATH, type TrialReport } from '@modeldeployment/modelpack/traffic';
import { sendAnswer, sendError } from '../http/send-response.ts';
import { apiRequestOf, type ApiRequest } from '../handlers/request.ts';
import { admit } from '../http/border.ts';
import { prepare } from '../http/server.ts';
import type { Cors } from '../http/cors.ts';
import type { Catalog } from '../model/catalog.ts';
import * as answers from '../protocol/catalog.ts';
import { PAGE_OF, type Exposition, type Page } from '../telemetry/exposition.ts';
import { internalError, RequestError } from '../errors.ts';
import type { Admission } from '../handlers/admission.ts';
import { route, type Route } from '../protocol/route.ts';
import { json, type ApiResponse } from '../handlers/response.ts';

/** What the supervisor knows without asking a worker. */
export interface State {
  catalog(): Catalog;
  exposition(page: Page): Promise<Exposition>;
  /** What all workers know of a trial. */
  trial(): Promise<TrialReport>;
  /** What all workers found when they warmed up. */
  warmup(): Promise<WarmupReport>;
}

/**
 * A server for what is answered without a worker: health and metrics, so that one that is busy with a long run cannot fail
 * a probe. `answer` rejects with RequestError.
 */
export function createAdmin(
  answer: (request: ApiRequest) => Promise<ApiResponse>,
  admission: Admission,
  cors?: Cors,
): Server {
  const server = createServer();
  prepare(server, admission);
  server.on('request', (request, response) => {
    const refuse = (error: unknown) =>
      sendError(response, error instanceof RequestError ? error : internalError(), false, admission);
    try {
      admit(request);
    } catch (error) {
      return refuse(error);
    }
    if (cors?.answer(request, response, false)) return;
    void answer(apiRequestOf(request)).then((content) => sendAnswer(response, content, false, admission), refuse);
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  return server;
}

/** Answers with what the supervisor knows; `elsewhere` tells who asks for more. */
export function answerOf(state: State, elsewhere: RequestError): (request: ApiRequest) => Promise<ApiResponse> {
  return async ({ method, url }) => {
    if (method === 'GET' && url === TRIAL_PATH) return json(JSON.stringify(await state.trial()));
    if (method === 'GET' && url === WARMUP_PATH) return json(JSON.stringify(await state.warmup()));
    const answer = await answerPlain(state, route(method, url));
    if (!answer) throw elsewhere;
    return answer;
  };
}

/** Health and metrics; undefined for any other question. @throws RequestError 404, 503 */
export async function answerPlain(state: State, target: Route): Promise<ApiResponse | undefined> {
  const page = Object.hasOwn(PAGE_OF, target.kind) ? PAGE_OF[target.kind as keyof typeof PAGE_OF] : undefined;
  if (page) {
    const { contentType, text } = await state.exposition(page);
    return { type: contentType, body: text };
  }
  if (target.kind === 'v2.live') return json(JSON.stringify({ live: true }));
  if (target.kind === 'v2.ready') return json(answers.serverReady(state.catalog()));
  if (target.kind === 'v2.modelReady') return json(answers.modelReady(state.catalog(), target));
  return undefined;
}

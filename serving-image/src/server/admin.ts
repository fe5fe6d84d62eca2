import { createServer, type IncomingMessage, type Server } from 'node:http';
import { TRIAL_PATH, type TrialReport } from '@modeldeployment/modelpack/traffic';
import { json, sendAnswer, sendError, type Answer } from '../http/answer.ts';
import type { Catalog } from '../model/catalog.ts';
import * as answers from '../protocol/catalog.ts';
import { PAGE_OF, type Exposition, type Page } from '../telemetry/exposition.ts';
import { internalError, RequestError } from '../protocol/errors.ts';
import { route } from '../protocol/route.ts';

/** What the supervisor knows without asking a worker. */
export interface State {
  catalog(): Catalog;
  exposition(page: Page): Promise<Exposition>;
  /** What all workers know of a trial. */
  trial(): Promise<TrialReport>;
}

/**
 * Health and metrics, answered by the supervisor so that a worker busy with a long run cannot fail a probe.
 * Everything else gets an error: this server also takes the connections of the model's port while no worker can.
 */
export function createAdmin(state: State, elsewhere: RequestError): Server {
  const server = createServer((request, response) => {
    request.resume();
    void answer(state, elsewhere, request).then(
      (content) => sendAnswer(response, content, false),
      (error: unknown) => sendError(request, response, error instanceof RequestError ? error : internalError(), false),
    );
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  return server;
}

async function answer(state: State, elsewhere: RequestError, request: IncomingMessage): Promise<Answer> {
  if (request.method === 'GET' && request.url === TRIAL_PATH) return json(JSON.stringify(await state.trial()));
  const asked = route(request.method ?? 'GET', request.url ?? '/');
  const page = Object.hasOwn(PAGE_OF, asked.kind) ? PAGE_OF[asked.kind as keyof typeof PAGE_OF] : undefined;
  if (page) {
    const { contentType, text } = await state.exposition(page);
    return { type: contentType, body: text };
  }
  if (asked.kind === 'v2.live') return json(JSON.stringify({ live: true }));
  if (asked.kind === 'v2.ready') return json(answers.serverReady(state.catalog()));
  if (asked.kind === 'v2.modelReady') return json(answers.modelReady(state.catalog(), asked));
  throw elsewhere;
}

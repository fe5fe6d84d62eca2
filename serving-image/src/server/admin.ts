import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { errorBody, notFound, RequestError, unavailable } from '../protocol/errors.ts';
import { TRIAL_PATH, type TrialReport } from '@modeldeployment/modelpack/traffic';
import { route } from '../protocol/route.ts';

/** What the supervisor knows without asking a worker. */
export interface State {
  /** Why the server is not ready, in words; undefined when it is. */
  notReady(): string | undefined;
  model(): { name: string; version: string } | undefined;
  exposition(): Promise<{ contentType: string; text: string }>;
  /** What all workers know of a trial. */
  trial(): Promise<TrialReport>;
}

/**
 * Health and metrics, answered by the supervisor so that a worker busy with a long run cannot fail a probe.
 * Everything else gets a 503: this server also takes the connections of the model's port while no worker can.
 */
export function createAdmin(state: State, elsewhere: RequestError): Server {
  const server = createServer((request, response) => {
    void answer(state, elsewhere, request, response);
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  return server;
}

async function answer(
  state: State,
  elsewhere: RequestError,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  request.resume();
  try {
    const { type, body } = await answerTo(state, elsewhere, request);
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }).end(body);
  } catch (error) {
    const { status, message, headers } =
      error instanceof RequestError ? error : new RequestError(500, 'internal error');
    const body = errorBody(message);
    response
      .writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers })
      .end(body);
  }
}

async function answerTo(
  state: State,
  elsewhere: RequestError,
  request: IncomingMessage,
): Promise<{ type: string; body: string }> {
  const type = 'application/json';
  if (request.method === 'GET' && request.url === TRIAL_PATH)
    return { type, body: JSON.stringify(await state.trial()) };
  const asked = route(request.method ?? 'GET', request.url ?? '/');
  if (asked.kind === 'metrics') {
    const { contentType, text } = await state.exposition();
    return { type: contentType, body: text };
  }
  if (asked.kind === 'v2.live') return { type, body: JSON.stringify({ live: true }) };
  if (asked.kind !== 'v2.ready' && asked.kind !== 'v2.modelReady') throw elsewhere;
  checkReady(state);
  if (asked.kind === 'v2.ready') return { type, body: JSON.stringify({ ready: true }) };
  const model = state.model();
  if (asked.model !== model?.name || (asked.version !== undefined && asked.version !== model.version)) {
    throw notFound(`Model with name ${JSON.stringify(asked.model.slice(0, 100))} does not exist.`);
  }
  return { type, body: JSON.stringify({ name: asked.model, ready: true }) };
}

function checkReady(state: State): void {
  const why = state.notReady();
  if (why !== undefined) throw unavailable(`not ready: ${why}`);
}

import type { Answer } from '../handlers/response.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorBody, type RequestError } from '../errors.ts';
import type { Admission } from '../handlers/admission.ts';
import { countResponse } from './unread.ts';

/** How long the rest of a refused body is read and thrown away, so that the client gets to see why, in milliseconds. */
export const LINGER_MS = 500;

/** With `admission` what its client does not read at once is counted there. */
export function sendAnswer(
  response: ServerResponse,
  { status = 200, type, body, headers }: Answer,
  closing: boolean,
  admission?: Admission,
): void {
  response
    .writeHead(status, {
      'Content-Type': type,
      'Content-Length': typeof body === 'string' ? Buffer.byteLength(body) : body.length,
      ...headers,
      ...(closing ? { Connection: 'close' } : {}),
    })
    .end(body);
  if (admission) countResponse(admission, response);
}

export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  { status, message, headers }: RequestError,
  closing: boolean,
): void {
  const body = errorBody(message);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
    ...(closing ? { Connection: 'close' } : {}),
  });
  if (request.complete || headers.Connection !== 'close') {
    response.end(body);
    request.resume();
    return;
  }
  // Closing at once would reset the connection under the client's own writes, and it would never read the answer.
  response.write(body);
  request.resume();
  const timer = setTimeout(() => response.end(), LINGER_MS);
  request.once('close', () => clearTimeout(timer)).once('end', () => response.end());
}

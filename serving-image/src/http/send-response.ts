import type { ServerResponse } from 'node:http';
import type { Admission } from '../handlers/admission.ts';
import type { ApiResponse } from '../handlers/response.ts';
import { errorBody, type RequestError } from '../errors.ts';
import { endUnread, passOver } from './pass-over.ts';
import { countResponse } from './unread.ts';

/** What its client does not read at once is counted in `admission`, and so is what goes on arriving of the request. */
export function sendAnswer(
  response: ServerResponse,
  { status = 200, type, body, headers }: ApiResponse,
  closing: boolean,
  admission: Admission,
): void {
  response
    .writeHead(status, {
      'Content-Type': type,
      'Content-Length': typeof body === 'string' ? Buffer.byteLength(body) : body.length,
      ...headers,
      ...(closing ? { Connection: 'close' } : {}),
    })
    .end(body);
  countResponse(admission, response);
  passOver(response.req);
}

/** The same for a refusal. */
export function sendError(
  response: ServerResponse,
  { status, message, headers }: RequestError,
  closing: boolean,
  admission: Admission,
): void {
  const request = response.req;
  const body = errorBody(message);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
    ...(closing ? { Connection: 'close' } : {}),
  });
  const unread = !request.complete && headers.Connection === 'close';
  if (unread) response.write(body);
  else response.end(body);
  countResponse(admission, response);
  if (unread) endUnread(response);
  else passOver(request);
}

import type { ServerResponse } from 'node:http';
import { errorBody, internalError, RequestError } from '../protocol/errors.ts';

export interface Answer {
  type: string;
  body: string;
}

export const json = (body: string): Answer => ({ type: 'application/json', body });

/** A whole answer at once. `headers` come on top of those of the content. */
export function reply(response: ServerResponse, { type, body }: Answer, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), ...headers }).end(body);
}

/** What went wrong, in the form of all errors; what is no RequestError is a fault of our own. */
export function replyError(response: ServerResponse, error: unknown, headers: Record<string, string> = {}): void {
  const known = error instanceof RequestError ? error : internalError();
  const body = errorBody(known.message);
  const content = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  response.writeHead(known.status, { ...content, ...known.headers, ...headers }).end(body);
}

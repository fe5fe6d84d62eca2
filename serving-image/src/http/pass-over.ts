/** What goes on arriving of a request that is answered already: it is read and thrown away, as long as that is cheap. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { stopParsing } from '../ipc/socket-handoff.ts';
import { whenTooManyPieces } from '../handlers/pieces.ts';

/**
 * How long the rest of a refused body is read and thrown away, so that the client gets to see why, in milliseconds. Closing at once
 * would reset the connection under the client's own writes, and it would never read the answer.
 */
export const LINGER_MS = 500;

/** Ends an answer after which its connection is closed. The rest of the request is not even parsed. */
export function endUnread(response: ServerResponse): void {
  const request = response.req;
  request.resume();
  stopParsing(request.socket);
  const timer = setTimeout(() => response.end(), LINGER_MS);
  request.once('close', () => clearTimeout(timer));
}

/** The connection is kept, and the rest of the request read for it, unless that comes in too many small pieces. */
export function passOver(request: IncomingMessage): void {
  request.resume();
  whenTooManyPieces(request, () => request.socket.destroySoon());
}

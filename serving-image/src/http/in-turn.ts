import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Requests that a client sends ahead on one connection, one after the other: HTTP/1.1 answers them in this order anyway (RFC 9112,
 * section 9.3.2), and so a connection holds one place at a time, however much it sends ahead.
 */
export function inTurn(listener: RequestListener): RequestListener {
  /** The last response of each connection that is not sent yet. */
  const last = new WeakMap<Socket, ServerResponse>();
  return (request, response) => {
    const { socket } = request;
    const earlier = last.get(socket);
    last.set(socket, response);
    response.once('close', () => {
      if (last.get(socket) === response) last.delete(socket);
    });
    if (earlier === undefined) return listener(request, response);
    earlier.once('close', () => {
      if (!socket.destroyed) listener(request, response);
    });
  };
}

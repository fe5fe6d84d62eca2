/** Answers that clients do not read, counted until they have. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { unsent } from '../ipc/socket-handoff.ts';
import type { Admission, Ticket } from '../handlers/admission.ts';

/** What is held for the client of a connection; it goes with the connection. */
const held = new WeakMap<Socket, Set<Ticket>>();

function hold(admission: Admission, socket: Socket, bytes: number): Ticket {
  let tickets = held.get(socket);
  if (!tickets) {
    const all = (tickets = new Set<Ticket>());
    held.set(socket, all);
    socket.once('close', () => {
      for (const ticket of all) ticket.leave();
    });
  }
  const ticket = admission.enter();
  tickets.add(ticket);
  if (ticket.take(bytes)) socket.destroy();
  return ticket;
}

function release(socket: Socket, ticket: Ticket): void {
  held.get(socket)?.delete(ticket);
  ticket.leave();
}

/** A client that is too slow loses its connection. */
const wait = (socket: Socket, ticket: Ticket, bytes: number): void =>
  ticket.wait(
    () => socket.destroy(),
    () => bytes - unsent(socket),
  );

/**
 * Counts an answer that its client does not read at once, until it has. A client that is too slow for that loses its connection.
 * @returns to be called when it is read
 */
export function countUnread(admission: Admission, socket: Socket, bytes: number): () => void {
  const ticket = hold(admission, socket, bytes);
  wait(socket, ticket, bytes);
  return () => release(socket, ticket);
}

/**
 * The same for an answer of node:http, which may have others before it: its client is waited for when those are read. `read` is the
 * event that says that it is: all of it with the end of an answer, what was written so far in the middle of one.
 */
export function countResponse(
  admission: Admission,
  response: ServerResponse,
  read: 'finish' | 'drain' = 'finish',
  then: () => void = () => undefined,
): void {
  const { writableLength: bytes } = response;
  const { socket } = response.req;
  if (bytes === 0 || socket.destroyed) return;
  const ticket = hold(admission, socket, bytes);
  response.once(read, () => {
    release(socket, ticket);
    then();
  });
  if (response.socket) wait(socket, ticket, bytes);
  else response.once('socket', () => wait(socket, ticket, bytes));
}

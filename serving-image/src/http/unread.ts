import type { Socket } from 'node:net';
import { unsent } from '../server/handle.ts';
import type { Admission } from '../service/admission.ts';

/**
 * Counts an answer that its client does not read at once, until it has. A client that is too slow for that loses its connection.
 * @returns to be called when it is read
 */
export function countUnread(admission: Admission, socket: Socket, bytes: number): () => void {
  const ticket = admission.enter();
  const leave = () => {
    socket.off('close', leave);
    ticket.leave();
  };
  socket.once('close', leave);
  ticket.wait(
    () => socket.destroy(),
    () => bytes - unsent(socket),
  );
  if (ticket.take(bytes)) socket.destroy();
  return leave;
}

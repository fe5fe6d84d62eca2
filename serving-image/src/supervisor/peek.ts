import type { Socket } from 'node:net';
import { KEEP_ALIVE_MS } from '../http/server.ts';
import { startReading, stopReading } from '../ipc/socket-handoff.ts';

/** How long the first line of a connection may take, in milliseconds. */
const LINE_MS = 10_000;
/** Longest first line that is waited for, in bytes: a worker refuses what is longer. */
const LONGEST_LINE = 16_384;

const NEWLINE = 0x0a;

/** The first line of a request, or undefined where the bytes are none. Pure. */
export function requestLine(head: Buffer): { method: string; url: string } | undefined {
  const end = head.indexOf(NEWLINE);
  const match = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r?$/.exec(head.toString('latin1', 0, end));
  return match?.[1] !== undefined && match[2] !== undefined ? { method: match[1], url: match[2] } : undefined;
}

/**
 * Reads a connection as far as its first line, and stops. `done` gets all that was read, which may be more than the line,
 * or less when the client stops there; it is not called for a connection that ends or never speaks.
 */
export function peek(socket: Socket, done: (head: Buffer) => void): void {
  const chunks: Buffer[] = [];
  const settle = (then: () => void) => {
    clearTimeout(timer);
    socket.off('data', onData).off('end', onEnd).off('close', onClose).pause();
    then();
  };
  const finish = () => settle(() => done(Buffer.concat(chunks)));
  const abandon = () => settle(() => socket.destroy());
  let timer = setTimeout(abandon, KEEP_ALIVE_MS);
  const onData = (chunk: Buffer) => {
    if (chunks.length === 0) {
      clearTimeout(timer);
      timer = setTimeout(finish, LINE_MS);
    }
    chunks.push(chunk);
    const length = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (!chunk.includes(NEWLINE) && length < LONGEST_LINE) return;
    // In this very turn, or bytes that follow would be read here and lost.
    stopReading(socket);
    finish();
  };
  const onEnd = () => (chunks.length === 0 ? abandon() : finish());
  const onClose = () => settle(() => undefined);
  socket.on('data', onData).on('end', onEnd).on('close', onClose);
  socket.resume();
  startReading(socket);
}

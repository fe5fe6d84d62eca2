/**
 * What passing a connection between processes needs to know of node's insides, all in one place: when the kernel's bytes
 * are read, and whether a parser stands between two requests. Everything else here is node's public interface.
 */
import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';

interface Handle {
  /** Bytes that the kernel has not taken yet. */
  writeQueueSize?: number;
  reading: boolean;
  readStart(): number;
  readStop(): number;
}

interface Insides {
  _handle?: Handle | null;
  /** How a stream asks for more; it would do so by itself after each chunk. */
  _read?: () => void;
  /** Set by net and http servers; node then keeps lists of their sockets in both processes, which nothing here asks for. */
  server?: unknown;
  /** The HTTP parser; `duration` is 0 from the end of a message to the first byte of the next. */
  parser?: { duration?(): number } | null;
}

const insides = (socket: Socket): Insides => socket as unknown as Insides;

/** From now on bytes stay in the kernel, where the next process finds them. */
export function stopReading(socket: Socket): void {
  const inner = insides(socket);
  inner.server = null;
  inner._read = () => undefined;
  if (!inner._handle) return;
  inner._handle.reading = false;
  inner._handle.readStop();
}

export function startReading(socket: Socket): void {
  const inner = insides(socket);
  // What the class has comes back.
  delete inner._read;
  const handle = inner._handle;
  if (!handle || handle.reading) return;
  handle.reading = true;
  handle.readStart();
}

/** Bytes written to the connection that the kernel has not taken: its client does not read them. */
export function unsent(socket: Socket): number {
  // Of a large write node knows only whether all of it has gone.
  return insides(socket)._handle?.writeQueueSize ?? socket.writableLength;
}

/**
 * Whether no byte of this connection is held by this process: another one can go on with it. `begun` says that the parser
 * was given bytes that were read elsewhere.
 */
export function betweenRequests(socket: Socket, begun: boolean): boolean {
  const { parser } = insides(socket);
  const open = !socket.destroyed && !socket.writableEnded && !socket.readableEnded && socket.writableLength === 0;
  return open && ((socket.bytesRead === 0 && !begun) || parser?.duration?.() === 0);
}

/**
 * The same connection, whose bytes are read into `buffer` from now on, many connections into one: `onBytes` gets their number, and
 * has to take them before it returns; `false` stops reading. Undefined when the connection is closed already, or bytes of it were
 * read before.
 */
export function readInto(socket: Socket, buffer: Buffer, onBytes: (count: number) => boolean): Socket | undefined {
  const inner = insides(socket);
  const handle = inner._handle;
  if (!handle || socket.destroyed || socket.readableLength > 0) return undefined;
  inner._handle = null;
  const options: SocketConstructorOpts & { handle: Handle; manualStart: boolean; onread: OnReadOpts } = {
    handle,
    manualStart: true,
    allowHalfOpen: true,
    onread: { buffer, callback: onBytes },
  };
  return new Socket(options);
}

/**
 * What passing a connection between processes needs to know of node's insides, all in one place: when the kernel's bytes
 * are read, and whether a parser stands between two requests. Everything else here is node's public interface.
 */
import type { Http2Session } from 'node:http2';
import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';

interface Handle {
  /** Bytes that the kernel has not taken yet. */
  writeQueueSize?: number;
  reading: boolean;
  readStart(): number;
  readStop(): number;
}

interface Parser {
  duration?(): number;
  pause(): void;
  /** Its callbacks have numbers. */
  [callback: number]: unknown;
}

interface Insides {
  _handle?: Handle | null;
  /** How a stream asks for more; it would do so by itself after each chunk. */
  _read?: () => void;
  /** Set by net and http servers; node then keeps lists of their sockets in both processes, which nothing here asks for. */
  server?: unknown;
  /** The HTTP parser; `duration` is 0 from the end of a message to the first byte of the next. */
  parser?: Parser | null;
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

/** By these names node's parser calls back. */
const CALLBACK = /^parserOn(?:Headers|HeadersComplete|Body|MessageComplete)$/;

/**
 * From now on what the client of a request sends is read and thrown away unparsed, and of what has been read no more is told: the
 * parser calls back for each piece of a body, and there may be thousands in a packet. The server may tell of it as a
 * `clientError` with the code PARSING_STOPPED.
 */
export function stopParsing(socket: Socket): void {
  const { parser } = insides(socket);
  if (!parser) return;
  // In the middle of a packet it goes on to the end of that.
  parser.pause();
  const silenced = Object.entries(parser).filter(([, value]) =>
    CALLBACK.test((value as { name?: string } | null)?.name ?? ''),
  );
  for (const [place] of silenced) parser[Number(place)] = null;
  // Other connections use it after this one.
  const restore = () => Object.assign(parser, Object.fromEntries(silenced));
  socket.prependOnceListener('close', restore);
  setImmediate(() => {
    restore();
    socket.off('close', restore);
    socket.removeAllListeners('data');
    socket.on('data', () => undefined).resume();
  });
}

export const PARSING_STOPPED = 'HPE_PAUSED';

/** The session of HTTP/2 that reads this connection; undefined when there is none. */
export function sessionOf(socket: Socket): Http2Session | undefined {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'session');
  return key && (socket as unknown as Record<symbol, Http2Session | undefined>)[key];
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

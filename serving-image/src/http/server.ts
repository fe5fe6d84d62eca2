/** The HTTP server of a worker: how long it waits, and what it answers to bytes that are no request. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorBody } from '../errors.ts';
import type { Admission } from '../handlers/admission.ts';
import { PARSING_STOPPED } from '../ipc/socket-handoff.ts';
import { countPieces } from '../handlers/pieces.ts';

export interface Timeouts {
  /** Until a request's headers have arrived. */
  headerSeconds: number;
  /** Until its body has arrived, too. */
  requestSeconds: number;
  /** Largest body, in bytes: one that says it is larger is not asked for. */
  bodyBytes: number;
}

export const MAX_HEADER_BYTES = 16_384;
/** How long a connection is kept for its next request, in milliseconds. */
export const KEEP_ALIVE_MS = 75_000;
/**
 * How long clients are told that it is kept, in milliseconds. Not longer than a server that ends goes on answering (DRAIN_SECONDS):
 * what is idle when it closes is idle for longer than that, so that clients that listen to this have left, and no request of theirs
 * crosses the closing on its way.
 */
export const ADVERTISED_KEEP_ALIVE_MS = 5_000;
const UNTOLD_MS = KEEP_ALIVE_MS - ADVERTISED_KEEP_ALIVE_MS;
/** How often connections that wait are looked at, in milliseconds. */
export const CHECK_MS = 2_000;

export function createHttpServer({ headerSeconds, requestSeconds, bodyBytes }: Timeouts, admission: Admission): Server {
  const server = createServer({
    keepAliveTimeout: ADVERTISED_KEEP_ALIVE_MS,
    headersTimeout: headerSeconds * 1000,
    requestTimeout: requestSeconds * 1000,
    connectionsCheckingInterval: CHECK_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
  prepare(server, admission);
  // Node tells clients the time that it waits itself; with a listener here it leaves the end to us.
  server.on('timeout', (socket: Socket) =>
    socket.timeout === UNTOLD_MS ? socket.destroy() : socket.setTimeout(UNTOLD_MS),
  );
  // A client that asks before it sends its body need not send one that is too large.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (Number(request.headers['content-length'] ?? 0) <= bodyBytes) response.writeContinue();
    server.emit('request', request, response);
  });
  return server;
}

/** What every server of ours does before anything else: it counts pieces of bodies, and says what is wrong with bytes that are no request. */
export function prepare(server: Server, admission: Admission): void {
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (request, response) => {
    answers.set(request.socket, response);
    countPieces(request, admission);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // It is being answered.
    if (error.code === PARSING_STOPPED) return;
    refuse(error, socket, answers.get(socket)?.headersSent === true);
  });
}

interface Refusal {
  status: string;
  message: string;
}

/** By the code of node's error; any other is a 400. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', message: 'the request did not arrive in time' },
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    message: `the headers are larger than ${MAX_HEADER_BYTES} bytes`,
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: '413 Payload Too Large', message: 'the chunk extensions are too large' },
};
const MALFORMED: Refusal = { status: '400 Bad Request', message: 'this is no request of HTTP/1.1' };

/** `answering`: an answer is under way on this connection, which another one would garble. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex, answering: boolean): void {
  if (answering || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, message } = REFUSALS[error.code ?? ''] ?? MALFORMED;
  socket.end(plainRefusal(status, message), () => socket.destroy());
}

/** An answer in bytes, for where there is no request that node:http could answer. */
export function plainRefusal(status: string, message: string, headers: Readonly<Record<string, string>> = {}): string {
  const body = errorBody(message);
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

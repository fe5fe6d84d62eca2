import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { sendError } from '../http/send-response.ts';
import type { BufferedRequest } from '../handlers/request.ts';
import { badRequest, internalError, RequestError, unavailable } from '../errors.ts';
import { endUnread, passOver } from '../http/pass-over.ts';
import { whenTooManyPieces } from '../handlers/pieces.ts';
import { countResponse } from '../http/unread.ts';
import { passedBack, PassedHeaders, type Headers } from '../protocol/passed-headers.ts';
import type { Admission, Ticket } from '../handlers/admission.ts';
import * as upstream from '../upstream.ts';
import { type ApiResponse } from '../handlers/response.ts';

/** Where a request is passed on to: a worker's socket, and the path with the version by its number. */
export interface Upstream {
  socket: string;
  url: string;
}

/** Worker sockets that are tried before the client is told to come again. */
const ATTEMPTS = 3;
const WORKER_ENDED = 'the worker of this version ended before it answered';

/** Passes requests for other versions on to their workers, over connections that are kept. */
export class PeerProxy {
  readonly #connections = new Map<string, upstream.SharedConnections>();

  constructor(
    private readonly admission: Admission,
    private readonly closing: () => boolean,
    /** Headers that other workers heed beside those that all servers do, in lower case. */
    private readonly heeded: () => Iterable<string>,
  ) {}

  /** Closes the connections to all sockets but these: a worker ends when nobody is connected to it. */
  keep(sockets: ReadonlySet<string>): void {
    for (const [socket, connections] of this.#connections) {
      if (sockets.has(socket)) continue;
      this.#connections.delete(socket);
      connections.release();
    }
  }

  /** `next` tells where to, anew for each attempt; it may throw a RequestError. */
  pass(request: IncomingMessage, response: ServerResponse, next: () => Upstream, attempt = 1): void {
    let target: ClientRequest;
    try {
      target = this.#open(next(), request.method ?? 'GET', request.headers, lengthOf(request));
    } catch (error) {
      return this.#refuse(response, error);
    }
    let sent = false;
    let refusal = unavailable(WORKER_ENDED);
    whenTooManyPieces(request, (problem) => {
      [refusal, sent] = [problem, true];
      target.destroy();
    });
    const send = () => {
      sent = true;
      request.pipe(target);
    };
    const abandon = () => target.destroy();
    response.once('close', abandon);
    target.once('socket', (socket) => (socket.connecting ? socket.once('connect', send) : send()));
    target.once('response', (answer) => this.#answer(request, response, target, answer));
    target.on('error', () => {
      if (response.closed || response.writableEnded) return;
      if (response.headersSent) return void response.destroy();
      if (sent || attempt >= ATTEMPTS) {
        return this.#refuse(response, refusal);
      }
      // That worker has gone and nothing was sent. What has come instead is known in the next turn.
      response.off('close', abandon);
      setImmediate(() => this.pass(request, response, next, attempt + 1));
    });
  }

  /** The same for a request that is here as a whole. Rejects with RequestError. */
  async forward(forward: BufferedRequest, next: () => Upstream): Promise<ApiResponse> {
    const ticket = this.admission.enter();
    try {
      const problem = ticket.take(forward.content.length) ?? ticket.place();
      if (problem) throw problem;
      for (let attempt = 1; ; attempt++) {
        const answer = await this.#send(forward, next(), ticket);
        if (answer) return answer;
        if (attempt >= ATTEMPTS) throw unavailable(WORKER_ENDED);
      }
    } finally {
      ticket.leave();
    }
  }

  /** Undefined when that worker has gone and was not asked. Rejects when it ended before it answered. */
  #send(
    { method, headers, content }: BufferedRequest,
    destination: Upstream,
    ticket: Ticket,
  ): Promise<ApiResponse | undefined> {
    return new Promise((resolve, reject) => {
      const target = this.#open(destination, method, headers, content.length);
      let sent = false;
      const send = () => {
        sent = true;
        for (const chunk of content.chunks) target.write(chunk);
        target.end();
      };
      const failed = () => (sent ? reject(unavailable(WORKER_ENDED)) : setImmediate(() => resolve(undefined)));
      target.once('socket', (socket) => (socket.connecting ? socket.once('connect', send) : send()));
      target.on('error', failed);
      target.once('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          const problem = ticket.take(chunk.length);
          if (!problem) return;
          reject(problem);
          target.destroy();
        });
        incoming.once('error', failed);
        upstream.whenAnswered(target, incoming, () => {
          const { 'content-type': type = '', ...rest } = passedBack(incoming.headers);
          resolve({
            status: incoming.statusCode ?? 0,
            type: String(type),
            headers: rest,
            body: Buffer.concat(chunks),
          });
        });
      });
    });
  }

  #open({ socket, url }: Upstream, method: string, headers: Headers, length: number | undefined): ClientRequest {
    return upstream.ask({
      connections: this.#to(socket),
      to: { socketPath: socket },
      method,
      path: url,
      headers: PassedHeaders.ofClient(headers, this.heeded()),
      length,
    });
  }

  #refuse(response: ServerResponse, error: unknown): void {
    sendError(response, error instanceof RequestError ? error : internalError(), this.closing(), this.admission);
  }

  #answer(request: IncomingMessage, response: ServerResponse, target: ClientRequest, answer: IncomingMessage): void {
    const headers: Record<string, string | string[]> = passedBack(answer.headers);
    const length = answer.headers['content-length'];
    if (length !== undefined) headers['Content-Length'] = length;
    if (this.closing() || answer.headers.connection === 'close') headers.Connection = 'close';
    response.writeHead(answer.statusCode ?? 502, headers);
    answer.on('data', (piece: Buffer) => {
      if (response.write(piece)) return;
      // Its client does not read as fast as it is answered.
      answer.pause();
      countResponse(this.admission, response, 'drain', () => answer.resume());
    });
    answer.once('error', () => response.destroy());
    upstream.whenAnswered(target, answer, () => {
      // Refused in the middle of its body.
      request.unpipe();
      if (!request.complete && headers.Connection === 'close') return endUnread(response);
      response.end();
      passOver(request);
    });
  }

  #to(socket: string): upstream.SharedConnections {
    const known = this.#connections.get(socket);
    if (known) return known;
    const connections = new upstream.SharedConnections();
    this.#connections.set(socket, connections);
    return connections;
  }
}

/** As node:http has read it: it gives a body of exactly so many bytes, or an error. @throws RequestError 400 */
function lengthOf({ headers }: IncomingMessage): number | undefined {
  if (headers['transfer-encoding'] !== undefined) return undefined;
  const length = Number(headers['content-length'] ?? 0);
  if (!Number.isSafeInteger(length)) throw badRequest('Content-Length is no length');
  return length;
}

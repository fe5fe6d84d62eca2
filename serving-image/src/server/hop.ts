import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { LINGER_MS, sendError, type Answer } from '../http/answer.ts';
import type { WholeAsk } from '../http/ask.ts';
import { endToEnd } from '../protocol/end-to-end.ts';
import { internalError, RequestError, unavailable } from '../protocol/errors.ts';

/** Where a request is passed on to: a worker's socket, and the path with the version by its number. */
export interface Destination {
  door: string;
  url: string;
}

/** Worker sockets that are tried before the client is told to come again. */
const ATTEMPTS = 3;
const WORKER_ENDED = 'the worker of this version ended before it answered';

/** Passes requests for other versions on to their workers, over connections that are kept. */
export class Hop {
  readonly #agents = new Map<string, Agent>();

  constructor(private readonly closing: () => boolean) {}

  /** Lets go of the connections to all doors but these: a worker ends when nobody is connected to it. */
  keep(doors: ReadonlySet<string>): void {
    for (const [door, agent] of this.#agents) {
      if (doors.has(door)) continue;
      this.#agents.delete(door);
      // Those in use close when their request is answered.
      agent.maxFreeSockets = 0;
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    }
  }

  /** `next` tells where to, anew for each attempt; it may throw a RequestError. */
  pass(request: IncomingMessage, response: ServerResponse, next: () => Destination, attempt = 1): void {
    let destination: Destination;
    try {
      destination = next();
    } catch (error) {
      return this.#refuse(request, response, error);
    }
    const upstream = httpRequest({
      socketPath: destination.door,
      agent: this.#agent(destination.door),
      method: request.method ?? 'GET',
      path: destination.url,
      headers: endToEnd(request.headers),
    });
    let sent = false;
    const send = () => {
      sent = true;
      request.pipe(upstream);
    };
    const abandon = () => upstream.destroy();
    response.once('close', abandon);
    upstream.once('socket', (socket) => (socket.connecting ? socket.once('connect', send) : send()));
    upstream.once('response', (answer) => this.#answer(request, response, answer));
    upstream.on('error', () => {
      if (response.closed || response.writableEnded) return;
      if (response.headersSent) return void response.destroy();
      if (sent || attempt >= ATTEMPTS) {
        return this.#refuse(request, response, unavailable(WORKER_ENDED));
      }
      // That worker has gone and nothing was sent. What has come instead is known in the next turn.
      response.off('close', abandon);
      setImmediate(() => this.pass(request, response, next, attempt + 1));
    });
  }

  /** The same for a request that is here as a whole. Rejects with RequestError. */
  async ask(ask: WholeAsk, next: () => Destination): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#send(ask, next());
      if (answer) return answer;
      if (attempt >= ATTEMPTS) throw unavailable(WORKER_ENDED);
    }
  }

  /** Undefined when that worker has gone and was not asked. Rejects when it ended before it answered. */
  #send({ method, headers, content }: WholeAsk, { door, url }: Destination): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      const upstream = httpRequest({
        socketPath: door,
        agent: this.#agent(door),
        method,
        path: url,
        headers: { ...endToEnd(headers), 'content-length': content.length },
      });
      let sent = false;
      const send = () => {
        sent = true;
        for (const chunk of content.chunks) upstream.write(chunk);
        upstream.end();
      };
      const failed = () => (sent ? reject(unavailable(WORKER_ENDED)) : setImmediate(() => resolve(undefined)));
      upstream.once('socket', (socket) => (socket.connecting ? socket.once('connect', send) : send()));
      upstream.once('error', failed);
      upstream.once('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.once('error', failed);
        incoming.once('end', () => {
          const { 'content-type': type = '', ...rest } = endToEnd(incoming.headers);
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

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    sendError(request, response, error instanceof RequestError ? error : internalError(), this.closing());
  }

  #answer(request: IncomingMessage, response: ServerResponse, answer: IncomingMessage): void {
    const headers = endToEnd(answer.headers);
    if (this.closing() || answer.headers.connection === 'close') headers.Connection = 'close';
    response.writeHead(answer.statusCode ?? 502, headers);
    answer.pipe(response, { end: false });
    answer.once('error', () => response.destroy());
    answer.once('end', () => {
      if (request.complete) return void response.end();
      // Refused in the middle of its body.
      request.unpipe();
      request.resume();
      const timer = setTimeout(() => response.end(), LINGER_MS);
      request.once('close', () => clearTimeout(timer)).once('end', () => response.end());
    });
  }

  #agent(door: string): Agent {
    const known = this.#agents.get(door);
    if (known) return known;
    const agent = new Agent({ keepAlive: true });
    this.#agents.set(door, agent);
    return agent;
  }
}

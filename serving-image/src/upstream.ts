/**
 * Asks another server over HTTP/1.1, on connections that the requests of many clients share. The one place that does (a rule
 * of lint holds it): it frames every request itself, and a connection with anything left over is closed, never used again.
 */
import { Agent, request, type AgentOptions, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { PassedHeaders } from './protocol/passed-headers.ts';

/** Connections that are kept between requests. */
export class SharedConnections extends Agent {
  constructor(options: Omit<AgentOptions, 'keepAlive'> = {}) {
    super({ ...options, keepAlive: true });
  }

  /** Lets go of them: those in use close when their request is answered. */
  release(): void {
    this.maxFreeSockets = 0;
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  // Node calls both of these; their results are not in its types.
  override keepSocketAlive(socket: Socket): boolean {
    const kept = (super.keepSocketAlive as (socket: Socket) => boolean | undefined)(socket) ?? true;
    if (kept) socket.on('data', unasked);
    return kept;
  }

  override reuseSocket(socket: Socket, asked: ClientRequest): void {
    socket.off('data', unasked);
    super.reuseSocket(socket, asked);
  }
}

/** Nobody has asked for it: the next one who does must not get that. */
function unasked(this: Socket): void {
  this.destroy();
}

export interface Outgoing {
  connections: SharedConnections;
  to: { socketPath: string } | { host: string; port: number };
  method: string;
  path: string;
  headers: PassedHeaders;
  /** What this server says itself beside them. */
  own?: Readonly<Record<string, string>>;
  /** Of the body, in bytes, as this server has counted or read it; undefined where only its end tells. */
  length: number | undefined;
}

/** @throws TypeError when the path or a header cannot be sent */
export function ask({ connections, to, method, path, headers, own, length }: Outgoing): ClientRequest {
  const framing = length === undefined ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': length };
  // Also of a GET: node would send its body without.
  return request({ ...to, agent: connections, method, path, headers: { ...headers.fields, ...own, ...framing } });
}

/** Calls back when an answer has come to its end: where the request had not, nobody may use that connection again. */
export function whenAnswered(asked: ClientRequest, answer: IncomingMessage, then: () => void): void {
  answer.once('end', () => {
    if (!asked.writableFinished) asked.destroy();
    then();
  });
}

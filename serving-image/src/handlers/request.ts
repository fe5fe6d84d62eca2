import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Ticket } from './admission.ts';
import { isGone, readBody, type Body } from './body.ts';

/** A request in the terms of HTTP, whatever has carried it. */
export interface ApiRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Address of the client, without its port; empty when it is not known. */
  readonly peer: string;
  /** What has carried it, in TensorFlow Serving's words. */
  readonly entrypoint: 'REST' | 'GRPC';
  /** What metrics call that. */
  readonly protocol: string;
  /** The whole body, counted in `ticket` while it arrives. @throws RequestError 400, 413, 503; ClientGone */
  body(ticket: Ticket): Promise<Body> | Body;
  /** Whether an answer could reach the client no more. */
  gone(): boolean;
}

/** A request that is here with its whole body. */
export interface BufferedRequest extends ApiRequest {
  readonly content: Body;
}

/** What metrics call the protocol of a path. */
export const protocolOf = (url: string): string =>
  /^\/v1\//i.test(url) ? 'v1' : /^\/v2(?:\/|$)/.test(url) ? 'v2' : 'other';

export function apiRequestOf(request: IncomingMessage): ApiRequest {
  const { method = 'GET', url = '/', headers } = request;
  return {
    method,
    url,
    headers,
    peer: request.socket.remoteAddress ?? '',
    entrypoint: 'REST',
    protocol: protocolOf(url),
    body: (ticket) => readBody(request, ticket),
    gone: () => isGone(request),
  };
}

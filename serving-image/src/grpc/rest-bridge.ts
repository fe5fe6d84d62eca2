import type { Metadata } from '@grpc/grpc-js';

import type { BufferedRequest } from '../handlers/request.ts';
import type { Body } from '../handlers/body.ts';
import { RequestError } from '../errors.ts';
import { LENGTH_FIELD } from '../protocol/v2/framing.ts';
import { headersOf } from './guard.ts';
import type { ApiResponse } from '../handlers/response.ts';

/** Answers a request as REST does. Rejects with RequestError and ClientGone. */
export type Respond = (request: BufferedRequest) => Promise<ApiResponse>;

/** What is known of a call beside its message. */
export interface Call {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  /** Address and port of the client. */
  getPeer(): string;
}

const NO_BODY: Body = { chunks: [], length: 0, jsonLength: undefined };
/** What metadata must not say of the body, which is another one now. */
const OF_BODY = ['content-length', 'content-encoding', 'transfer-encoding', 'expect', 'host'];

/** A call as a client of REST: asks what its message asks, with its metadata as headers. */
export class RestBridge {
  constructor(
    private readonly respond: Respond,
    private readonly call: Call,
    private readonly protocol: 'v1' | 'v2',
  ) {}

  /** Until the deadline of the call, in milliseconds; Infinity without one. */
  get timeoutMs(): number {
    return Number(this.call.getDeadline()) - Date.now();
  }

  /** @returns the JSON of the answer @throws RequestError */
  async get<T>(url: string): Promise<T> {
    return JSON.parse((await this.#send('GET', url, NO_BODY)).body.toString()) as T;
  }

  /** Whether the answer is a 200; not ready is not an error. @throws RequestError other than 404 and 503 */
  async isReady(url: string): Promise<boolean> {
    try {
      await this.#send('GET', url, NO_BODY);
      return true;
    } catch (error) {
      if (error instanceof RequestError && (error.status === 503 || error.status === 404)) return false;
      throw error;
    }
  }

  /** @throws RequestError, ClientGone */
  async post(url: string, body: Body): Promise<ApiResponse> {
    // A cancellation that has come with the message is known one turn of the event loop later.
    await new Promise(setImmediate);
    return this.#send('POST', url, body);
  }

  async #send(method: string, url: string, content: Body): Promise<ApiResponse> {
    const { call } = this;
    const headers = headersOf(call.metadata);
    for (const name of OF_BODY) delete headers[name];
    headers['content-type'] = content.jsonLength === undefined ? 'application/json' : 'application/octet-stream';
    if (content.jsonLength === undefined) delete headers[LENGTH_FIELD];
    else headers[LENGTH_FIELD] = content.jsonLength;
    const answer = await this.respond({
      method,
      url,
      headers,
      content,
      peer: call.getPeer().replace(/:\d+$/, ''),
      entrypoint: 'GRPC',
      protocol: `${this.protocol}-grpc`,
      async body(ticket) {
        for (const chunk of content.chunks) {
          const problem = ticket.take(chunk.length);
          if (problem) throw problem;
        }
        return Promise.resolve(content);
      },
      gone: () => call.cancelled,
    });
    // One that comes from another process tells its errors as all others are told.
    if (answer.status !== undefined && answer.status >= 400) throw new RequestError(answer.status, errorOf(answer));
    return answer;
  }
}

function errorOf({ body }: ApiResponse): string {
  try {
    return String((JSON.parse(body.toString()) as { error?: unknown }).error);
  } catch {
    return body.toString();
  }
}

/** A method that answers one message with one. */
export type Method = (request: unknown, bridge: RestBridge) => object | Promise<object>;

/** Trusts that the message is what the schema of the method says. */
export const method =
  <Request>(answer: (request: Request, bridge: RestBridge) => object | Promise<object>): Method =>
  (request, bridge) =>
    answer(request as Request, bridge);

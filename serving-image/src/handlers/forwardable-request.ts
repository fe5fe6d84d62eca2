/** A request of HTTP as a trial sees it: how it is answered here, and how by the server on trial. */
import type { IncomingHttpHeaders } from 'node:http';
import {
  FORWARDED_HEADER,
  type FallbackCause,
  OVERLOADED_HEADER,
  UNCOUNTED_HEADER,
  VIA_HEADER,
} from '@modeldeployment/modelpack/traffic';
import type { Client } from '../batching/executor.ts';
import type { Answered, TrialRequest, Excuse, Reply } from '../trial/trial-request.ts';
import { postHttp, type HttpAnswer } from '../trial/http-client.ts';
import { through, wasHere } from '../trial/via.ts';
import { hasNonFinite, outputsV1, outputsV2, type Output } from '../trial/outputs.ts';
import { PassedHeaders } from '../protocol/passed-headers.ts';
import type { CallKind } from '../protocol/route.ts';
import { LENGTH_FIELD, LENGTH_HEADER } from '../protocol/v2/framing.ts';
import type { ServedModel } from '../model/types.ts';
import type { Part } from '../telemetry/trace.ts';

import type { ApiRequest } from './request.ts';
import type { Ticket } from './admission.ts';
import type { Body } from './body.ts';
import type { ApiResponse } from './response.ts';

type Protocol = 'v1' | 'v2';

/** A request with all that is needed to answer it, here or elsewhere, now or later. */
export interface HttpQuestion {
  kind: CallKind;
  protocol: Protocol;
  entrypoint: ApiRequest['entrypoint'];
  /** Path and query. */
  url: string;
  version: string | undefined;
  /** Address of the client, without its port; empty when it is not known. */
  peer: string;
  headers: IncomingHttpHeaders;
  /** No longer compressed. */
  body: Body;
}

/** What a trace wants to know of a call. */
export interface Traced {
  model?: ServedModel;
  template?: string;
  parts: Part[];
}

/** Who waits for an answer. */
export interface HttpClient extends Client {
  traced?: Traced | undefined;
  /** Counts what its request takes beside its body. */
  ticket?: Pick<Ticket, 'take'>;
}

export const headerOf = (headers: IncomingHttpHeaders, name: string): string | undefined => headers[name]?.toString();

const UNAUTHORIZED = 401;

/** Who forwards a request. */
export interface Sender {
  revision: string;
  /** The mark of this process: see trial/via.ts. */
  trial: { readonly mark: string };
}

export class ForwardableRequest implements TrialRequest<ApiResponse> {
  readonly protocol: string;
  readonly version: string | undefined;
  readonly peer: string;
  readonly bytes: number;
  /** Who waits for the answer; nobody once there is one, so that a request that is kept holds nothing of its connection. */
  client: HttpClient | undefined;

  /**
   * @param sender what this server tells the other one
   * @param nameless whether it says nothing of who its client is
   */
  constructor(
    private readonly question: HttpQuestion,
    private readonly sender: Sender,
    private readonly answer: (question: HttpQuestion, client: HttpClient) => Promise<Answered<ApiResponse>>,
    private readonly nameless = false,
  ) {
    this.protocol = `${question.protocol} ${question.entrypoint}`;
    this.version = question.version;
    this.peer = question.peer;
    this.bytes = question.body.length;
  }

  get returned(): boolean {
    return wasHere(this.header(VIA_HEADER), this.sender.trial.mark);
  }

  copy(): ForwardableRequest {
    const headers = PassedHeaders.ofCopy(this.question.headers).fields;
    return new ForwardableRequest({ ...this.question, headers }, this.sender, this.answer, true);
  }

  header(name: string): string | undefined {
    return headerOf(this.question.headers, name);
  }

  own(): Promise<Answered<ApiResponse>> {
    return this.client ? this.answer(this.question, this.client) : this.afresh();
  }

  afresh(): Promise<Answered<ApiResponse>> {
    return this.answer(this.question, { gone: () => false, ...this.client, started: performance.now() });
  }

  async forward(to: string, timeoutMs: number, counted: boolean): Promise<Reply<ApiResponse>> {
    const { protocol, url: path, headers, body } = this.question;
    const { revision, trial } = this.sender;
    const passed = PassedHeaders.ofClient(headers).unpacked();
    const request = { path, headers: passed, chunks: body.chunks, length: body.length };
    // Whatever the client has called it, which servers of other versions may not know.
    const binary = protocol === 'v2' && body.jsonLength !== undefined;
    const type = binary ? 'application/octet-stream' : 'application/json';
    const own = {
      'content-type': type,
      [FORWARDED_HEADER]: revision,
      [VIA_HEADER]: through(this.header(VIA_HEADER), trial.mark),
      ...(!counted && { [UNCOUNTED_HEADER]: 'yes' }),
    };
    const result = await postHttp(to, request, own, timeoutMs);
    // A token is wanted of a request that has none: nothing is known of the revision.
    const refused = this.nameless && typeof result === 'object' && result.status === UNAUTHORIZED;
    return replyOf(protocol, refused ? 'unsent' : result);
  }

  outputs(answer: ApiResponse): Output[] {
    return outputsOf(this.question.protocol, answer);
  }
}

function excuseOf({ status, headers }: HttpAnswer): Excuse | undefined {
  // A 408 is said of how fast a body arrives.
  if (headers[OVERLOADED_HEADER] !== undefined || status === 408) return 'load';
  if (status === 401 || status === 403) return 'token';
  // What a server says when the client's own deadline has passed.
  return status === 504 ? 'deadline' : undefined;
}

/** Pure. */
export function replyOf(protocol: Protocol, result: HttpAnswer | FallbackCause | 'unsent'): Reply<ApiResponse> {
  if (typeof result === 'string')
    return { ok: false, cause: result, excuse: result === 'timeout' ? 'deadline' : undefined };
  const { status, body } = result;
  const { 'content-type': type = 'application/octet-stream', ...headers } = result.headers;
  const answer: ApiResponse = { status, type: type.toString(), headers, body };
  const hundred = Math.floor(status / 100);
  if (hundred === 2) return { ok: true, ...answered(protocol, answer) };
  return {
    ok: false,
    excuse: excuseOf(result),
    cause: hundred === 4 ? '4xx' : hundred === 5 ? '5xx' : 'other',
    answer,
  };
}

function answered(protocol: Protocol, answer: ApiResponse): Answered<ApiResponse> {
  return { answer, bytes: answer.body.length, nonFinite: mayBeNonFinite(answer) && isNonFinite(protocol, answer) };
}

/** Own answers have it as it is written, those of others in lower case. */
export const jsonLengthOf = ({ headers }: ApiResponse): number | undefined => {
  const value = headers?.[LENGTH_HEADER] ?? headers?.[LENGTH_FIELD];
  return value === undefined ? undefined : Number(value);
};

/** Whether it is worth to read the answer: most say by their bytes alone that all their numbers are finite. */
const mayBeNonFinite = (answer: ApiResponse): boolean =>
  jsonLengthOf(answer) !== undefined || answer.body.includes('NaN') || answer.body.includes('Infinity');

function isNonFinite(protocol: Protocol, answer: ApiResponse): boolean {
  try {
    return outputsOf(protocol, answer).some(({ values }) => hasNonFinite(values));
  } catch {
    return false;
  }
}

function outputsOf(protocol: Protocol, answer: ApiResponse): Output[] {
  const { body } = answer;
  return protocol === 'v1' ? outputsV1({ body }) : outputsV2({ body, jsonLength: jsonLengthOf(answer) });
}

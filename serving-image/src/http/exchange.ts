/** A request of HTTP as a trial sees it: how it is answered here, and how by the server on trial. */
import type { IncomingHttpHeaders } from 'node:http';
import {
  FORWARDED_HEADER,
  type FallbackCause,
  OVERLOADED_HEADER,
  UNCOUNTED_HEADER,
} from '@modeldeployment/modelpack/traffic';
import type { Client } from '../batching/executor.ts';
import type { Answered, Exchange, Excuse, Reply } from '../forward/exchange.ts';
import { askHttp, type HttpAnswer } from '../forward/http-client.ts';
import { hasNonFinite, outputsV1, outputsV2, type Output } from '../forward/outputs.ts';
import { PassedHeaders } from '../protocol/passed-headers.ts';
import type { CallKind } from '../protocol/route.ts';
import type { RequestError } from '../protocol/errors.ts';
import { LENGTH_FIELD, LENGTH_HEADER } from '../protocol/v2/framing.ts';
import type { ServedModel } from '../model/types.ts';
import type { Part } from '../telemetry/trace.ts';
import type { Answer } from './answer.ts';
import type { Ask } from './ask.ts';
import type { Body } from './body.ts';

type Protocol = 'v1' | 'v2';

/** A request with all that is needed to answer it, here or elsewhere, now or later. */
export interface HttpQuestion {
  kind: CallKind;
  protocol: Protocol;
  entrypoint: Ask['entrypoint'];
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
  traced?: Traced;
  /** Counts bytes that its request takes beside its body. @returns what is wrong with that, if anything */
  take?: (bytes: number) => RequestError | undefined;
}

export const headerOf = (headers: IncomingHttpHeaders, name: string): string | undefined => headers[name]?.toString();

export class HttpExchange implements Exchange<Answer> {
  readonly protocol: string;
  readonly version: string | undefined;
  readonly peer: string;
  readonly bytes: number;
  /** Who waits for the answer; nobody once there is one, so that a request that is kept holds nothing of its connection. */
  client: HttpClient | undefined;

  /** @param revision of this server, told to the other one */
  constructor(
    private readonly question: HttpQuestion,
    private readonly revision: string,
    private readonly answer: (client: HttpClient) => Promise<Answered<Answer>>,
  ) {
    this.protocol = `${question.protocol} ${question.entrypoint}`;
    this.version = question.version;
    this.peer = question.peer;
    this.bytes = question.body.length;
  }

  header(name: string): string | undefined {
    return headerOf(this.question.headers, name);
  }

  own(): Promise<Answered<Answer>> {
    return this.client ? this.answer(this.client) : this.afresh();
  }

  afresh(): Promise<Answered<Answer>> {
    return this.answer({ gone: () => false, ...this.client, started: performance.now() });
  }

  async ask(to: string, timeoutMs: number, counted: boolean): Promise<Reply<Answer>> {
    const { protocol, url: path, headers, body } = this.question;
    const passed = PassedHeaders.ofClient(headers).unpacked();
    const request = { path, headers: passed, chunks: body.chunks, length: body.length };
    // Whatever the client has called it, which servers of other versions may not know.
    const binary = protocol === 'v2' && body.jsonLength !== undefined;
    const type = binary ? 'application/octet-stream' : 'application/json';
    const counts = counted ? {} : { [UNCOUNTED_HEADER]: 'yes' };
    const own = { 'content-type': type, [FORWARDED_HEADER]: this.revision, ...counts };
    return replyOf(protocol, await askHttp(to, request, own, timeoutMs));
  }

  outputs(answer: Answer): Output[] {
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
export function replyOf(protocol: Protocol, result: HttpAnswer | FallbackCause | 'unsent'): Reply<Answer> {
  if (typeof result === 'string')
    return { ok: false, cause: result, excuse: result === 'timeout' ? 'deadline' : undefined };
  const { status, body } = result;
  const { 'content-type': type = 'application/octet-stream', ...headers } = result.headers;
  const answer: Answer = { status, type: type.toString(), headers, body };
  const hundred = Math.floor(status / 100);
  if (hundred === 2) return { ok: true, ...answered(protocol, answer) };
  return {
    ok: false,
    excuse: excuseOf(result),
    cause: hundred === 4 ? '4xx' : hundred === 5 ? '5xx' : 'other',
    answer,
  };
}

function answered(protocol: Protocol, answer: Answer): Answered<Answer> {
  return { answer, bytes: answer.body.length, nonFinite: mayBeNonFinite(answer) && isNonFinite(protocol, answer) };
}

/** Own answers have it as it is written, those of others in lower case. */
export const jsonLengthOf = ({ headers }: Answer): number | undefined => {
  const value = headers?.[LENGTH_HEADER] ?? headers?.[LENGTH_FIELD];
  return value === undefined ? undefined : Number(value);
};

/** Whether it is worth to read the answer: most say by their bytes alone that all their numbers are finite. */
const mayBeNonFinite = (answer: Answer): boolean =>
  jsonLengthOf(answer) !== undefined || answer.body.includes('NaN') || answer.body.includes('Infinity');

function isNonFinite(protocol: Protocol, answer: Answer): boolean {
  try {
    return outputsOf(protocol, answer).some(({ values }) => hasNonFinite(values));
  } catch {
    return false;
  }
}

function outputsOf(protocol: Protocol, answer: Answer): Output[] {
  const { body } = answer;
  return protocol === 'v1' ? outputsV1({ body }) : outputsV2({ body, jsonLength: jsonLengthOf(answer) });
}

/** A request of HTTP as a trial sees it: how it is answered here, and how by the server on trial. */
import type { IncomingHttpHeaders } from 'node:http';
import { FORWARDED_HEADER, type FallbackCause } from '@modeldeployment/modelpack/traffic';
import type { Facts } from '../forward/choose.ts';
import type { Answered, Exchange, Reply } from '../forward/exchange.ts';
import { askHttp, type HttpAnswer } from '../forward/http-client.ts';
import { hasNonFinite, outputsV1, outputsV2, type Output } from '../forward/outputs.ts';

export type Protocol = 'v1' | 'v2';

export interface Answer {
  status: number;
  type: string;
  /** Others than Content-Type and Content-Length; names in lower case. */
  headers?: Readonly<Record<string, string | string[]>>;
  body: string | Uint8Array;
}

export interface HttpQuestion {
  protocol: Protocol;
  /** Path and query. */
  url: string;
  version: string | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export const factsOf = (version: string | undefined, headers: IncomingHttpHeaders): Facts => ({
  version,
  header: (name) => headers[name]?.toString(),
});

export function httpExchange(
  { protocol, url, version, headers, body }: HttpQuestion,
  revision: string,
  own: () => Promise<{ answer: Answer; nonFinite: boolean }>,
): Exchange<Answer> {
  return {
    facts: factsOf(version, headers),
    bytes: body.length,
    own: async () => {
      const { answer, nonFinite } = await own();
      return { answer, nonFinite, bytes: answer.body.length };
    },
    ask: async (to, timeoutMs) => {
      const question = { path: url, headers, chunks: [body], length: body.length };
      return replyOf(protocol, await askHttp(to, question, { [FORWARDED_HEADER]: revision }, timeoutMs));
    },
    outputs: (answer) => outputsOf(protocol, answer),
  };
}

/** Pure. */
export function replyOf(protocol: Protocol, result: HttpAnswer | FallbackCause): Reply<Answer> {
  if (typeof result === 'string') return { ok: false, cause: result };
  const { status, body } = result;
  const { 'content-type': type = 'application/octet-stream', ...headers } = result.headers;
  const answer: Answer = { status, type: type.toString(), headers, body };
  const hundred = Math.floor(status / 100);
  if (hundred === 2) return { ok: true, ...answered(protocol, answer) };
  return { ok: false, cause: hundred === 4 ? '4xx' : hundred === 5 ? '5xx' : 'other', answer };
}

function answered(protocol: Protocol, answer: Answer): Answered<Answer> {
  const body = Buffer.from(answer.body);
  return { answer, bytes: body.length, nonFinite: mayBeNonFinite(answer, body) && isNonFinite(protocol, answer) };
}

const JSON_LENGTH = 'inference-header-content-length';

/** Whether it is worth to read the answer: most say by their bytes alone that all their numbers are finite. */
const mayBeNonFinite = ({ headers }: Answer, body: Buffer): boolean =>
  headers?.[JSON_LENGTH] !== undefined || body.includes('NaN') || body.includes('Infinity');

function isNonFinite(protocol: Protocol, answer: Answer): boolean {
  try {
    return outputsOf(protocol, answer).some(({ values }) => hasNonFinite(values));
  } catch {
    return false;
  }
}

function outputsOf(protocol: Protocol, { body, headers }: Answer): Output[] {
  if (protocol === 'v1') return outputsV1({ body });
  const jsonLength = headers?.[JSON_LENGTH];
  return outputsV2(jsonLength === undefined ? { body } : { body, jsonLength: Number(jsonLength) });
}

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { tooLarge, unsupportedMedia, type RequestError, ClientGone } from '../errors.ts';
import { LENGTH_FIELD } from '../protocol/v2/framing.ts';
import type { Ticket } from './admission.ts';
import { stopParsing } from '../ipc/socket-handoff.ts';
import { whenTooManyPieces } from './pieces.ts';
import { unpack } from './unpack.ts';

const JSON_TYPE = 'application\\/(?:[\\w.-]+\\+)?json';
/**
 * `application/x-www-form-urlencoded` is what curl says of `-d` when nobody told it better; TensorFlow Serving's and
 * Triton's own examples rely on that, for JSON and for binary tensors. The body is never read as a form.
 */
const CURL_TYPE = 'application\\/x-www-form-urlencoded';
const mediaTypes = (...types: string[]) => new RegExp(`^(?:${types.join('|')})\\s*(?:;|$)`, 'i');
const MEDIA = {
  json: mediaTypes(JSON_TYPE, CURL_TYPE, 'text\\/plain'),
  binary: mediaTypes(JSON_TYPE, CURL_TYPE, 'application\\/octet-stream'),
};
/** Codings of a body (RFC 9110, section 8.4.1), and whether there is something to unpack. */
const ENCODINGS: Readonly<Record<string, boolean>> = { identity: false, gzip: true, 'x-gzip': true, deflate: true };

/** Whether a body is compressed; undefined when nobody here can unpack it. */
function isPacked({ 'content-encoding': encoding }: IncomingHttpHeaders): boolean | undefined {
  if (encoding === undefined) return false;
  const name = encoding.toLowerCase();
  return Object.hasOwn(ENCODINGS, name) ? ENCODINGS[name] : undefined;
}

export const jsonLengthOf = (headers: IncomingHttpHeaders) => headers[LENGTH_FIELD] as string | undefined;

/** Whether an answer could still reach the client. */
export const isGone = ({ socket }: IncomingMessage): boolean => socket.destroyed || !socket.writable;

/** @throws RequestError 415 */
export function checkMedia(headers: IncomingHttpHeaders, protocol: 'v1' | 'v2'): void {
  const { 'content-type': type, 'content-encoding': encoding } = headers;
  const allowed = protocol === 'v2' && jsonLengthOf(headers) !== undefined ? MEDIA.binary : MEDIA.json;
  if (type !== undefined && !allowed.test(type)) {
    throw unsupportedMedia(
      `Content-Type ${type.slice(0, 60)} is not supported; send JSON with Content-Type: application/json`,
    );
  }
  if (isPacked(headers) === undefined) {
    throw unsupportedMedia(`Content-Encoding ${encoding?.slice(0, 60)} is not supported; use gzip, deflate or none`);
  }
}

/** What arrived of a body, in the pieces in which it did. */
export interface Body {
  chunks: readonly Buffer[];
  length: number;
  /** What the client says of the length of the JSON, when there are binary tensors. */
  jsonLength: string | undefined;
}

/**
 * The whole body, counted in `ticket` while it arrives.
 * @throws RequestError 400, 413, 503; ClientGone
 */
export async function readBody(request: IncomingMessage, ticket: Ticket): Promise<Body> {
  const { headers } = request;
  const { chunks, length } = await readChunks(request, ticket);
  return bodyOf(headers, chunks, length, ticket);
}

/** What has arrived, unpacked. @throws RequestError 400, 413, 503 */
export function bodyOf(
  headers: IncomingHttpHeaders,
  chunks: readonly Buffer[],
  length: number,
  ticket: Ticket,
): Promise<Body> | Body {
  const jsonLength = jsonLengthOf(headers);
  if (!isPacked(headers)) return { chunks, length, jsonLength };
  return unpack(chunks, ticket).then((unpacked) => ({ ...unpacked, jsonLength }));
}

/** What a piece takes beside its bytes. */
const PIECE_BYTES = 128;

/** Everything that arrives. Fails as soon as it is known to be too much, or too slow. */
function readChunks(request: IncomingMessage, ticket: Ticket): Promise<{ chunks: Buffer[]; length: number }> {
  const { bodyBytes } = ticket.limits;
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > bodyBytes) return reject(tooLarge(bodyBytes));
    const chunks: Buffer[] = [];
    let length = 0;
    const fail = (problem: RequestError) => {
      request.removeAllListeners('data');
      stopParsing(request.socket);
      chunks.length = 0;
      reject(problem);
    };
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      const problem = length > bodyBytes ? tooLarge(bodyBytes) : ticket.take(chunk.length + PIECE_BYTES);
      if (problem) fail(problem);
    });
    request.on('end', () => resolve({ chunks, length }));
    request.on('error', () => reject(new ClientGone()));
    ticket.wait(fail, () => length);
    whenTooManyPieces(request, fail);
  });
}

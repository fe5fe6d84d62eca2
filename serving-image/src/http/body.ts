import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { unzip } from 'node:zlib';
import { badRequest, tooLarge, unsupportedMedia } from '../protocol/errors.ts';
import { LENGTH_HEADER } from '../protocol/v2/framing.ts';

const JSON_TYPE = 'application\\/(?:[\\w.-]+\\+)?json';
/**
 * `application/x-www-form-urlencoded` is what curl says of `-d` when nobody told it better; TensorFlow Serving's and
 * Triton's own examples rely on that, for JSON and for binary tensors. The body is never read as a form.
 */
const CURL_TYPE = 'application\\/x-www-form-urlencoded';
const mediaTypes = (...types: string[]) => new RegExp(`^(?:${types.join('|')})\\s*(?:;|$)`, 'i');
const MEDIA = {
  v1: mediaTypes(JSON_TYPE, CURL_TYPE, 'text\\/plain'),
  v2: mediaTypes(JSON_TYPE),
  binary: mediaTypes(JSON_TYPE, CURL_TYPE, 'application\\/octet-stream'),
};
const ENCODINGS: readonly (string | undefined)[] = [undefined, 'identity', 'gzip', 'deflate'];

const jsonLengthOf = ({ headers }: IncomingMessage) => headers[LENGTH_HEADER.toLowerCase()] as string | undefined;

/** @throws RequestError 415 */
export function checkMedia(request: IncomingMessage, protocol: 'v1' | 'v2'): void {
  const { 'content-type': type, 'content-encoding': encoding } = request.headers;
  const allowed = protocol === 'v2' && jsonLengthOf(request) !== undefined ? MEDIA.binary : MEDIA[protocol];
  if (type !== undefined && !allowed.test(type)) {
    throw unsupportedMedia(
      `Content-Type ${type.slice(0, 60)} is not supported; send JSON with Content-Type: application/json`,
    );
  }
  if (!ENCODINGS.includes(encoding)) {
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

/** The whole body. @throws RequestError 400, 413; Error when the client went away */
export async function readBody(request: IncomingMessage, limit: number): Promise<Body> {
  const body = await readChunks(request, limit);
  const encoding = request.headers['content-encoding'];
  return encoding === undefined || encoding === 'identity' ? body : unpack(body, limit);
}

const unzipBuffer = promisify(unzip);

async function unpack({ chunks, length, jsonLength }: Body, limit: number): Promise<Body> {
  try {
    const whole = await unzipBuffer(Buffer.concat(chunks, length), { maxOutputLength: limit });
    return { chunks: [whole], length: whole.length, jsonLength };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit);
    throw badRequest('the request body is not compressed as its Content-Encoding says');
  }
}

/** Everything that arrives. Fails as soon as it is known to be too large. */
function readChunks(request: IncomingMessage, limit: number): Promise<Body> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > limit) return reject(tooLarge(limit));
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        request.removeAllListeners('data');
        return reject(tooLarge(limit));
      }
      chunks.push(chunk);
    });
    request.on('end', () => resolve({ chunks, length, jsonLength: jsonLengthOf(request) }));
    request.on('error', reject);
  });
}

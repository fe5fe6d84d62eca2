import type { IncomingMessage } from 'node:http';
import { badRequest, tooLarge, unsupportedMedia } from '../protocol/errors.ts';

/**
 * `application/x-www-form-urlencoded` is what curl says of `-d` when nobody told it better; TensorFlow Serving's own
 * examples rely on that, so version 1 takes it. The body is read as JSON in every case, never as a form.
 */
const MEDIA = {
  v1: /^(?:application\/(?:[\w.-]+\+)?json|text\/plain|application\/x-www-form-urlencoded)\s*(?:;|$)/i,
  v2: /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i,
};

/** @throws RequestError 415 */
export function checkMedia(request: IncomingMessage, protocol: 'v1' | 'v2'): void {
  const { 'content-type': type, 'content-encoding': encoding } = request.headers;
  if (type !== undefined && !MEDIA[protocol].test(type)) {
    throw unsupportedMedia(
      `Content-Type ${type.slice(0, 60)} is not supported; send JSON with Content-Type: application/json`,
    );
  }
  if (encoding !== undefined && encoding !== 'identity') {
    throw unsupportedMedia(`Content-Encoding ${encoding.slice(0, 60)} is not supported; send the body uncompressed`);
  }
  if (request.headers['inference-header-content-length'] !== undefined) {
    throw badRequest('Inference-Header-Content-Length: binary tensors are not supported, send JSON tensors');
  }
}

/** What arrived of a body, in the pieces in which it did. */
export interface Body {
  chunks: readonly Buffer[];
  length: number;
}

/** The whole body. @throws RequestError 413 as soon as it is known to be too large; Error when the client went away */
export function readBody(request: IncomingMessage, limit: number): Promise<Body> {
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
    request.on('end', () => resolve({ chunks, length }));
    request.on('error', reject);
  });
}

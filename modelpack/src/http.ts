import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { ModelError } from './failure.ts';

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  url: URL;
  headers?: Record<string, string>;
  /** Opened once for each time the request is sent: a challenge or a redirect makes it go out again. */
  body?: () => Buffer | Readable;
}

export interface HttpResponse {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** Must be read to its end, or destroyed. Fails with FetchTimeout when the other side falls silent. */
  body: http.IncomingMessage;
  url: URL;
}

const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };

/** Lets the process end although connections are kept alive. */
export function closeConnections(): void {
  for (const agent of Object.values(agents)) agent.destroy();
}

/** One request. A silence of `stallMs` is given up as FetchTimeout; a connection that breaks is SourceUnavailable. */
export function request({ method, url, headers, body }: HttpRequest, stallMs: number): Promise<HttpResponse> {
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const agent = agents[secure ? 'https:' : 'http:'];
    const sent = (secure ? https : http).request(url, { method, headers, agent });
    sent.setTimeout(stallMs, () => sent.destroy(stalled(url, stallMs)));
    sent.on('error', (error) => reject(error instanceof ModelError ? error : unreachable(url, error)));
    sent.on('response', (response) => {
      sent.setTimeout(0);
      watch(response, () => stalled(url, stallMs), stallMs);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response, url });
    });
    const content = body?.();
    if (content === undefined || Buffer.isBuffer(content)) sent.end(content);
    else {
      content.on('error', (error) => sent.destroy(error));
      content.pipe(sent);
    }
  });
}

const LOOKS_PER_STALL = 4;

/**
 * Ends an answer whose bytes stop coming. The timeout of the socket would not do: it also runs while nobody reads,
 * and a slow disk of ours is not a silence of theirs.
 */
function watch(response: http.IncomingMessage, error: () => ModelError, stallMs: number): void {
  let seen = -1;
  let quiet = 0;
  const timer = setInterval(() => {
    const { bytesRead } = response.socket;
    quiet = bytesRead === seen && response.readableLength === 0 ? quiet + 1 : 0;
    seen = bytesRead;
    if (quiet >= LOOKS_PER_STALL) response.destroy(error());
  }, stallMs / LOOKS_PER_STALL);
  const stop = (): void => clearInterval(timer);
  response.once('end', stop).once('close', stop);
  // Whoever reads gets the error from the stream; an answer that nobody reads must not end the process.
  response.on('error', stop);
}

/** Reads a small answer whole; more than `limit` bytes are refused. */
export async function readAll({ body, url }: HttpResponse, limit = 4 * 1024 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += (chunk as Buffer).length;
      if (size > limit) {
        const words = `${url.host} answered with more than ${limit} bytes where a manifest was expected`;
        throw new ModelError('ModelMalformed', words);
      }
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw error instanceof ModelError ? error : unreachable(url, error as Error);
  }
  return Buffer.concat(chunks);
}

function stalled(url: URL, ms: number): ModelError {
  return new ModelError('FetchTimeout', `${url.host} sent nothing for ${Math.round(ms / 1000)} s`);
}

function unreachable(url: URL, error: Error): ModelError {
  const code = (error as NodeJS.ErrnoException).code ?? error.message;
  return new ModelError('SourceUnavailable', `cannot reach ${url.host}: ${code}${hintFor(code, error)}`, {
    cause: error,
  });
}

/** What OpenSSL says of a certificate whose chain ends at nobody that we know. */
const UNKNOWN_AUTHORITY = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF))/;

function hintFor(code: string, { message }: Error): string {
  if (code === 'EPROTO' || /wrong version number/i.test(message))
    return '; is it a registry without TLS? Then list it in registries.plainHttp (chart) or use --plain-http';
  if (UNKNOWN_AUTHORITY.test(code))
    return '; is its certificate of an authority of your own? Then name that in registries.caBundle (chart), or a file with it in NODE_EXTRA_CA_CERTS for kubectl mdep';
  return '';
}

import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { ModelError } from './failure.ts';

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  url: URL;
  headers?: Record<string, string>;
  body?: Buffer | Readable;
}

export interface HttpResponse {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** Must be read to its end, or destroyed. */
  body: http.IncomingMessage;
  url: URL;
}

const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };

/** Lets the process end although connections are kept alive. */
export function closeConnections(): void {
  for (const agent of Object.values(agents)) agent.destroy();
}

/** One request; a socket that stays silent for `stallMs` is given up as FetchTimeout, a broken one is SourceUnavailable. */
export function request({ method, url, headers, body }: HttpRequest, stallMs: number): Promise<HttpResponse> {
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const agent = agents[secure ? 'https:' : 'http:'];
    const sent = (secure ? https : http).request(url, { method, headers, agent });
    sent.setTimeout(stallMs, () => sent.destroy(stalled(url, stallMs)));
    sent.on('error', (error) => reject(error instanceof ModelError ? error : unreachable(url, error)));
    sent.on('response', (response) => {
      response.on('error', () => undefined);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response, url });
    });
    if (body === undefined || Buffer.isBuffer(body)) sent.end(body);
    else {
      body.on('error', (error) => sent.destroy(error));
      body.pipe(sent);
    }
  });
}

/** Reads a small answer whole; more than `limit` bytes are refused. */
export async function readAll({ body, url }: HttpResponse, limit = 4 * 1024 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += (chunk as Buffer).length;
      if (size > limit)
        throw new ModelError(
          'ModelMalformed',
          `${url.host} answered with more than ${limit} bytes where a manifest was expected`,
        );
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

export function unreachable(url: URL, error: Error): ModelError {
  const code = (error as NodeJS.ErrnoException).code ?? error.message;
  const hint =
    code === 'EPROTO' || /wrong version number/i.test(error.message)
      ? '; is it a registry without TLS? Then list it in registries.plainHttp (chart) or use --plain-http'
      : '';
  return new ModelError('SourceUnavailable', `cannot reach ${url.host}: ${code}${hint}`, { cause: error });
}

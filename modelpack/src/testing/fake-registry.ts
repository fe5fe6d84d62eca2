import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const sha256 = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * A registry in memory on loopback, with faults to order: what a test scripts in `faults` is answered instead of the
 * honest answer, first come first served.
 */
export class FakeRegistry {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, { bytes: Buffer; mediaType: string }>();
  readonly seen: { method: string; url: string; authorization: string | undefined }[] = [];
  /** Answers the request and returns true, or leaves it to the registry. */
  readonly faults: ((request: http.IncomingMessage, response: http.ServerResponse) => boolean)[] = [];
  private readonly server = http.createServer((request, response) => void this.handle(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    this.seen.push({ method, url, authorization: request.headers.authorization });
    const fault = this.faults[0];
    if (fault?.(request, response) === true) {
      this.faults.shift();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const path = new URL(url, 'http://x');
    const [, kind, reference = ''] = /\/(manifests|blobs)\/(.+)$/.exec(path.pathname) ?? [];
    if (kind === 'blobs' && reference === 'uploads/') response.writeHead(202, { location: '/upload/1?state=x' }).end();
    else if (method === 'PUT' && path.pathname === '/upload/1')
      this.store(path.searchParams.get('digest') ?? '', body, response);
    else if (kind === 'manifests' && method === 'PUT') this.putManifest(reference, body, request, response);
    else if (kind === 'manifests')
      this.answer(this.manifests.get(reference)?.bytes, this.manifests.get(reference)?.mediaType, response);
    else this.answer(this.blobs.get(reference), 'application/octet-stream', response, method === 'HEAD');
  }

  private store(digest: string, body: Buffer, response: http.ServerResponse): void {
    if (sha256(body) !== digest) return void response.writeHead(400).end('{"errors":[{"message":"digest invalid"}]}');
    this.blobs.set(digest, body);
    response.writeHead(201).end();
  }

  private putManifest(
    reference: string,
    bytes: Buffer,
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ): void {
    const manifest = { bytes, mediaType: request.headers['content-type'] ?? '' };
    this.manifests.set(reference, manifest).set(sha256(bytes), manifest);
    response.writeHead(201).end();
  }

  private answer(
    bytes: Buffer | undefined,
    type: string | undefined,
    response: http.ServerResponse,
    head = false,
  ): void {
    if (bytes === undefined) return void response.writeHead(404).end('{"errors":[{"message":"unknown"}]}');
    response.writeHead(200, {
      'content-type': type ?? '',
      'content-length': bytes.length,
      'docker-content-digest': sha256(bytes),
    });
    response.end(head ? undefined : bytes);
  }
}

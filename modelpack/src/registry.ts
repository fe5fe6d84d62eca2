import type { Readable } from 'node:stream';
import { ModelError } from './failure.ts';
import { closeConnections, type HttpRequest, type HttpResponse, readAll, request } from './http.ts';
import { type Credentials, parseChallenge } from './registry-auth.ts';

export interface RegistryOptions {
  /** `host[:port]` */
  registry: string;
  repository: string;
  plainHttp?: boolean;
  credentials?: Credentials | undefined;
  /** Milliseconds of silence after which a transfer is given up (default 60 000). */
  stallMs?: number;
}

export interface Manifest {
  bytes: Buffer;
  mediaType: string;
  /** As the registry calls it; verify against the bytes. */
  digest: string | undefined;
}

const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

const MAX_REDIRECTS = 5;

/**
 * One repository of a registry, by the OCI distribution specification 1.1 (pull, and push in one piece per blob).
 * All failures are ModelErrors: ModelNotFound (404), Unauthorized (401, 403), SourceUnavailable (429, 5xx, no
 * connection), FetchTimeout (silence).
 */
export class Registry {
  private authorization: string | undefined;
  private readonly stallMs: number;
  private readonly root: string;

  constructor(private readonly options: RegistryOptions) {
    this.stallMs = options.stallMs ?? 60_000;
    this.root = `${options.plainHttp === true ? 'http' : 'https'}://${options.registry}/v2/${options.repository}`;
  }

  async getManifest(reference: string): Promise<Manifest> {
    const response = await this.send({
      method: 'GET',
      url: new URL(`${this.root}/manifests/${reference}`),
      headers: { accept: MANIFEST_TYPES },
    });
    await this.expect(response, [200], `manifest ${reference}`);
    return {
      bytes: await readAll(response),
      mediaType: (response.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '',
      digest: header(response, 'docker-content-digest'),
    };
  }

  async hasBlob(digest: string): Promise<boolean> {
    const response = await this.send({ method: 'HEAD', url: new URL(`${this.root}/blobs/${digest}`) });
    response.body.resume();
    if (response.status === 404) return false;
    await this.expect(response, [200], `blob ${digest}`);
    return true;
  }

  /** Opens a blob; the caller reads the stream, counts and hashes. */
  async openBlob(digest: string): Promise<Readable> {
    const response = await this.send({ method: 'GET', url: new URL(`${this.root}/blobs/${digest}`) });
    await this.expect(response, [200], `blob ${digest}`);
    return response.body;
  }

  /** Uploads a blob in one piece; `open` may be called again when the registry asks for credentials first. */
  async putBlob(digest: string, size: number, open: () => Readable | Buffer): Promise<void> {
    const started = await this.send({
      method: 'POST',
      url: new URL(`${this.root}/blobs/uploads/`),
      headers: { 'content-length': '0' },
    });
    await this.expect(started, [202], 'upload');
    started.body.resume();
    const location = header(started, 'location');
    if (location === undefined)
      throw new ModelError('SourceUnavailable', `${this.options.registry} named no place to upload to`);
    const url = new URL(location, started.url);
    url.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) };
    const response = await this.send({ method: 'PUT', url, headers, body: open() });
    await this.expect(response, [201], `blob ${digest}`);
    response.body.resume();
  }

  async putManifest(reference: string, bytes: Buffer, mediaType: string): Promise<void> {
    const headers = { 'content-type': mediaType, 'content-length': String(bytes.length) };
    const response = await this.send({
      method: 'PUT',
      url: new URL(`${this.root}/manifests/${reference}`),
      headers,
      body: bytes,
    });
    await this.expect(response, [201], `manifest ${reference}`);
    response.body.resume();
  }

  close(): void {
    closeConnections();
  }

  /** Sends, answers a challenge once, and follows redirects; credentials never go to another host. */
  private async send(wanted: HttpRequest): Promise<HttpResponse> {
    let response = await this.sendOnce(wanted);
    if (response.status === 401 && !isStream(wanted.body)) {
      const challenge = parseChallenge(header(response, 'www-authenticate'));
      response.body.resume();
      this.authorization = await this.authorize(challenge?.scheme, challenge?.parameters ?? {});
      response = await this.sendOnce(wanted);
    }
    return response;
  }

  private async sendOnce(wanted: HttpRequest): Promise<HttpResponse> {
    let { url } = wanted;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const own = url.host === this.options.registry;
      const authorization = own && this.authorization !== undefined ? { authorization: this.authorization } : {};
      const response = await request(
        { ...wanted, url, headers: { ...wanted.headers, ...authorization } },
        this.stallMs,
      );
      const location = header(response, 'location');
      if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
      response.body.resume();
      url = new URL(location, url);
    }
    throw new ModelError('SourceUnavailable', `${this.options.registry} redirects in circles`);
  }

  private async authorize(scheme: string | undefined, parameters: Record<string, string>): Promise<string> {
    const { credentials } = this.options;
    const basic =
      credentials === undefined
        ? undefined
        : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
    if (scheme === 'basic' && basic !== undefined) return basic;
    if (scheme !== 'bearer' || parameters['realm'] === undefined) throw this.unauthorized();
    const url = new URL(parameters['realm']);
    if (parameters['service'] !== undefined) url.searchParams.set('service', parameters['service']);
    url.searchParams.set('scope', parameters['scope'] ?? `repository:${this.options.repository}:pull,push`);
    const response = await request(
      { method: 'GET', url, ...(basic === undefined ? {} : { headers: { authorization: basic } }) },
      this.stallMs,
    );
    if (response.status === 401 || response.status === 403) throw this.unauthorized();
    await this.expect(response, [200], 'token');
    const answer = JSON.parse((await readAll(response)).toString()) as { token?: string; access_token?: string };
    const token = answer.token ?? answer.access_token;
    if (token === undefined) throw this.unauthorized();
    return `Bearer ${token}`;
  }

  private unauthorized(): ModelError {
    const { registry, repository, credentials } = this.options;
    const hint =
      credentials === undefined
        ? 'no credentials were given (spec.model.secretRef, or docker login)'
        : `user ${credentials.username} was refused`;
    return new ModelError('Unauthorized', `${registry} does not let us use ${repository}: ${hint}`);
  }

  private async expect(response: HttpResponse, allowed: readonly number[], what: string): Promise<void> {
    const { status } = response;
    if (allowed.includes(status)) return;
    if (status === 401 || status === 403) throw this.unauthorized();
    const { registry, repository } = this.options;
    const detail = response.body.readableEnded ? '' : (await readAll(response, 65_536)).toString();
    const message = /"message":\s*"([^"]{1,200})"/.exec(detail)?.[1];
    const words = `${registry}/${repository}: ${what}: status ${status}${message === undefined ? '' : ` (${message})`}`;
    if (status === 404)
      throw new ModelError(
        'ModelNotFound',
        `${registry} has no ${what} in ${repository}; check the uri, and that the model was pushed`,
      );
    throw new ModelError('SourceUnavailable', words);
  }
}

const isStream = (body: HttpRequest['body']): boolean => body !== undefined && !Buffer.isBuffer(body);

function header(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

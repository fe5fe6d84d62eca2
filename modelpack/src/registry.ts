import type { Readable } from 'node:stream';
import { ModelError } from './failure.ts';
import { closeConnections, type HttpRequest, type HttpResponse, readAll, request } from './http.ts';
import { apiHost, type Challenge, type Credentials, parseChallenges } from './registry-auth.ts';

export interface RegistryOptions {
  /** `host[:port]` */
  registry: string;
  repository: string;
  /** Without TLS. A registry on this machine (localhost, 127.*, [::1]) always is, as for docker. */
  plainHttp?: boolean;
  /** Asked at the first challenge only: a registry open to everybody needs none. */
  credentials?: () => Promise<Credentials | undefined>;
  /** Why there are none, when the registry wants some. */
  withoutCredentials?: () => Promise<string | undefined>;
  /** Milliseconds of silence after which a transfer is given up (default 60 000). */
  stallMs?: number;
}

export interface Manifest {
  bytes: Buffer;
  mediaType: string;
}

const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

const NO_CREDENTIALS = 'no credentials were given; name a Secret in spec.model.secretRef, or run docker login';

const isLoopback = (registry: string): boolean => /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(registry);

const MAX_REDIRECTS = 5;
const TOKEN = 'token';

/** What a registry may say of an error, by the specification. Its own words stay out of ours: whoever names an address would read them. */
const ERROR_CODE =
  /"code":\s*"((?:BLOB|MANIFEST|NAME|SIZE|DIGEST|TAG)_[A-Z_]{1,30}|DENIED|UNAUTHORIZED|UNSUPPORTED|TOOMANYREQUESTS|UNAVAILABLE|UNKNOWN)"/;

/**
 * One repository of a registry, by the OCI distribution specification 1.1 (pull, and push in one piece per blob).
 * All failures are ModelErrors: ModelNotFound (404), Unauthorized (401, 403), SourceUnavailable (429, 5xx, no
 * connection; with `retryAfterMs` if the registry named a time), FetchTimeout (silence).
 */
export class Registry {
  private authorization: string | undefined;
  private readonly stallMs: number;
  private readonly root: URL;

  constructor(private readonly options: RegistryOptions) {
    this.stallMs = options.stallMs ?? 60_000;
    const scheme = options.plainHttp === true || isLoopback(options.registry) ? 'http' : 'https';
    this.root = new URL(`${scheme}://${apiHost(options.registry)}/v2/${options.repository}/`);
  }

  async getManifest(reference: string): Promise<Manifest> {
    const response = await this.send({
      method: 'GET',
      url: new URL(`manifests/${reference}`, this.root),
      headers: { accept: MANIFEST_TYPES },
    });
    await this.expect(response, 200, `manifest ${reference}`);
    const mediaType = (header(response, 'content-type') ?? '').split(';')[0]?.trim() ?? '';
    return { bytes: await readAll(response), mediaType };
  }

  async hasBlob(digest: string): Promise<boolean> {
    const response = await this.send({ method: 'HEAD', url: new URL(`blobs/${digest}`, this.root) });
    // A store that we are sent to may answer GET alone: whether it has the blob is not told, so it is sent again.
    if (response.status === 404 || (response.status === 403 && !this.isOurs(response.url))) {
      response.body.resume();
      return false;
    }
    await this.expect(response, 200, `blob ${digest}`);
    response.body.resume();
    return true;
  }

  /** Opens a blob; the caller reads the stream, counts and hashes. */
  async openBlob(digest: string): Promise<Readable> {
    const response = await this.send({ method: 'GET', url: new URL(`blobs/${digest}`, this.root) });
    await this.expect(response, 200, `blob ${digest}`);
    return response.body;
  }

  /** Uploads a blob in one piece; `open` is called again when the registry wants it sent again. */
  async putBlob(digest: string, size: number, open: () => Readable | Buffer): Promise<void> {
    const started = await this.send({
      method: 'POST',
      url: new URL('blobs/uploads/', this.root),
      headers: { 'content-length': '0' },
    });
    if (started.status === 404) {
      started.body.resume();
      const { registry, repository } = this.options;
      const words = `${registry} has no repository ${repository}, and does not make it by itself; create the repository first`;
      throw new ModelError('ModelNotFound', words);
    }
    await this.expect(started, 202, 'upload');
    started.body.resume();
    const location = header(started, 'location');
    if (location === undefined) {
      throw new ModelError('SourceUnavailable', `${this.options.registry} named no place to upload to`);
    }
    const url = new URL(location, started.url);
    url.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) };
    const response = await this.send({ method: 'PUT', url, headers, body: open });
    await this.expect(response, 201, `blob ${digest}`);
    response.body.resume();
  }

  async putManifest(reference: string, bytes: Buffer, mediaType: string): Promise<void> {
    const headers = { 'content-type': mediaType, 'content-length': String(bytes.length) };
    const url = new URL(`manifests/${reference}`, this.root);
    const response = await this.send({ method: 'PUT', url, headers, body: () => bytes });
    await this.expect(response, 201, `manifest ${reference}`);
    response.body.resume();
  }

  close(): void {
    closeConnections();
  }

  /**
   * Sends, and answers a challenge once: also a token that ran out in the middle of a long transfer. A challenge of
   * whoever we were redirected to is not the registry's, and its credentials are none of their business.
   */
  private async send(wanted: HttpRequest): Promise<HttpResponse> {
    const response = await this.follow(wanted);
    if (response.status !== 401 || !this.isOurs(response.url)) return response;
    response.body.resume();
    this.authorization = await this.authorize(header(response, 'www-authenticate'));
    return this.follow(wanted);
  }

  /** Follows redirects. Credentials never go to another host, nor over a connection that is less safe. */
  private async follow(wanted: HttpRequest): Promise<HttpResponse> {
    let { method } = wanted;
    let url = this.secure(wanted.url);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const { authorization } = this;
      const sent = authorization !== undefined && this.isOurs(url) ? { authorization } : {};
      const headers = { ...wanted.headers, ...sent };
      const response = await request({ ...wanted, method, url, headers }, this.stallMs);
      const location = header(response, 'location');
      if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
      response.body.resume();
      url = this.secure(new URL(location, url));
      if (response.status === 303) method = 'GET';
    }
    throw new ModelError('SourceUnavailable', `${this.options.registry} redirects in circles`);
  }

  private isOurs(url: URL): boolean {
    return url.origin === this.root.origin;
  }

  /** A registry that speaks TLS may not send us where nobody does. */
  private secure(url: URL): URL {
    if (url.protocol === 'https:' || (url.protocol === 'http:' && this.root.protocol === 'http:')) return url;
    throw new ModelError(
      'SourceUnavailable',
      `${this.options.registry} sends us to ${url.origin}, which is not secure`,
    );
  }

  /**
   * What to put into the Authorization header, by the token protocol of the distribution project. The registry itself may
   * name another host that gives out its tokens, as Docker's does: it could as well ask for the password outright. That
   * host is never spoken to over a less safe connection, and never followed to a third one.
   */
  private async authorize(header: string | undefined): Promise<string> {
    const challenges = parseChallenges(header);
    const credentials = await this.options.credentials?.();
    const pair = credentials && 'username' in credentials ? basicOf(credentials) : undefined;
    const realm = ({ parameters }: Challenge): string => parameters['realm'] ?? '';
    const bearer = challenges.find((one) => one.scheme === 'bearer' && URL.canParse(realm(one)));
    if (bearer !== undefined) return `Bearer ${await this.token(new URL(realm(bearer)), bearer, credentials)}`;
    if (pair !== undefined && challenges.some(({ scheme }) => scheme === 'basic')) return pair;
    throw await this.unauthorized();
  }

  private async token(from: URL, { parameters }: Challenge, credentials: Credentials | undefined): Promise<string> {
    const { repository, registry } = this.options;
    const url = this.secure(from);
    const wanted = {
      service: parameters['service'],
      scope: parameters['scope'] ?? `repository:${repository}:pull,push`,
    };
    const asked = Object.entries(wanted).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as [string, string]],
    );
    let answer: HttpResponse;
    if (credentials && 'identityToken' in credentials) {
      // By OAuth 2, as docker does it with such a token.
      const kept = { grant_type: 'refresh_token', client_id: 'kubectl-mdep', refresh_token: credentials.identityToken };
      const form = Buffer.from(new URLSearchParams([...Object.entries(kept), ...asked]).toString());
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(form.length) };
      answer = await request({ method: 'POST', url, headers, body: () => form }, this.stallMs);
    } else {
      for (const [name, value] of asked) url.searchParams.set(name, value);
      const headers: Record<string, string> = credentials === undefined ? {} : { authorization: basicOf(credentials) };
      answer = await request({ method: 'GET', url, headers }, this.stallMs);
    }
    await this.expect(answer, 200, TOKEN);
    const token = readToken(await readAll(answer));
    if (token !== undefined) return token;
    throw new ModelError('SourceUnavailable', `${url.host} answered without the token that ${registry} asks for`);
  }

  private async unauthorized(): Promise<ModelError> {
    const { registry, repository } = this.options;
    const credentials = await this.options.credentials?.();
    const hint =
      credentials === undefined
        ? ((await this.options.withoutCredentials?.()) ?? NO_CREDENTIALS)
        : 'username' in credentials
          ? `user ${credentials.username} was refused; check the password and the rights of that user`
          : 'the identity token of the login was refused; log in again (az acr login, docker login)';
    return new ModelError('Unauthorized', `${registry} does not let us use ${repository}: ${hint}`);
  }

  private async expect(response: HttpResponse, wanted: number, what: string): Promise<void> {
    const { status, url } = response;
    if (status === wanted) return;
    const { registry, repository } = this.options;
    if ((status === 401 || status === 403) && !this.isOurs(url) && what !== TOKEN) {
      response.body.resume();
      const words = `${registry} sends us for ${what} to ${url.host}, which refuses it (status ${status}); credentials for ${registry} are not shown to others`;
      throw new ModelError('SourceUnavailable', words);
    }
    const detail = (await readAll(response, 65_536).catch(() => Buffer.alloc(0))).toString();
    if (status === 401 || status === 403) throw await this.unauthorized();
    if (status === 404) {
      const words = `${registry} has no ${what} in ${repository}; check the uri, and that the model was pushed`;
      throw new ModelError('ModelNotFound', words);
    }
    const reason = ERROR_CODE.exec(detail)?.[1];
    const words = `${registry}/${repository}: ${what}: status ${status}${reason === undefined ? '' : ` (${reason})`}`;
    throw new ModelError('SourceUnavailable', words, { retryAfterMs: retryAfter(header(response, 'retry-after')) });
  }
}

const basicOf = ({ username, password }: Extract<Credentials, { username: string }>): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

function readToken(bytes: Buffer): string | undefined {
  try {
    const answer = JSON.parse(bytes.toString()) as { token?: string; access_token?: string };
    return answer.token ?? answer.access_token;
  } catch {
    return undefined;
  }
}

/** Seconds only: registries do not use the form with a date, and it would need a clock. */
const retryAfter = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : undefined;

function header(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonPatch } from '../client-options.ts';
import { plainConnection, type Connection } from '../connection.ts';
import { apiVersionOf, resourceName, type ResourceType } from '../resources.ts';
import { FakeStorage, Refusal } from './fake-storage.ts';
import { answer, fits, inflict, statusBody, verbOf, type Fault, type Match, type RecordedRequest } from './faults.ts';
import { FakeWatch } from './fake-watch.ts';
import { jsonPatch, mergePatch, PatchError, type JsonObject } from './patches.ts';
import { matches } from './selectors.ts';

interface Target {
  type: ResourceType;
  namespace: string;
  name: string;
  subresource: string;
}

/** A small API server on loopback, plain http. README.md says what it keeps and what not. */
export class FakeApiServer {
  readonly storage = new FakeStorage();
  /** Everything that was asked, in order. */
  readonly requests: RecordedRequest[] = [];
  /** Streams that are open now. */
  readonly watches = new Set<FakeWatch>();
  private readonly faults: { match: Match; fault: Fault; times: number }[] = [];
  private readonly pages = new Map<string, { items: unknown[]; version: number }>();
  private readonly server: http.Server;
  private holding = false;

  private constructor(private readonly types: readonly ResourceType[]) {
    this.server = http.createServer((request, response) => {
      this.serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  /** Knows these types; others are answered 404. */
  static async start(types: readonly ResourceType[]): Promise<FakeApiServer> {
    const fake = new FakeApiServer(types);
    await new Promise<void>((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get connection(): Connection {
    return plainConnection(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}`);
  }

  /** The next `times` matching requests meet the fault; those scripted first come first. */
  script(match: Match, fault: Fault, times = 1): void {
    this.faults.push({ match, fault, times });
  }

  /** Requests that matched, for counting. */
  seen(match: Match): RecordedRequest[] {
    return this.requests.filter((request) => fits(match, request));
  }

  /** Keeps events from all watches, present and future, until `release`. */
  hold(): void {
    this.holding = true;
    for (const watch of this.watches) watch.hold();
  }

  release(): void {
    this.holding = false;
    for (const watch of this.watches) watch.release();
  }

  async close(): Promise<void> {
    for (const watch of this.watches) watch.end();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://fake');
    const target = this.parse(url.pathname);
    if (!target) return answer(response, 404, statusBody(404, 'NotFound', 'no such resource'));
    const body = chunks.length === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString()) as unknown);
    const recorded: RecordedRequest = {
      verb: verbOf(request.method, url, target.name),
      resource: resourceName(target.type) + (target.subresource && `/${target.subresource}`),
      namespace: target.namespace,
      name: target.name || ((body as { metadata?: { name?: string } } | undefined)?.metadata?.name ?? ''),
      query: Object.fromEntries(url.searchParams),
      contentType: request.headers['content-type'],
      userAgent: request.headers['user-agent'],
      body,
    };
    this.requests.push(recorded);
    response.once('finish', () => (recorded.status = response.statusCode));
    const fault = this.nextFault(recorded);
    if (fault && (await inflict(fault, response))) return;
    if (recorded.verb === 'watch') return this.watch(target, recorded, response);
    const [status, result] = this.carryOut(target, recorded);
    if (fault && 'reset' in fault) response.destroy();
    else answer(response, status, result);
  }

  private nextFault(request: RecordedRequest): Fault | undefined {
    const script = this.faults.find(({ match, times }) => times > 0 && fits(match, request));
    if (script) script.times -= 1;
    return script?.fault;
  }

  private carryOut(target: Target, request: RecordedRequest): [number, unknown] {
    try {
      return [request.verb === 'create' ? 201 : 200, this.execute(target, request)];
    } catch (error) {
      if (error instanceof PatchError) return [422, statusBody(422, 'Invalid', error.message)];
      if (error instanceof Refusal) return [error.status, statusBody(error.status, error.reason, error.message)];
      throw error;
    }
  }

  private execute({ type, namespace, name, subresource }: Target, request: RecordedRequest): unknown {
    const { storage } = this;
    const ref = { namespace: namespace || undefined, name };
    const body = request.body as JsonObject;
    switch (request.verb) {
      case 'get': {
        const found = storage.get(type, ref);
        if (!found) throw new Refusal(404, 'NotFound', `${resourceName(type)} "${name}" not found`);
        return found;
      }
      case 'list':
      case 'watch':
        return this.list(type, namespace, request.query);
      case 'create':
        return storage.create(type, body);
      case 'update':
        return storage.update(type, ref, subresource, () => body);
      case 'patch':
        return this.patch(type, ref, subresource, request);
      case 'delete': {
        const { preconditions } = body as { preconditions?: { uid?: string; resourceVersion?: string } };
        const left = storage.delete(type, ref, preconditions);
        return left ?? { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
      }
    }
  }

  private patch(
    type: ResourceType,
    ref: { namespace: string | undefined; name: string },
    subresource: string,
    request: RecordedRequest,
  ) {
    const body = request.body as JsonObject;
    if (request.contentType?.startsWith('application/apply-patch')) {
      return this.storage.apply(type, ref, subresource, request.query['fieldManager'] ?? '', body);
    }
    const isJsonPatch = request.contentType === 'application/json-patch+json';
    return this.storage.update(type, ref, subresource, (live) =>
      isJsonPatch ? jsonPatch(live, body as unknown as JsonPatch) : mergePatch(live, body),
    );
  }

  private list(type: ResourceType, namespace: string, query: Record<string, string>): unknown {
    const limit = Number(query['limit'] ?? Infinity);
    const page = query['continue'] === undefined ? undefined : this.pages.get(query['continue']);
    const version = page?.version ?? this.storage.resourceVersion;
    if (query['continue'] !== undefined && (!page || version < this.storage.compactedAt)) {
      throw new Refusal(410, 'Expired', 'The provided continue parameter is too old');
    }
    const all =
      page?.items ??
      this.storage
        .list(type, namespace)
        .filter((object) => matches(object, query['labelSelector'], query['fieldSelector']))
        // As the real one does in lists.
        .map(({ apiVersion: _a, kind: _k, ...rest }) => rest);
    const token = all.length > limit ? `page-${this.pages.size + 1}` : undefined;
    if (token) this.pages.set(token, { items: all.slice(limit), version });
    return {
      apiVersion: apiVersionOf(type),
      kind: `${type.kind}List`,
      metadata: { resourceVersion: String(version), ...(token ? { continue: token } : {}) },
      items: all.slice(0, limit),
    };
  }

  private watch({ type, namespace }: Target, { query }: RecordedRequest, response: http.ServerResponse): void {
    const since = Number(query['resourceVersion'] ?? this.storage.resourceVersion);
    if (since < this.storage.compactedAt) {
      return answer(response, 410, statusBody(410, 'Expired', `too old resource version: ${since}`));
    }
    const watch = new FakeWatch(
      resourceName(type),
      response,
      (object) =>
        (!namespace || object.metadata.namespace === namespace) &&
        matches(object, query['labelSelector'], query['fieldSelector']),
    );
    this.watches.add(watch);
    if (this.holding) watch.hold();
    const unfollow = this.storage.follow(since, (entry) => watch.deliver(entry));
    response.once('close', () => {
      unfollow();
      this.watches.delete(watch);
    });
  }

  private parse(path: string): Target | undefined {
    const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
    const isCore = parts.shift() === 'api';
    const group = isCore ? '' : parts.shift();
    const version = parts.shift();
    const namespace = parts[0] === 'namespaces' && parts.length > 2 ? (parts.splice(0, 2)[1] ?? '') : '';
    const [plural, name = '', subresource = ''] = parts;
    const type = this.types.find(
      (known) => known.group === group && known.version === version && known.plural === plural,
    );
    return type && (subresource === '' || subresource === 'status')
      ? { type, namespace, name, subresource }
      : undefined;
  }
}

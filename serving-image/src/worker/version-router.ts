import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { sendAnswer, sendError } from '../http/send-response.ts';
import { apiRequestOf, type ApiRequest, type BufferedRequest } from '../handlers/request.ts';
import { admit } from '../http/border.ts';
import type { Cors } from '../http/cors.ts';
import type { Catalog, CatalogVersion } from '../model/catalog.ts';
import * as answers from '../protocol/catalog.ts';

import { internalError, RequestError, unavailable, ClientGone } from '../errors.ts';
import type { IndexEntry } from '../protocol/v2/metadata.ts';
import { mayAsk, type Checks } from '../security/gate.ts';
import { route, withVersion, type Route } from '../protocol/route.ts';
import type { Upstream, PeerProxy } from './peer-proxy.ts';
import { json, type ApiResponse } from '../handlers/response.ts';
import type { Admission } from '../handlers/admission.ts';

export interface VersionRouterSettings {
  own: { name: string; version: string };
  /** Answers requests for the own version. */
  handler: RequestListener;
  /** The same for any transport; see http/handler.ts. */
  serve: (apiRequest: ApiRequest, send: (outcome: ApiResponse | RequestError) => void) => Promise<void> | undefined;
  proxy: PeerProxy;
  admission: Admission;
  /** Absent: all clients may ask. */
  tokens: Checks | undefined;
  /** Absent: browsers let no other website ask. */
  cors: Cors | undefined;
  /** Called for every request whose client may not ask. */
  refused: (protocol: string, error: RequestError) => void;
  draining: () => boolean;
  /** Called for every request that is passed on. */
  passing: (request: IncomingMessage, response: ServerResponse) => void;
}

type Named = Extract<Route, { model: string }>;

/**
 * What stands before a worker's handler: answers what concerns all models, and passes on what another version must
 * answer. Where the own version is all there is, requests go straight through.
 */
export class VersionRouter {
  #catalog: Catalog | undefined;
  /** Whether the own version is all there is. */
  #alone = true;
  #turn = 0;

  constructor(private readonly settings: VersionRouterSettings) {}

  update(catalog: Catalog): void {
    this.#catalog = catalog;
    const [model, ...others] = catalog.models;
    this.#alone =
      others.length === 0 && (model?.versions.length ?? 0) <= 1 && Object.keys(model?.labels ?? {}).length === 0;
    this.settings.proxy.keep(
      new Set(catalog.models.flatMap(({ versions }) => versions.flatMap(({ sockets }) => sockets))),
    );
  }

  /** All versions of all models; undefined before the supervisor has told. */
  index(): IndexEntry[] | undefined {
    return this.#catalog && answers.indexOf(this.#catalog);
  }

  readonly handle: RequestListener = (request, response) => {
    // What was read of a connection that has been closed since is nobody's question any more.
    if (request.socket.destroyed) return;
    const { cors, draining } = this.settings;
    try {
      admit(request);
      if (cors?.answer(request, response, draining())) return;
    } catch (error) {
      return this.#refuse(response, error);
    }
    if (!this.settings.tokens) return this.#handle(request, response);
    const apiRequest = apiRequestOf(request);
    this.#check(apiRequest).then(
      () => this.#handle(request, response),
      (error: unknown) => this.#refuse(response, error),
    );
  };

  /** @throws RequestError 401 */
  async #check(apiRequest: Pick<ApiRequest, 'url' | 'headers' | 'protocol'>): Promise<void> {
    try {
      await mayAsk(apiRequest, this.settings.tokens);
    } catch (error) {
      if (error instanceof RequestError) this.settings.refused(apiRequest.protocol, error);
      throw error;
    }
  }

  #refuse(response: ServerResponse, error: unknown): void {
    const { draining, admission } = this.settings;
    sendError(response, error instanceof RequestError ? error : internalError(), draining(), admission);
  }

  readonly #handle: RequestListener = (request, response) => {
    const catalog = this.#alone ? undefined : this.#catalog;
    const requested = catalog && this.#route(request);
    if (!requested) return this.settings.handler(request, response);
    try {
      const content = this.#answer(catalog, requested);
      const { draining, admission } = this.settings;
      if (content !== undefined) return sendAnswer(response, json(content), draining(), admission);
      if ('model' in requested) return this.#direct(catalog, requested, request, response);
      this.settings.handler(request, response);
    } catch (error) {
      this.#refuse(response, error);
    }
  };

  /**
   * The path under which the own version answers a request that runs a model, before anything else is known of it; undefined
   * where another one answers, and where clients must show a token first.
   */
  readonly here = (url: string): string | undefined => {
    if (this.settings.tokens) return undefined;
    if (this.#alone || !this.#catalog) return url;
    const requested = this.#route({ method: 'POST', url });
    if (!requested || !('model' in requested)) return undefined;
    try {
      const place = this.#locate(this.#catalog, requested, url);
      return 'url' in place ? place.url : undefined;
    } catch {
      return undefined;
    }
  };

  /** Whether a client of gRPC may ask, before its message is read. Rejects with RequestError 401. */
  readonly authorize = (headers: IncomingHttpHeaders, protocol: string): Promise<void> =>
    this.#check({ url: '', headers, protocol });

  /** The answer to a request that is here as a whole, of a client that may ask. Rejects with RequestError or ClientGone. */
  readonly respond = async (apiRequest: BufferedRequest): Promise<ApiResponse> => {
    const catalog = this.#alone ? undefined : this.#catalog;
    const requested = catalog && this.#route(apiRequest);
    if (!requested) return this.#own(apiRequest);
    const content = this.#answer(catalog, requested);
    if (content !== undefined) return json(content);
    if (!('model' in requested)) return this.#own(apiRequest);
    const place = this.#locate(catalog, requested, apiRequest.url);
    return 'url' in place
      ? this.#own({ ...apiRequest, url: place.url })
      : this.settings.proxy.forward(apiRequest, place.next);
  };

  #own(apiRequest: ApiRequest): Promise<ApiResponse> {
    return new Promise((resolve, reject) => {
      const send = (outcome: ApiResponse | RequestError) =>
        outcome instanceof RequestError ? reject(outcome) : resolve(outcome);
      void this.settings.serve(apiRequest, send)?.then(() => reject(new ClientGone()));
    });
  }

  /** Undefined for a request that nobody understands: the handler says so. */
  #route({ method = 'GET', url = '/' }: { method?: string | undefined; url?: string | undefined }): Route | undefined {
    try {
      return route(method, url);
    } catch {
      return undefined;
    }
  }

  /** Undefined for what one version answers. @throws RequestError */
  #answer(catalog: Catalog, requested: Route): string | undefined {
    if (requested.kind === 'v1.status') return answers.modelStatus(catalog, requested);
    if (requested.kind !== 'v2.ready' && requested.kind !== 'v2.modelReady') return undefined;
    if (this.settings.draining()) throw unavailable('not ready: the server is shutting down');
    return requested.kind === 'v2.ready' ? answers.serverReady(catalog) : answers.modelReady(catalog, requested);
  }

  /** @throws RequestError */
  #direct(catalog: Catalog, requested: Named, request: IncomingMessage, response: ServerResponse): void {
    const { handler, proxy, passing } = this.settings;
    const place = this.#locate(catalog, requested, request.url ?? '/');
    if ('url' in place) {
      request.url = place.url;
      return handler(request, response);
    }
    passing(request, response);
    proxy.pass(request, response, place.next);
  }

  /** Where a request is answered: here, under this path, or where `next` says, anew for each attempt. @throws RequestError */
  #locate(catalog: Catalog, requested: Named, url: string): { url: string } | { next: () => Upstream } {
    const { own } = this.settings;
    const numbered = ({ version }: CatalogVersion) =>
      (requested.version ?? requested.label) === undefined ? url : withVersion(url, version);
    const protocol = requested.kind.startsWith('v1.') ? 'v1' : 'v2';
    const { model, version } = answers.locate(catalog, requested, protocol);
    if (model.name === own.name && version.version === own.version) return { url: numbered(version) };
    const next = (): Upstream => {
      const { version: target } = answers.locate(this.#catalog ?? catalog, requested, protocol);
      const socket = target.sockets[this.#turn++ % target.sockets.length];
      if (socket === undefined) throw unavailable('not ready: all workers of this version are being replaced');
      return { socket, url: numbered(target) };
    };
    return { next };
  }
}

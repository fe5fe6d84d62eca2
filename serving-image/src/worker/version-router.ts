import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { sendAnswer, sendError } from '../http/send-response.ts';
import { askOf, type Ask, type WholeAsk } from '../handlers/request.ts';
import { admit } from '../http/border.ts';
import type { Cors } from '../http/cors.ts';
import type { Catalog, CatalogVersion } from '../model/catalog.ts';
import * as answers from '../protocol/catalog.ts';

import { internalError, RequestError, unavailable, ClientGone } from '../errors.ts';
import type { IndexEntry } from '../protocol/v2/metadata.ts';
import { mayAsk, type Checks } from '../security/gate.ts';
import { route, withVersion, type Route } from '../protocol/route.ts';
import type { Destination, Hop } from './peer-proxy.ts';
import { json, type Answer } from '../handlers/response.ts';
import type { Admission } from '../handlers/admission.ts';

export interface FrontSettings {
  own: { name: string; version: string };
  /** Answers requests for the own version. */
  handler: RequestListener;
  /** The same for any transport; see http/handler.ts. */
  serve: (ask: Ask, send: (outcome: Answer | RequestError) => void) => Promise<void> | undefined;
  hop: Hop;
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
export class Front {
  #catalog: Catalog | undefined;
  /** Whether the own version is all there is. */
  #alone = true;
  #turn = 0;

  constructor(private readonly settings: FrontSettings) {}

  update(catalog: Catalog): void {
    this.#catalog = catalog;
    const [model, ...others] = catalog.models;
    this.#alone =
      others.length === 0 && (model?.versions.length ?? 0) <= 1 && Object.keys(model?.labels ?? {}).length === 0;
    this.settings.hop.keep(new Set(catalog.models.flatMap(({ versions }) => versions.flatMap(({ doors }) => doors))));
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
    const ask = askOf(request);
    this.#check(ask).then(
      () => this.#handle(request, response),
      (error: unknown) => this.#refuse(response, error),
    );
  };

  /** @throws RequestError 401 */
  async #check(ask: Pick<Ask, 'url' | 'headers' | 'protocol'>): Promise<void> {
    try {
      await mayAsk(ask, this.settings.tokens);
    } catch (error) {
      if (error instanceof RequestError) this.settings.refused(ask.protocol, error);
      throw error;
    }
  }

  #refuse(response: ServerResponse, error: unknown): void {
    const { draining, admission } = this.settings;
    sendError(response, error instanceof RequestError ? error : internalError(), draining(), admission);
  }

  readonly #handle: RequestListener = (request, response) => {
    const catalog = this.#alone ? undefined : this.#catalog;
    const asked = catalog && this.#route(request);
    if (!asked) return this.settings.handler(request, response);
    try {
      const content = this.#answer(catalog, asked);
      const { draining, admission } = this.settings;
      if (content !== undefined) return sendAnswer(response, json(content), draining(), admission);
      if ('model' in asked) return this.#direct(catalog, asked, request, response);
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
    const asked = this.#route({ method: 'POST', url });
    if (!asked || !('model' in asked)) return undefined;
    try {
      const place = this.#locate(this.#catalog, asked, url);
      return 'url' in place ? place.url : undefined;
    } catch {
      return undefined;
    }
  };

  /** Whether a client of gRPC may ask, before its message is read. Rejects with RequestError 401. */
  readonly authorize = (headers: IncomingHttpHeaders, protocol: string): Promise<void> =>
    this.#check({ url: '', headers, protocol });

  /** The answer to a request that is here as a whole, of a client that may ask. Rejects with RequestError or ClientGone. */
  readonly respond = async (ask: WholeAsk): Promise<Answer> => {
    const catalog = this.#alone ? undefined : this.#catalog;
    const asked = catalog && this.#route(ask);
    if (!asked) return this.#own(ask);
    const content = this.#answer(catalog, asked);
    if (content !== undefined) return json(content);
    if (!('model' in asked)) return this.#own(ask);
    const place = this.#locate(catalog, asked, ask.url);
    return 'url' in place ? this.#own({ ...ask, url: place.url }) : this.settings.hop.ask(ask, place.next);
  };

  #own(ask: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const send = (outcome: Answer | RequestError) =>
        outcome instanceof RequestError ? reject(outcome) : resolve(outcome);
      void this.settings.serve(ask, send)?.then(() => reject(new ClientGone()));
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
  #answer(catalog: Catalog, asked: Route): string | undefined {
    if (asked.kind === 'v1.status') return answers.modelStatus(catalog, asked);
    if (asked.kind !== 'v2.ready' && asked.kind !== 'v2.modelReady') return undefined;
    if (this.settings.draining()) throw unavailable('not ready: the server is shutting down');
    return asked.kind === 'v2.ready' ? answers.serverReady(catalog) : answers.modelReady(catalog, asked);
  }

  /** @throws RequestError */
  #direct(catalog: Catalog, asked: Named, request: IncomingMessage, response: ServerResponse): void {
    const { handler, hop, passing } = this.settings;
    const place = this.#locate(catalog, asked, request.url ?? '/');
    if ('url' in place) {
      request.url = place.url;
      return handler(request, response);
    }
    passing(request, response);
    hop.pass(request, response, place.next);
  }

  /** Where a request is answered: here, under this path, or where `next` says, anew for each attempt. @throws RequestError */
  #locate(catalog: Catalog, asked: Named, url: string): { url: string } | { next: () => Destination } {
    const { own } = this.settings;
    const numbered = ({ version }: CatalogVersion) =>
      (asked.version ?? asked.label) === undefined ? url : withVersion(url, version);
    const protocol = asked.kind.startsWith('v1.') ? 'v1' : 'v2';
    const { model, version } = answers.locate(catalog, asked, protocol);
    if (model.name === own.name && version.version === own.version) return { url: numbered(version) };
    const next = (): Destination => {
      const { version: target } = answers.locate(this.#catalog ?? catalog, asked, protocol);
      const door = target.doors[this.#turn++ % target.doors.length];
      if (door === undefined) throw unavailable('not ready: all workers of this version are being replaced');
      return { door, url: numbered(target) };
    };
    return { next };
  }
}

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Catalog } from '../model/catalog.ts';
import * as answers from '../protocol/catalog.ts';
import { unavailable } from '../protocol/errors.ts';
import { route, withVersion, type Route } from '../protocol/route.ts';
import type { Destination, Hop } from './hop.ts';
import { json, reply, replyError } from './reply.ts';

export interface FrontSettings {
  own: { name: string; version: string };
  /** Answers requests for the own version. */
  handler: RequestListener;
  hop: Hop;
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
  #catalog: Catalog = { models: [] };
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

  readonly handle: RequestListener = (request, response) => {
    const asked = this.#alone ? undefined : this.#route(request);
    if (!asked) return this.settings.handler(request, response);
    try {
      const content = this.#answer(asked);
      if (content !== undefined) {
        request.resume();
        return reply(response, json(content), this.#headers());
      }
      if ('model' in asked) return this.#direct(asked, request, response);
      this.settings.handler(request, response);
    } catch (error) {
      request.resume();
      replyError(response, error, this.#headers());
    }
  };

  /** Undefined for a request that nobody understands: the handler says so. */
  #route(request: IncomingMessage): Route | undefined {
    try {
      return route(request.method ?? 'GET', request.url ?? '/');
    } catch {
      return undefined;
    }
  }

  /** Undefined for what one version answers. @throws RequestError */
  #answer(asked: Route): string | undefined {
    if (asked.kind === 'v2.models') return answers.models(this.#catalog);
    if (asked.kind === 'v1.status') return answers.modelStatus(this.#catalog, asked);
    if (asked.kind !== 'v2.ready' && asked.kind !== 'v2.modelReady') return undefined;
    if (this.settings.draining()) throw unavailable('not ready: the server is shutting down');
    return asked.kind === 'v2.ready' ? answers.serverReady(this.#catalog) : answers.modelReady(this.#catalog, asked);
  }

  /** @throws RequestError */
  #direct(asked: Named, request: IncomingMessage, response: ServerResponse): void {
    const { own, handler, hop, passing } = this.settings;
    const url = request.url ?? '/';
    const protocol = asked.kind.startsWith('v1.') ? 'v1' : 'v2';
    const locate = () => answers.locate(this.#catalog, asked, protocol);
    const { model, version } = locate();
    if (model.name === own.name && version.version === own.version) {
      request.url = withVersion(url, own.version);
      return handler(request, response);
    }
    passing(request, response);
    hop.pass(request, response, (): Destination => {
      const { version: target } = locate();
      const door = target.doors[this.#turn++ % target.doors.length];
      if (door === undefined) throw unavailable('not ready: all workers of this version are being replaced');
      return { door, url: withVersion(url, target.version) };
    });
  }

  #headers(): Record<string, string> {
    return this.settings.draining() ? { Connection: 'close' } : {};
  }
}

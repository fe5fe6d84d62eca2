/** Answers in place of workers where clients say what is loaded: there may be no worker for as long as they like. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { GrpcServer } from '../grpc/server.ts';

import type { ApiRequest } from '../handlers/request.ts';
import { answerIndex, answerOrder } from '../handlers/model-repository.ts';
import * as answers from '../protocol/catalog.ts';
import { unavailable } from '../errors.ts';
import { route } from '../protocol/route.ts';
import { serverMetadata } from '../protocol/v2/metadata.ts';
import { mayAsk, type Checks } from '../security/gate.ts';
import type { Tls } from '../security/tls.ts';
import type { Admission } from '../handlers/admission.ts';
import type { ModelControl } from '../handlers/model-control.ts';
import type { Logger } from '../telemetry/log.ts';
import { answerPlain, type State } from './admin-server.ts';
import { ConnectionLimit } from '../http/connection-limit.ts';
import { Sessions } from '../grpc/connections.ts';
import { json, type ApiResponse } from '../handlers/response.ts';

export interface FallbackApiSettings {
  admission: Admission;
  mostConnections: number;
  log: Logger;
  serverVersion: string;
  modelControl: ModelControl;
  draining: () => boolean;
}

export class FallbackApi {
  readonly #sessions: Sessions;

  constructor(
    private readonly settings: FallbackApiSettings,
    private readonly state: State,
    private readonly tokens: Checks | undefined,
    tls: Tls | undefined,
  ) {
    const { admission, mostConnections, log, draining } = settings;
    const authorize = (headers: IncomingHttpHeaders) => mayAsk({ url: '', headers }, this.tokens);
    const open = () => Promise.resolve(new GrpcServer({ respond: this.answer, authorize, admission, draining, log }));
    this.#sessions = new Sessions(
      open,
      { taken: (_, then) => then(), closed: () => undefined },
      new ConnectionLimit(mostConnections),
      tls,
    );
  }

  /** A connection of gRPC. */
  receive(socket: Socket): void {
    this.#sessions.take(0, socket);
  }

  /** Sends those to the workers, with their next calls, who are here. */
  leave(): void {
    this.#sessions.renew(Infinity);
  }

  /** Rejects with RequestError. */
  readonly answer = async (request: ApiRequest): Promise<ApiResponse> => {
    const { admission, modelControl, serverVersion } = this.settings;
    await mayAsk(request, this.tokens);
    const target = route(request.method, request.url);
    const plain = await answerPlain(this.state, target);
    if (plain) return plain;
    const catalog = this.state.catalog();
    const repository = { admission, modelControl };
    if (target.kind === 'v2.load' || target.kind === 'v2.unload') return answerOrder(repository, target, request);
    if (target.kind === 'v2.index') return answerIndex(repository, answers.indexOf(catalog), request);
    if (target.kind === 'v2.models') return json(JSON.stringify({ models: catalog.models.map(({ name }) => name) }));
    if (target.kind === 'v2.server') return json(serverMetadata(serverVersion));
    if (target.kind === 'v1.status') return json(answers.modelStatus(catalog, target));
    if ('model' in target) answers.locate(catalog, target, target.kind.startsWith('v1.') ? 'v1' : 'v2');
    throw unavailable('no worker can answer now: no model is loaded, or all workers are being replaced');
  };
}

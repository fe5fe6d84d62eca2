import { createServer } from 'node:http2';
import type { Server, Socket } from 'node:net';

import type { ApiRequest } from '../handlers/request.ts';
import type { Cors } from '../http/cors.ts';
import { unavailable } from '../errors.ts';
import { route } from '../protocol/route.ts';
import { mayAsk, type Checks } from '../security/gate.ts';
import type { Tls } from '../security/tls.ts';
import { answerPlain, createAdmin, type State } from './admin-server.ts';
import { startReading } from '../ipc/socket-handoff.ts';
import type { FallbackApiSettings } from './fallback-api.ts';
import type { Transport } from '../ipc/messages.ts';
import type { ApiResponse } from '../handlers/response.ts';
import type { Admission } from '../handlers/admission.ts';

const WHY = 'no worker can answer now: the model is still loading, or all workers are being replaced';
/** The status of gRPC. */
const UNAVAILABLE = 14;

/** Answers connections for which there is no worker. */
export interface FallbackServers {
  receive: Readonly<Record<Transport, (socket: Socket) => void>>;
  /** There is a worker: clients should come to it with their next requests. */
  leave(): void;
}

/** What both kinds of them need. */
export interface StandInSettings {
  admission: Admission;
  tls: Readonly<Record<Transport, Tls>> | undefined;
  /** Absent: all clients may ask. */
  tokens: Checks | undefined;
  /** Absent: browsers let no other website ask. */
  cors: Cors | undefined;
}

/** Each answer ends its connection: the next one should meet a worker. With `fallbackApi` clients can load models here. */
export function createFallbackServers(
  state: State,
  { admission, tls, tokens, cors }: StandInSettings,
  fallbackApi: Omit<FallbackApiSettings, 'admission'> | undefined,
): FallbackServers {
  // Brings half of what workers need, which a supervisor should do without.
  const opened =
    fallbackApi &&
    import('./fallback-api.ts').then(
      ({ FallbackApi }) => new FallbackApi({ ...fallbackApi, admission }, state, tokens, tls?.grpc),
    );
  const refused = async (request: ApiRequest): Promise<ApiResponse> => {
    await mayAsk(request, tokens);
    const answer = await answerPlain(state, route(request.method, request.url));
    if (!answer) throw unavailable(WHY);
    return answer;
  };
  const http = createAdmin(opened ? async (request) => (await opened).answer(request) : refused, admission, cors);
  http.maxRequestsPerSocket = 1;
  const receive = (server: Server, transport: Transport) => (socket: Socket) => {
    if (tls) {
      void tls[transport].accept(socket).then((secure) => secure && server.emit('connection', secure));
    } else {
      server.emit('connection', socket);
    }
    socket.resume();
    startReading(socket);
  };
  if (!opened)
    return { receive: { http: receive(http, 'http'), grpc: receive(refusing(), 'grpc') }, leave: () => undefined };
  return {
    receive: { http: receive(http, 'http'), grpc: (socket) => void opened.then((open) => open.receive(socket)) },
    leave: () => void opened.then((open) => open.leave()),
  };
}

/** Refuses all calls of gRPC. */
function refusing(): Server {
  const server = createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.resume();
    const headers = {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': UNAVAILABLE,
      'grpc-message': WHY,
    };
    stream.respond(headers, { endStream: true });
    stream.session?.close();
  });
  server.on('sessionError', () => undefined);
  return server;
}

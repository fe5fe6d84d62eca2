import { createServer } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { unavailable } from '../protocol/errors.ts';
import type { Tls } from '../security/tls.ts';
import { answerOf, createAdmin, type State } from './admin.ts';
import { startReading } from './handle.ts';
import type { LobbySettings } from './lobby.ts';
import type { Transport } from './messages.ts';

const WHY = 'no worker can answer now: the model is still loading, or all workers are being replaced';
/** The status of gRPC. */
const UNAVAILABLE = 14;

/** Answers connections for which there is no worker. */
export interface StandIns {
  receive: Readonly<Record<Transport, (socket: Socket) => void>>;
  /** There is a worker: clients should come to it with their next requests. */
  leave(): void;
}

/** Each answer ends its connection: the next one should meet a worker. With `lobby` clients can load models here. */
export function createStandIns(
  state: State,
  tls: Readonly<Record<Transport, Tls>> | undefined,
  lobby: LobbySettings | undefined,
): StandIns {
  // Brings half of what workers need, which a supervisor should do without.
  const opened = lobby && import('./lobby.ts').then(({ Lobby }) => new Lobby(lobby, state, tls?.grpc));
  const http = createAdmin(opened ? async (ask) => (await opened).answer(ask) : answerOf(state, unavailable(WHY)));
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

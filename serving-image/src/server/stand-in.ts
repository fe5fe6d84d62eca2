import { createServer } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { unavailable } from '../protocol/errors.ts';
import type { Tls } from '../security/tls.ts';
import { createAdmin, type State } from './admin.ts';
import type { Transport } from './messages.ts';

const WHY = 'no worker can answer now: the model is still loading, or all workers are being replaced';
/** The status of gRPC. */
const UNAVAILABLE = 14;

/** Answers connections for which there is no worker. Each answer ends its connection: the next one should meet a worker. */
export function createStandIns(
  state: State,
  tls: Readonly<Record<Transport, Tls>> | undefined,
): Record<Transport, (socket: Socket) => void> {
  const http = createAdmin(state, unavailable(WHY));
  http.maxRequestsPerSocket = 1;
  const grpc = createServer();
  grpc.on('stream', (stream) => {
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
  grpc.on('sessionError', () => undefined);
  const receive = (server: Server, transport: Transport) => (socket: Socket) => {
    if (!tls) return void server.emit('connection', socket);
    void tls[transport].accept(socket).then((secure) => secure && server.emit('connection', secure));
  };
  return { http: receive(http, 'http'), grpc: receive(grpc, 'grpc') };
}

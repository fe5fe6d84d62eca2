import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { MAX_HEADER_BYTES, prepare } from '../http/server.ts';
import type { Admission } from '../handlers/admission.ts';

/** The socket at which a worker answers other workers. */
export class PeerServer {
  #connections = 0;
  #onEmpty: () => void = () => undefined;

  private constructor(
    private readonly server: Server,
    private readonly path: string,
  ) {
    server.on('connection', (socket) => {
      this.#connections++;
      socket.once('close', () => {
        if (--this.#connections === 0) this.#onEmpty();
      });
    });
  }

  static async open(path: string, handler: RequestListener, admission: Admission): Promise<PeerServer> {
    // What a client may say has room with what its worker adds. Connections are closed by those who made them, so that no request meets one that closes.
    const server = createServer({ keepAliveTimeout: 0, maxHeaderSize: 2 * MAX_HEADER_BYTES });
    prepare(server, admission);
    server.on('request', handler);
    const socket = new PeerServer(server, path);
    await once(server.listen(path), 'listening');
    return socket;
  }

  /** Takes no new connections; resolves when the last one is closed. */
  async leave(): Promise<void> {
    rmSync(this.path, { force: true });
    // Who had connected by now is accepted in the next turn of the event loop.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    if (this.#connections > 0) await empty;
  }
}

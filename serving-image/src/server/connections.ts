import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Use {
  /** Requests not yet answered. */
  open: number;
  answered: number;
}

/** A connection that has said nothing when the server stops gets this long to speak, in milliseconds. */
const FRESH_MS = 1000;

/** The connections of one worker: taking over those it is handed, and closing them without losing a request. */
export class Connections {
  readonly #sockets = new Map<Socket, Use>();
  #stopping = false;
  #onEmpty: () => void = () => undefined;

  constructor(
    private readonly server: Server,
    private readonly changed: (delta: { taken: number; closed: number }) => void,
  ) {
    // Starts the server's own watch over slow headers and bodies, which listening would.
    server.emit('listening');
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#onRequest(request.socket, response),
    );
  }

  take(socket: Socket): void {
    const use: Use = { open: 0, answered: 0 };
    this.#sockets.set(socket, use);
    this.changed({ taken: 1, closed: 0 });
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.changed({ taken: 0, closed: 1 });
      if (this.#stopping && this.#sockets.size === 0) this.#onEmpty();
    });
    // As http.Server sets them on what it accepts itself: a client may close its half and still read the answer.
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    this.server.emit('connection', socket);
    socket.resume();
  }

  /** Answers what has arrived, closes what is idle; resolves when no connection is left. */
  async stop(): Promise<void> {
    // What the kernel has received by now is read in the next turn of the event loop: a request may be among it.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    this.#stopping = true;
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    if (this.#sockets.size === 0) return;
    for (const [socket, use] of this.#sockets) if (use.open === 0 && use.answered > 0) socket.destroySoon();
    const timer = setTimeout(() => {
      for (const [socket, use] of this.#sockets) if (use.open === 0) socket.destroySoon();
    }, FRESH_MS);
    await empty;
    clearTimeout(timer);
  }

  #onRequest(socket: Socket, response: ServerResponse): void {
    const use = this.#sockets.get(socket);
    if (!use) return;
    use.open++;
    response.once('close', () => {
      use.open--;
      use.answered++;
      if (this.#stopping && use.open === 0) socket.destroySoon();
    });
  }
}

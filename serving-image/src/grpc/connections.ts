import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { ConnectionInjector } from '@grpc/grpc-js';
import type { Tls } from '../security/tls.ts';
import type { GrpcServer } from './server.ts';
import { type ConnectionLimit, type Limited, shakeHands } from '../http/connection-limit.ts';
import type { ConnectionEvents } from '../http/connections.ts';
import { sessionOf, startReading, stopReading } from '../ipc/socket-handoff.ts';

interface Use {
  injector: ConnectionInjector;
  /** Its client was told to connect anew. */
  leaving: boolean;
}

/** The library breaks calls that take longer than this after their client was told to connect anew, in milliseconds. */
const GRACE_MS = 2 ** 31 - 1;

/**
 * The gRPC connections of one worker. HTTP/2 has a message for what HTTP/1 has not: GOAWAY tells a client to connect anew,
 * while its calls come to their end. So connections are never given back, their clients are sent to another worker.
 */
export class Sessions {
  readonly #sockets = new Map<Socket, Use>();
  /** Announced, and not yet read here. */
  #moving = 0;
  #stopping = false;
  #onEmpty: () => void = () => undefined;
  #grpc: Promise<GrpcServer> | undefined;

  /** `open` is called with the first connection: servers that speak only HTTP/1 do without. */
  constructor(
    private readonly open: () => Promise<GrpcServer>,
    private readonly events: Pick<ConnectionEvents, 'taken' | 'closed'>,
    private readonly limit: ConnectionLimit,
    private readonly tls?: Tls,
  ) {}

  /** `socket` is undefined when the client has gone before it arrived. */
  take(connection: number, socket: Socket | undefined): void {
    if (socket) stopReading(socket);
    this.#moving++;
    this.events.taken(connection, () => void this.#enter(socket));
  }

  async #enter(socket: Socket | undefined): Promise<void> {
    const secure = socket && this.tls ? await shakeHands(this.tls, socket, this.limit) : socket;
    this.#grpc ??= secure && this.#open();
    const grpc = await this.#grpc;
    this.#moving--;
    if (secure && grpc) this.#begin(grpc, secure);
    else this.#onClosed();
  }

  async #open(): Promise<GrpcServer> {
    const grpc = await this.open();
    if (this.#stopping) grpc.end();
    return grpc;
  }

  /** To be called when the server begins to drain. */
  async drain(): Promise<void> {
    (await this.#grpc)?.drain();
    this.renew(Infinity);
  }

  /** Has up to `count` clients connect anew, those included that were told to and have not yet left. */
  renew(count: number): void {
    let left = count - [...this.#sockets.values()].filter(({ leaving }) => leaving).length;
    for (const use of this.#sockets.values()) {
      if (left <= 0) return;
      if (use.leaving) continue;
      use.leaving = true;
      use.injector.drain(GRACE_MS);
      left--;
    }
  }

  /** Sends all clients away; resolves when none is left. */
  async stop(): Promise<void> {
    this.#stopping = true;
    (await this.#grpc)?.end();
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    this.renew(Infinity);
    if (!this.#empty()) await empty;
  }

  #begin(grpc: GrpcServer, socket: Socket): void {
    const injector = grpc.injector();
    let [open, last] = [0, 0];
    const place: Limited = { idleSince: () => (open === 0 ? last : undefined), close: () => socket.destroy() };
    this.#sockets.set(socket, { injector, leaving: false });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.limit.leave(place);
      injector.destroy();
      if (this.#sockets.delete(socket)) this.#onClosed();
    });
    socket.setNoDelay(true);
    if (!this.limit.enter(place)) return void socket.destroy();
    injector.injectConnection(socket);
    sessionOf(socket)?.on('stream', (stream: ServerHttp2Stream) => {
      open++;
      stream.once('close', () => {
        open--;
        last = this.limit.turn();
      });
    });
    socket.resume();
    if (!this.tls) startReading(socket);
    if (this.#stopping) this.renew(Infinity);
  }

  #onClosed(): void {
    this.events.closed();
    if (this.#empty()) this.#onEmpty();
  }

  #empty(): boolean {
    return this.#sockets.size + this.#moving === 0;
  }
}

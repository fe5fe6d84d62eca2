/**
 * The way of most requests: connections in the clear, whose requests run a model, one after the other. Their bytes are read from
 * the socket and their answers written to it without node:http between, which costs as much as everything else of a small request.
 * A connection that says anything else is node:http's from then on, with the bytes that were read (docs/adr/0017).
 */
import type { Socket } from 'node:net';
import { FastPathConnection, type FastPathSettings, type Watch } from './fast-path-connection.ts';
import { CHECK_MS } from './server.ts';

export class FastPath {
  readonly #connections = new Set<FastPathConnection>();
  #check: NodeJS.Timeout | undefined;

  constructor(private readonly settings: FastPathSettings) {}

  /** Goes on with a connection. Undefined when it is closed already. */
  take(socket: Socket, watch: Watch): FastPathConnection | undefined {
    const connection = FastPathConnection.open(socket, this.settings, {
      ...watch,
      left: () => this.#leave(connection),
    });
    if (!connection) return undefined;
    this.#connections.add(connection);
    this.#check ??= setInterval(() => this.#look(), CHECK_MS).unref();
    return connection;
  }

  #leave(connection: FastPathConnection | undefined): void {
    if (connection) this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    clearInterval(this.#check);
    this.#check = undefined;
  }

  #look(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.look(now);
  }
}

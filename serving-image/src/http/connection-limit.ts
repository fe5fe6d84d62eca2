/** How many connections of clients one worker holds, over HTTP/1 and HTTP/2 together, and which of them goes when there are too many. */
import type { Socket } from 'node:net';
import type { Tls } from '../security/tls.ts';

/** What each connection takes here and in the kernel, in bytes, and the part of the container's memory that all may take. */
const CONNECTION_BYTES = 32 * 1024;
const PART = 1 / 8;
/** A request may take a file beside its connection, and other things too. */
const FILES_EACH = 4;
const MOST = 10_000;
const LEAST = 100;

/** What is held when nobody has said it. Pure. */
export function connectionsFor(openFiles: number, containerBytes: number | undefined, workers: number): number {
  const memory = ((containerBytes ?? Infinity) * PART) / workers / CONNECTION_BYTES;
  return Math.max(LEAST, Math.floor(Math.min(MOST, openFiles / FILES_EACH, memory)));
}

export interface Limited {
  /** When it was last answered, by `ConnectionLimit.turn`; 0 when it never was, undefined while a whole request of it is in hand. */
  idleSince: () => number | undefined;
  close: () => void;
}

export class ConnectionLimit {
  /** Those that came first are first. */
  readonly #open = new Set<Limited>();
  #turn = 0;

  constructor(readonly most: number) {}

  get size(): number {
    return this.#open.size;
  }

  /** Counts answers, so that it is known which came first. */
  turn(): number {
    return ++this.#turn;
  }

  /** Makes room by closing one that is idle: first of those that were never answered, then the longest idle. False when there is none. */
  enter(connection: Limited): boolean {
    if (this.#open.size >= this.most) {
      const idle = this.#longestIdle();
      if (!idle) return false;
      this.leave(idle);
      idle.close();
    }
    this.#open.add(connection);
    return true;
  }

  leave(connection: Limited): void {
    this.#open.delete(connection);
  }

  #longestIdle(): Limited | undefined {
    let found: Limited | undefined;
    let first = Infinity;
    for (const connection of this.#open) {
      const since = connection.idleSince() ?? Infinity;
      if (since >= first) continue;
      [found, first] = [connection, since];
      if (since === 0) break;
    }
    return found;
  }
}

/** A connection has its place from the start: who never ends the handshake was never answered, and goes first. */
export async function shakeHands(tls: Tls, socket: Socket, limit: ConnectionLimit): Promise<Socket | undefined> {
  const place = { idleSince: () => 0, close: () => socket.destroy() };
  if (!limit.enter(place)) socket.destroy();
  const secure = await tls.accept(socket);
  limit.leave(place);
  return secure;
}

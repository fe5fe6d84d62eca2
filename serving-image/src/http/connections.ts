import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type ConnectionLimit, type Limited, shakeHands } from './connection-limit.ts';
import type { FastPath } from './fast-path.ts';
import { plainRefusal } from './server.ts';
import type { FastPathConnection } from './fast-path-connection.ts';
import type { Tls } from '../security/tls.ts';
import { betweenRequests, startReading, stopParsing, stopReading } from '../ipc/socket-handoff.ts';
import type { Head } from '../ipc/messages.ts';

interface Use {
  /** Requests not yet answered. */
  open: number;
  answered: number;
  /** Whether bytes of it were read before it came here. */
  begun: boolean;
  /** Requests in a row that other workers had to answer. */
  strayed: number;
  /** Of a connection that is, or was, read by the fast path. */
  plain: FastPathConnection | undefined;
  /** The last request that node:http told of, as long as one is in hand. */
  request: IncomingMessage | undefined;
  /** When it was last answered, by the limit's turns; 0: never. */
  last: number;
  place: Limited;
}

export interface ConnectionEvents {
  /** Tells the supervisor, then calls `then`. */
  taken(connection: number, then: () => void): void;
  /** Gives the connection to the supervisor, then calls `then`. */
  returned(socket: Socket, then: () => void): void;
  closed(): void;
}

/** A connection that has said nothing when the server stops gets this long to speak, in milliseconds. */
const FRESH_MS = 1000;
/** How often a worker that leaves looks for connections that have become idle without an answer, in milliseconds. */
const LATE_BODY_MS = 200;
/** Requests of one connection that may be sent before the first of them is answered. */
const MOST_AHEAD = 16;
/** After so many requests in a row for other workers a connection is with the wrong one. */
const ASTRAY = 4;

/** What a client hears for whom there is no place. */
const FULL = plainRefusal('503 Service Unavailable', 'too many connections are open already; try again later', {
  'Retry-After': '1',
});

/** Whether the body of its only request is on its way: heads that are never followed by their bodies keep no connection. */
const isArriving = ({ open, plain, request }: Use): boolean =>
  open === 1 && (plain?.isArriving === true || request?.complete === false);

/** The connections of one worker: taking over those it is handed, giving them back, and closing them without losing a request. */
export class Connections {
  readonly #sockets = new Map<Socket, Use>();
  /** Between two processes: announced and not yet read here, or given back and not yet with the supervisor. */
  #moving = 0;
  /** Connections to give back as soon as they are between two requests. */
  #owed = 0;
  #stopping = false;
  #onEmpty: () => void = () => undefined;

  constructor(
    private readonly server: Server,
    private readonly events: ConnectionEvents,
    private readonly limit: ConnectionLimit,
    private readonly tls?: Tls,
    /** Absent: all connections are the server's from the start. */
    private readonly fastPath?: FastPath,
  ) {
    // Starts the server's own watch over slow headers and bodies, which listening would.
    server.emit('listening');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#onRequest(request, response));
  }

  /** `socket` is undefined when the client has gone before it arrived. */
  take(connection: number, socket: Socket | undefined, head?: Head): void {
    if (socket) stopReading(socket);
    this.#moving++;
    this.events.taken(connection, () => {
      if (socket && this.tls)
        void shakeHands(this.tls, socket, this.limit).then((secure) => this.#entered(secure, head));
      else this.#entered(socket, head);
    });
  }

  #entered(socket: Socket | undefined, head: Head | undefined): void {
    this.#moving--;
    if (socket) this.#begin(socket, head);
    else this.#onClosed();
  }

  /** The request that is being answered is another worker's. */
  stray(socket: Socket): void {
    const use = this.#sockets.get(socket);
    if (use) use.strayed += 2;
  }

  /** Gives up to `count` connections back, first those that are idle, then those whose requests end. */
  giveBack(count: number): void {
    this.#owed = count;
    for (const socket of this.#sockets.keys()) this.#giveBack(socket);
  }

  /** Gives all connections back; resolves when none is left. */
  async leave(): Promise<void> {
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    this.giveBack(Infinity);
    if (this.#empty()) return;
    // A body that is read to its end only after the answer ends without a word.
    const timer = setInterval(() => this.giveBack(Infinity), LATE_BODY_MS);
    await empty;
    clearInterval(timer);
  }

  /** Answers what has arrived, closes what is idle; resolves when no connection is left. */
  async stop(): Promise<void> {
    // What the kernel has received by now is read in the next turn of the event loop: a request may be among it.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    this.#stopping = true;
    this.#owed = 0;
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    if (this.#empty()) return;
    for (const [socket, use] of this.#sockets) if (use.open === 0 && use.answered > 0) finish(socket, use);
    const timer = setTimeout(() => {
      for (const [socket, use] of this.#sockets) if (use.open === 0) finish(socket, use);
    }, FRESH_MS);
    await empty;
    clearTimeout(timer);
  }

  #begin(given: Socket, head: Head | undefined): void {
    const place: Limited = {
      idleSince: () => (use.open === 0 || isArriving(use) ? use.last : undefined),
      close: () => (use.plain?.socket ?? given).destroy(),
    };
    const use: Use = {
      open: 0,
      answered: 0,
      begun: head !== undefined,
      strayed: 0,
      plain: undefined,
      request: undefined,
      last: 0,
      place,
    };
    if (!this.limit.enter(place)) {
      given.on('error', () => undefined).end(FULL, () => given.destroy());
      return this.#onClosed();
    }
    use.plain = this.fastPath?.take(given, {
      began: () => use.open++,
      answered: () => this.#answered(socket, use),
    });
    const socket = use.plain?.socket ?? given;
    this.#sockets.set(socket, use);
    socket.on('close', () => {
      this.limit.leave(place);
      if (this.#sockets.delete(socket)) this.#onClosed();
    });
    // As http.Server sets them on what it accepts itself: a client may close its half and still read the answer.
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    const begin = head === undefined ? undefined : Buffer.from(head, 'base64');
    if (!use.plain) {
      if (begin) socket.unshift(begin);
      this.server.emit('connection', socket);
      socket.resume();
    } else if (begin) use.plain.start(begin);
    // Its first request may be answered by now, and it be on its way to another worker.
    if (!this.tls && this.#sockets.has(socket)) startReading(socket);
    this.#giveBack(socket);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const use = this.#sockets.get(socket);
    if (!use) return;
    use.request = request;
    use.open++;
    // Answers pile up behind the first that is not read. Nobody who means well sends so much ahead.
    if (use.open > MOST_AHEAD) {
      stopParsing(socket);
      socket.destroy();
    }
    response.once('close', () => this.#answered(socket, use));
  }

  #answered(socket: Socket, use: Use): void {
    use.open--;
    if (use.open === 0) use.request = undefined;
    use.answered++;
    use.last = this.limit.turn();
    use.strayed = Math.max(0, use.strayed - 1);
    if (this.#stopping && use.open === 0) finish(socket, use);
    else this.#giveBack(socket);
  }

  #giveBack(socket: Socket): void {
    const use = this.#sockets.get(socket);
    // What a handshake has agreed on stays in this process: when it ends, so does the connection.
    if (this.tls) {
      if (this.#owed === Infinity && use?.open === 0 && use.answered > 0) socket.destroySoon();
      return;
    }
    if (use?.open !== 0 || (this.#owed === 0 && use.strayed < ASTRAY) || !between(socket, use)) return;
    if (use.strayed < ASTRAY) this.#owed--;
    this.#sockets.delete(socket);
    this.limit.leave(use.place);
    use.plain?.release();
    stopReading(socket);
    this.#moving++;
    this.events.returned(socket, () => {
      this.#moving--;
      if (this.#empty()) this.#onEmpty();
    });
  }

  #onClosed(): void {
    this.events.closed();
    if (this.#empty()) this.#onEmpty();
  }

  #empty(): boolean {
    return this.#sockets.size + this.#moving === 0;
  }
}

/** Whether no byte of the connection is held here. A connection that the fast path has handed over was read from. */
const between = (socket: Socket, { plain, begun }: Use): boolean =>
  plain?.between ?? betweenRequests(socket, begun || plain !== undefined);

/** Closes a connection with what was written to it. */
function finish(socket: Socket, { plain }: Use): void {
  if (plain) plain.finish();
  else socket.destroySoon();
}

import type { Server } from 'node:http';
import type { Socket } from 'node:net';

import { RequestError, ClientGone } from '../errors.ts';
import { readInto, startReading } from '../ipc/socket-handoff.ts';
import type { Admission, Ticket } from '../handlers/admission.ts';
import { Arriving } from './incoming-body.ts';
import type { ApiRequest } from '../handlers/request.ts';
import { bodyOf, type Body } from '../handlers/body.ts';
import type { Cors } from './cors.ts';
import { Heads, type Head } from './head.ts';
import { LINGER_MS } from './pass-over.ts';
import { KEEP_ALIVE_MS, type Timeouts } from './server.ts';
import { countUnread } from './unread.ts';
import { written, type More } from './serialize-response.ts';
import { type ApiResponse } from '../handlers/response.ts';

export interface FastPathSettings {
  /** Takes over what is not for the fast path, and says what it says of connections that are too slow. */
  server: Server;
  limits: Timeouts;
  admission: Admission;
  /** The path under which the service answers a request for this one; undefined when it is not to come this way. */
  here: (url: string) => string | undefined;
  /** See http/handler.ts. */
  serve: (request: ApiRequest, send: (outcome: ApiResponse | RequestError) => void) => unknown;
  /** Absent: browsers let no other website ask. */
  cors: Cors | undefined;
  /** Whether connections end with their next answer. */
  closing: () => boolean;
}

/** What others want to know of a connection. */
export interface Watch {
  /** A request begins. */
  began: () => void;
  /** It was answered. */
  answered: () => void;
}

/** Where all connections are read to, each for the time of one call. */
const READ = Buffer.allocUnsafeSlow(256 * 1024);
const NOTHING = Buffer.alloc(0);
/** Bodies that are larger than this, in bytes, are node:http's: here memory is taken for the whole of one when its head is read. */
const LARGEST_BODY = 1024 * 1024;

/** One connection read by the fast path; see fast-path.ts. */
export class FastPathConnection {
  readonly socket: Socket;
  readonly #heads = new Heads();
  /** What was read of the next request before this one was answered. */
  #ahead = NOTHING;
  /** Bytes of the body in hand that are still to come. */
  #missing = 0;
  /** What is here of that body while its request is being looked at. */
  #here: Buffer | undefined;
  #body: Arriving | undefined;
  /** A request is in hand that is not answered yet. */
  #busy = false;
  /** The client has ended its side. */
  #ended = false;
  /** Whether the fast path still reads the connection. */
  #mine = true;
  /** Since when the client is waited for, by performance.now(). */
  #since = performance.now();

  /** Undefined when the connection is closed already. */
  static open(
    socket: Socket,
    settings: FastPathSettings,
    watch: Watch & { left: () => void },
  ): FastPathConnection | undefined {
    let connection: FastPathConnection | undefined = undefined;
    const reading = readInto(socket, READ, (count) => (connection ? connection.#read(READ.subarray(0, count)) : false));
    if (reading) connection = new FastPathConnection(reading, settings, watch);
    return connection;
  }

  private constructor(
    socket: Socket,
    private readonly settings: FastPathSettings,
    private readonly watch: Watch & { left: () => void },
  ) {
    this.socket = socket;
    socket
      .on('end', this.#onEnd)
      .on('error', () => undefined)
      .on('close', this.#onClose);
    socket.setNoDelay(true);
  }

  /** Whether the body of a request is on its way. */
  get isArriving(): boolean {
    return this.#body !== undefined;
  }

  /** True when idle with no buffered bytes, so that another worker can take it. Undefined once node:http owns it. */
  get between(): boolean | undefined {
    if (!this.#mine) return undefined;
    const { destroyed, writableEnded, writableLength } = this.socket;
    const free = !this.#busy && !this.#ended && this.#missing === 0 && this.#ahead.length === 0;
    return free && !destroyed && !writableEnded && writableLength === 0;
  }

  /** To be called before the connection goes elsewhere. An error on the way is still nobody's. */
  release(): void {
    this.#mine = false;
    this.socket.off('end', this.#onEnd).off('close', this.#onClose);
    this.watch.left();
  }

  /** Ends a connection whose client takes too long. */
  look(now: number): void {
    const waited = now - this.#since;
    if (this.#missing > 0) {
      if (waited > this.settings.limits.requestSeconds * 1000) this.#giveUp('ERR_HTTP_REQUEST_TIMEOUT');
    } else if (!this.#busy && waited > KEEP_ALIVE_MS) {
      // One that does not read its answers is not closed by asking.
      if (this.socket.writableEnded) this.socket.destroy();
      else this.socket.destroySoon();
    }
  }

  /** Closes the connection once its client has what was written. */
  finish(): void {
    const { socket } = this;
    if (this.#missing === 0 || !this.#mine) return socket.destroySoon();
    if (socket.writableEnded) return;
    // Closing before the rest of a body is read would reset the connection, and the client might never read the answer.
    socket.end();
    setTimeout(() => socket.destroy(), LINGER_MS);
  }

  /** Goes on with what was read of the connection before. */
  start(bytes: Buffer): void {
    this.#read(bytes);
  }

  /** @returns whether more may be read */
  #read(bytes: Buffer): boolean {
    // What node:http's parser reads no more when it has closed the connection.
    if (!this.#mine) return false;
    if (!this.#busy && this.#missing === 0) {
      this.#begin(bytes);
      return true;
    }
    const part = bytes.length > this.#missing ? bytes.subarray(0, this.#missing) : bytes;
    if (part.length > 0) this.#add(part);
    if (part.length === bytes.length) return true;
    // The client does not wait for its answers: node:http knows what to do, once this one is answered.
    this.#ahead = Buffer.from(bytes.subarray(part.length));
    if (!this.#busy && !this.gone) this.#handOver(this.#ahead);
    return !this.#busy;
  }

  #add(part: Buffer): void {
    this.#missing -= part.length;
    if (!this.#body?.add(part)) this.#body = undefined;
    if (this.#missing > 0) return;
    this.#since = performance.now();
    if (this.socket.writableEnded) this.socket.destroySoon();
  }

  #begin(bytes: Buffer): void {
    const head = this.#heads.read(bytes);
    const { limits, here, serve } = this.settings;
    const fits = head && head.length <= Math.min(LARGEST_BODY, limits.bodyBytes);
    const end = head ? head.size + head.length : 0;
    const url = fits && bytes.length <= end ? here(head.url) : undefined;
    if (!head || url === undefined) return this.#handOver(Buffer.from(bytes));
    this.#busy = true;
    this.#since = performance.now();
    this.#missing = end - bytes.length;
    this.#here = bytes.subarray(head.size);
    this.watch.began();
    const more = this.settings.cors?.headersFor(head.headers);
    serve(new FastPathRequest(this, head, url), (outcome) => this.#send(outcome, more));
    this.#here = undefined;
  }

  /** For the request that is being looked at; see PlainAsk. */
  body(head: Head, ticket: Ticket): Promise<Body> | Body {
    const here = this.#here;
    if (!here) throw new Error('the body of a request was asked for too late');
    const body = new Arriving(head, ticket);
    if (body.add(here)) this.#body = body;
    const whole = body.whole();
    const done = (bytes: Buffer) => bodyOf(head.headers, [bytes], bytes.length, ticket);
    return whole instanceof Promise ? whole.then(done) : done(whole);
  }

  get gone(): boolean {
    return this.socket.destroyed || !this.socket.writable;
  }

  #send(outcome: ApiResponse | RequestError, more: More): void {
    if (!this.#busy || this.gone || !this.#mine) return;
    const { closing } = this.settings;
    const ends =
      closing() || this.#ended || (outcome instanceof RequestError && outcome.headers.Connection === 'close');
    const bytes = written(outcome, ends, more);
    const flushed = this.socket.write(bytes);
    if (ends) this.finish();
    if (flushed) return this.#next();
    const read = countUnread(this.settings.admission, this.socket, bytes.length);
    this.socket.once('drain', () => {
      read();
      this.#next();
    });
  }

  readonly #next = (): void => {
    this.#busy = false;
    this.#since = performance.now();
    this.watch.answered();
    if (!this.#mine || this.gone) return;
    if (this.#ahead.length > 0) this.#handOver(this.#ahead);
    else if (this.#ended) this.socket.destroySoon();
  };

  #handOver(bytes: Buffer): void {
    const { socket } = this;
    this.release();
    this.#ahead = NOTHING;
    socket.unshift(bytes);
    this.settings.server.emit('connection', socket);
    socket.resume();
    startReading(socket);
  }

  /** The rest of a body does not come. */
  #giveUp(code: string): void {
    this.#body?.fail(new ClientGone());
    this.#body = undefined;
    // Said as node:http's parser would, unless the request was answered without that.
    if (!this.#busy || this.socket.writableLength > 0) this.socket.destroy();
    else this.settings.server.emit('clientError', Object.assign(new Error(code), { code }), this.socket);
  }

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (this.#missing > 0) this.#giveUp('HPE_INVALID_EOF_STATE');
    else if (!this.#busy) this.socket.end();
  };

  readonly #onClose = (): void => {
    this.#body?.fail(new ClientGone());
    this.release();
  };
}

class FastPathRequest implements ApiRequest {
  readonly method = 'POST';
  readonly entrypoint = 'REST';

  constructor(
    private readonly connection: FastPathConnection,
    private readonly head: Head,
    readonly url: string,
  ) {}

  get headers(): Head['headers'] {
    return this.head.headers;
  }

  get protocol(): string {
    return this.head.protocol;
  }

  get peer(): string {
    return this.connection.socket.remoteAddress ?? '';
  }

  body(ticket: Ticket): Promise<Body> | Body {
    return this.connection.body(this.head, ticket);
  }

  gone(): boolean {
    return this.connection.gone;
  }
}

/** One connection of HTTP/1.1, one request at a time, with as little work as can be: what is measured is the server. */
import { connect, type Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

export class Connection {
  #socket: Socket | undefined;
  #received: Buffer[] = [];
  #length = 0;
  /** Bytes of the whole answer; undefined until its head is there. Infinity when it comes in chunks. */
  #whole: number | undefined;
  #status = 0;
  #closes = false;
  #done: ((status: number) => void) | undefined;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  get busy(): boolean {
    return this.#done !== undefined;
  }

  /** Connects now, not with the first request. Resolves also when nobody is there: the first request tells. */
  open(): Promise<void> {
    const socket = (this.#socket ??= this.#open());
    return new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  }

  /** Calls back with the status, 0 when the connection broke. */
  send(request: Buffer, done: (status: number) => void): void {
    this.#done = done;
    (this.#socket ??= this.#open()).write(request);
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #open(): Socket {
    const socket = connect({ host: this.host, port: this.port, noDelay: true });
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#finish(0);
    });
    return socket;
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#length += chunk.length;
    if (this.#whole === undefined) {
      const bytes = this.#received.length === 1 ? chunk : Buffer.concat(this.#received);
      const end = bytes.indexOf(HEAD_END);
      if (end < 0) return;
      const head = bytes.toString('latin1', 0, end);
      this.#status = Number(head.slice(9, 12));
      this.#closes = /^connection: *close/im.test(head);
      const length = /^content-length: *(\d+)/im.exec(head)?.[1];
      this.#whole = length === undefined ? Infinity : end + 4 + Number(length);
    }
    if (this.#length >= this.#whole || (this.#whole === Infinity && endsWith(chunk, LAST_CHUNK))) {
      if (this.#closes) this.close();
      this.#finish(this.#status);
    }
  }

  #finish(status: number): void {
    const done = this.#done;
    this.#done = undefined;
    this.#received = [];
    this.#length = 0;
    this.#whole = undefined;
    done?.(status);
  }
}

const endsWith = (bytes: Buffer, end: Buffer) => bytes.subarray(-end.length).equals(end);

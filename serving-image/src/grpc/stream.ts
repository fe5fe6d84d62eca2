import type { ServerDuplexStream } from '@grpc/grpc-js';

/** Requests of one stream that are being answered; more are not read until then. */
const MOST_PENDING = 64;

/** A stream of requests, each of which is answered once. It ends when its client or the server is done and all is answered. */
export class Stream {
  #pending = 0;
  #ending = false;

  constructor(
    private readonly call: ServerDuplexStream<Buffer, object>,
    answer: (request: Buffer) => Promise<object>,
    onClose: (stream: Stream) => void,
  ) {
    call.on('data', (request: Buffer) => void this.#answer(answer, request));
    call.on('drain', () => this.#next());
    call.on('end', () => this.end());
    call.on('error', () => undefined);
    call.once('close', () => onClose(this));
    call.once('cancelled', () => onClose(this));
  }

  end(): void {
    this.#ending = true;
    if (this.#pending === 0) this.call.end();
  }

  async #answer(answer: (request: Buffer) => Promise<object>, request: Buffer): Promise<void> {
    this.#pending++;
    if (this.#pending >= MOST_PENDING) this.call.pause();
    try {
      const response = await answer(request);
      if (!this.call.cancelled) this.call.write(response);
    } catch (error) {
      this.call.emit('error', error);
    }
    this.#pending--;
    this.#next();
    if (this.#ending) this.end();
  }

  /** Nothing more is read of a client that does not read its answers. */
  #next(): void {
    if (this.call.writableNeedDrain) this.call.pause();
    else if (this.#pending < MOST_PENDING) this.call.resume();
  }
}

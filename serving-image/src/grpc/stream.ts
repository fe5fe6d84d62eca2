import type { ServerDuplexStream } from '@grpc/grpc-js';

/** A stream of requests, each of which is answered once. It ends when its client or the server is done and all is answered. */
export class Stream<Request> {
  #pending = 0;
  #ending = false;

  constructor(
    private readonly call: ServerDuplexStream<Request, object>,
    answer: (request: Request) => Promise<object>,
    onClose: (stream: Stream<Request>) => void,
  ) {
    call.on('data', (request: Request) => void this.#answer(answer(request)));
    call.on('end', () => this.end());
    call.on('error', () => undefined);
    call.once('close', () => onClose(this));
    call.once('cancelled', () => onClose(this));
  }

  end(): void {
    this.#ending = true;
    if (this.#pending === 0) this.call.end();
  }

  async #answer(answer: Promise<object>): Promise<void> {
    this.#pending++;
    const response = await answer;
    this.#pending--;
    if (!this.call.cancelled) this.call.write(response);
    if (this.#ending) this.end();
  }
}

import type { RequestError } from '../errors.ts';
import { placeFor } from '../protocol/v2/framing.ts';
import type { Ticket } from '../handlers/admission.ts';
import { jsonLengthOf } from '../handlers/body.ts';
import type { Head } from './head.ts';

/** The body of a request that is arriving. */
export class Arriving {
  readonly #bytes: Buffer;
  #length = 0;
  #problem: RequestError | undefined;
  #end: { resolve: () => void; reject: (error: Error) => void } | undefined;

  /** @throws RequestError 413, 503 */
  constructor(
    { headers, length }: Head,
    private readonly ticket: Ticket,
  ) {
    // Counted before there is memory for it.
    const problem = ticket.take(length);
    if (problem) throw problem;
    this.#bytes = placeFor(length, jsonLengthOf(headers));
  }

  /** @returns whether more of it is wanted */
  add(part: Buffer): boolean {
    if (this.#problem) return false;
    this.#bytes.set(part, this.#length);
    this.#length += part.length;
    const problem = this.ticket.piece(part.length);
    if (problem) this.#end?.reject(problem);
    if (problem) return false;
    if (this.#length < this.#bytes.length) return true;
    this.#end?.resolve();
    return false;
  }

  fail(error: Error): void {
    this.#end?.reject(error);
  }

  whole(): Promise<Buffer> | Buffer {
    if (this.#length === this.#bytes.length) return this.#bytes;
    return new Promise((resolve, reject) => {
      this.#end = { resolve: () => resolve(this.#bytes), reject };
      const drop = (problem: RequestError) => {
        this.#problem = problem;
        reject(problem);
      };
      this.ticket.wait(drop, () => this.#length);
    });
  }
}

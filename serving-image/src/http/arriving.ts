import type { RequestError } from '../protocol/errors.ts';
import { placeFor } from '../protocol/v2/framing.ts';
import type { Ticket } from '../service/admission.ts';
import { jsonLengthOf } from './body.ts';
import type { Head } from './head.ts';

/** The body of a request that is arriving. */
export class Arriving {
  readonly #bytes: Buffer;
  #length = 0;
  #end: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(
    { headers, length }: Head,
    private readonly ticket: Ticket,
  ) {
    this.#bytes = placeFor(length, jsonLengthOf(headers));
  }

  /** @returns what is wrong with that, if anything */
  add(part: Buffer): RequestError | undefined {
    this.#bytes.set(part, this.#length);
    this.#length += part.length;
    const problem = this.ticket.take(part);
    if (problem) this.fail(problem);
    else if (this.#length === this.#bytes.length) this.#end?.resolve();
    return problem;
  }

  fail(error: Error): void {
    this.#end?.reject(error);
  }

  whole(): Promise<Buffer> | Buffer {
    if (this.#length === this.#bytes.length) return this.#bytes;
    return new Promise((resolve, reject) => {
      this.#end = { resolve: () => resolve(this.#bytes), reject };
    });
  }
}

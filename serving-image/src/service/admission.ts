import { tooManyRequests, unavailable, type RequestError } from '../protocol/errors.ts';

export interface Limits {
  /** Largest body, unpacked, in bytes. */
  bodyBytes: number;
  /** Requests of models in hand at once, from their first line to their answer. */
  requests: number;
}

/** Bodies of the largest size that may be in memory at once. */
const BODIES = 4;

/** Keeps what one worker has in hand within bounds, so that many clients cannot use up its memory. */
export class Admission {
  requests = 0;
  bytes = 0;

  constructor(readonly limits: Limits) {}

  /** To be asked before work is spent on a request: a 429 when it would be refused. Not thrown, which would cost more than the rest. */
  refusal(): RequestError | undefined {
    return this.requests >= this.limits.requests ? tooManyRequests(this.limits.requests) : undefined;
  }

  /** @throws RequestError 429 */
  enter(): Ticket {
    const refusal = this.refusal();
    if (refusal) throw refusal;
    this.requests++;
    return new Ticket(this);
  }
}

/** What one request takes of the bounds, until it leaves. */
export class Ticket {
  #bytes = 0;

  constructor(private readonly admission: Admission) {}

  get limits(): Limits {
    return this.admission.limits;
  }

  /** Counts what has arrived of the body. @returns what is wrong with that, if anything */
  take({ length }: Buffer): RequestError | undefined {
    const { admission } = this;
    admission.bytes += length;
    this.#bytes += length;
    const most = BODIES * admission.limits.bodyBytes;
    return admission.bytes > most ? unavailable('too many large requests at once; try again later') : undefined;
  }

  leave(): void {
    this.admission.requests--;
    this.admission.bytes -= this.#bytes;
  }
}

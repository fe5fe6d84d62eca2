/**
 * The one account of what a worker holds for its clients, in bytes and in places. It is kept as bytes arrive and grow, before
 * anything is decoded; docs/adr/0019 says what is counted where.
 *
 * Why no client can take what another one needs:
 * - A request takes one of the places only when it is here as a whole. What is still on its way has none to keep.
 * - What waits for its client (a body that arrives, an answer that is not read) has to move at a least rate. Where room is needed
 *   it is taken from those that are furthest behind that rate: being slow never costs anybody but the slow.
 * - The last quarter of the memory is for requests that are small. Large ones, however many, leave that to them; and all places
 *   full of small ones fit in it, as long as nobody has changed the settings.
 * - Reading a piece costs as much as thousands of bytes. Bodies in small pieces share an allowance of those, which large pieces need not.
 */
import {
  inPieces,
  outOfMemory,
  slowest,
  tooManyPieces,
  tooManyRequests,
  tooMuchAtOnce,
  tooSlow,
  type RequestError,
} from '../errors.ts';

export interface Limits {
  /** Largest body, unpacked, in bytes. */
  bodyBytes: number;
  /** Requests of models in hand at once, from their last byte to their answer; and as many whose bodies are on their way. */
  requests: number;
  /** Largest answer, in bytes. */
  answerBytes: number;
  /** What all of them may hold together, in bytes. */
  memoryBytes: number;
  /** Least rate at which a body arrives or an answer is read, in bytes a second. */
  bytesPerSecond: number;
}

/** What waits for its client may be so far behind the least rate, in milliseconds. */
const PATIENCE_MS = 5_000;
/** How often that is looked at, in milliseconds. */
const CHECK_MS = 1_000;
/** Part of the memory that large requests leave to small ones. */
const RESERVE = 1 / 4;
/** Largest request that is a small one, in bytes. */
const SMALL = 32 * 1024;
/** Memory for so many bodies of the largest size is enough. */
const LARGEST_BODIES = 3;

/** Bytes for which a body may always come in one piece more. */
const BYTES_A_PIECE = 64;
/** Pieces beyond that which any body may have at no cost of others, and the most that one may have. */
const FREE_PIECES = 32;
const MOST_PIECES = 10_000;
/** Such pieces that all bodies of a worker together may have at once, beyond the free ones, and so many a second again. */
const PIECES_AT_ONCE = 10_000;
const PIECES_PER_SECOND = 10_000;

/** What a worker may hold for its clients when nobody has said it: a part of its share of the container's memory. Pure. */
export function memoryFor(bodyBytes: number, containerBytes: number | undefined, workers: number): number {
  const share = (containerBytes ?? Infinity) / 3 / workers;
  return Math.max(2 * bodyBytes, Math.min(LARGEST_BODIES * bodyBytes, Math.floor(share)));
}

export class Admission {
  /** Requests that are here as a whole. */
  requests = 0;
  bytes = 0;
  readonly #waiting = new Set<Ticket>();
  /** Small pieces that may come by `#allowedAt`. */
  #allowed = PIECES_AT_ONCE;
  #allowedAt = 0;
  #check: NodeJS.Timeout | undefined;

  constructor(
    readonly limits: Limits,
    readonly now: () => number = () => performance.now(),
  ) {}

  /** What waits for its client. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** To be asked before work is spent on a request: a 429 when it would be refused. Not thrown, which would cost more than the rest. */
  refusal(): RequestError | undefined {
    return this.requests >= this.limits.requests ? tooManyRequests(this.limits.requests) : undefined;
  }

  enter(): Ticket {
    return new Ticket(this);
  }

  /** Called by tickets: makes sure that `asking` may hold what it does. @returns what is wrong with that, if anything */
  room(asking: Ticket): RequestError | undefined {
    const { memoryBytes } = this.limits;
    const most = asking.bytes > SMALL ? memoryBytes * (1 - RESERVE) : memoryBytes;
    if (asking.bytes > memoryBytes * (1 - RESERVE)) return outOfMemory(memoryBytes);
    while (this.bytes > most) {
      const behind = this.#furthestBehind(SMALL);
      if (!behind) return tooMuchAtOnce();
      behind.drop(slowest());
      if (behind === asking) return slowest();
    }
    return undefined;
  }

  /** Called by tickets. */
  wait(ticket: Ticket): void {
    if (this.#waiting.size >= this.limits.requests) this.#furthestBehind(-1)?.drop(slowest());
    this.#waiting.add(ticket);
    this.#check ??= setInterval(() => this.look(), CHECK_MS).unref();
  }

  /** Called by tickets. */
  waited(ticket: Ticket): void {
    this.#waiting.delete(ticket);
  }

  /** Called by tickets, for what a small piece is more than its bytes allow. @returns what is wrong with that, if anything */
  piece(excess: number): RequestError | undefined {
    const now = this.now();
    const more = ((now - this.#allowedAt) * PIECES_PER_SECOND) / 1000;
    this.#allowed = Math.min(PIECES_AT_ONCE, this.#allowed + more);
    this.#allowedAt = now;
    if (this.#allowed < excess) return tooManyPieces();
    this.#allowed -= excess;
    return undefined;
  }

  /** Drops what is too slow. */
  look(): void {
    // Not when the last one has waited: each large body would begin and end a timer of its own.
    if (this.#waiting.size === 0) {
      clearInterval(this.#check);
      this.#check = undefined;
    }
    for (const ticket of this.#waiting)
      if (ticket.behindMs > PATIENCE_MS) ticket.drop(tooSlow(this.limits.bytesPerSecond));
  }

  /** Of those that wait and hold more than `bytes`. */
  #furthestBehind(bytes: number): Ticket | undefined {
    let found: Ticket | undefined;
    let most = -Infinity;
    for (const ticket of this.#waiting) {
      const { behindMs } = ticket;
      if (ticket.bytes <= bytes || behindMs <= most) continue;
      most = behindMs;
      found = ticket;
    }
    return found;
  }
}

interface Wait {
  since: number;
  /** Ends it. */
  drop: (error: RequestError) => void;
  /** Bytes that have moved since it began. */
  moved: () => number;
}

/** What one request holds, until it leaves. */
export class Ticket {
  /** What it holds now. */
  bytes = 0;
  /** Pieces that came of the body beyond those its bytes allow. */
  #pieces = 0;
  #placed = false;
  #wait: Wait | undefined;
  #left = false;

  constructor(private readonly admission: Admission) {}

  get limits(): Limits {
    return this.admission.limits;
  }

  /** Counts so many bytes more. @returns what is wrong with that, if anything */
  take(bytes: number): RequestError | undefined {
    const { admission } = this;
    if (this.#left) return slowest();
    admission.bytes += bytes;
    this.bytes += bytes;
    if (admission.bytes <= admission.limits.memoryBytes * (1 - RESERVE)) return undefined;
    return admission.room(this);
  }

  /** A piece of so many bytes has come of its body. @returns what is wrong with that, if anything */
  piece(bytes: number): RequestError | undefined {
    const excess = 1 - bytes / BYTES_A_PIECE;
    this.#pieces += excess;
    if (this.#pieces <= FREE_PIECES || excess <= 0) return undefined;
    return this.#pieces > MOST_PIECES ? inPieces() : this.admission.piece(excess);
  }

  /** What comes next is another body. */
  another(): void {
    this.#pieces = 0;
  }

  /** From now on its client is waited for: it may be dropped for others, or for being too slow. */
  wait(drop: (error: RequestError) => void, moved: () => number): void {
    this.waited();
    if (this.#left) return;
    this.#wait = { since: this.admission.now(), drop, moved };
    this.admission.wait(this);
  }

  get waiting(): boolean {
    return this.#wait !== undefined;
  }

  /** Nobody is waited for any more. */
  waited(): void {
    if (!this.#wait) return;
    this.#wait = undefined;
    this.admission.waited(this);
  }

  /** It is here as a whole, and takes one of the places. @returns what is wrong with that, if anything */
  place(): RequestError | undefined {
    if (this.#left) return slowest();
    if (this.#placed) return undefined;
    this.waited();
    const refusal = this.admission.refusal();
    if (refusal) return refusal;
    this.admission.requests++;
    this.#placed = true;
    return undefined;
  }

  /** Gives back all it holds but so many bytes. */
  keep(bytes: number): void {
    const given = Math.max(0, this.bytes - bytes);
    this.admission.bytes -= given;
    this.bytes -= given;
  }

  /** How far what is waited for is behind the least rate, in milliseconds. */
  get behindMs(): number {
    if (!this.#wait) return -Infinity;
    const { since, moved } = this.#wait;
    return this.admission.now() - since - (1000 * moved()) / this.limits.bytesPerSecond;
  }

  drop(error: RequestError): void {
    const wait = this.#wait;
    this.leave();
    wait?.drop(error);
  }

  /** Gives back all it holds; no more is counted. */
  leave(): void {
    if (this.#left) return;
    this.waited();
    this.#left = true;
    if (this.#placed) this.admission.requests--;
    this.admission.bytes -= this.bytes;
    this.bytes = 0;
  }
}

import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

/** Where a worker finds its in-flight file, after stdin, stdout, stderr and the channel to the supervisor. */
const WORKER_FD = 4;

/**
 * How many requests a worker has in hand, in a file that outlives it: a process that TensorFlow aborts or the kernel
 * kills says nothing more, and a message for each request would cost more than this write of 4 bytes (2 µs), which is
 * made once in a turn of the event loop. The file has no name, so that nothing is left behind.
 */
export class InflightFile {
  readonly #count = new Uint32Array(1);
  #value = 0;
  #scheduled = false;

  private constructor(readonly fd: number) {}

  /** The supervisor's end. */
  static create(folder: string): InflightFile {
    const path = join(folder, `ledger-${randomUUID()}`);
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return new InflightFile(fd);
  }

  /** The worker's end. */
  static open(): InflightFile {
    return new InflightFile(WORKER_FD);
  }

  get value(): number {
    return this.#value;
  }

  inc(): void {
    this.#value++;
    this.#schedule();
  }

  dec(): void {
    this.#value--;
    this.#schedule();
  }

  /** Writes now; to be called before native code, which may not return. */
  flush(): void {
    if (this.#count[0] === this.#value) return;
    this.#count[0] = this.#value;
    writeSync(this.fd, this.#count, 0, this.#count.byteLength, 0);
  }

  /** Reads what the worker wrote last. */
  close(): number {
    readSync(this.fd, this.#count, 0, this.#count.byteLength, 0);
    closeSync(this.fd);
    return this.#count[0] ?? 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}

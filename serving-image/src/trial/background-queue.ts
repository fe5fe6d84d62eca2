interface Job {
  /** How much memory it holds, in bytes. */
  bytes: number;
  /** Never rejects. */
  run: () => Promise<void>;
}

/** Does work beside the users' requests, a little at a time, and refuses it when too much waits. */
export class BackgroundQueue {
  readonly #waiting: Job[] = [];
  #bytes = 0;
  #running = 0;

  constructor(private readonly limits: { running: number; waiting: number; bytes: number }) {}

  /** False when there is no room: the job is not done. It never begins within this call. */
  offer(job: Job): boolean {
    const { waiting, bytes } = this.limits;
    if (this.#waiting.length >= waiting || this.#bytes + job.bytes > bytes) return false;
    this.#waiting.push(job);
    this.#bytes += job.bytes;
    setImmediate(() => this.#next());
    return true;
  }

  #next(): void {
    if (this.#running >= this.limits.running) return;
    const job = this.#waiting.shift();
    if (!job) return;
    this.#running++;
    void job.run().finally(() => {
      this.#running--;
      this.#bytes -= job.bytes;
      this.#next();
    });
  }
}

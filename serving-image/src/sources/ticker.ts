const EVERY_MS = 5_000;

/** Prints a line of progress every few seconds, as JSON for whoever collects logs. */
export class Ticker {
  private bytes = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(what: string, total: number | undefined) {
    this.timer = setInterval(() => console.log(JSON.stringify({ msg: what, bytes: this.bytes, total })), EVERY_MS);
    this.timer.unref();
  }

  add(bytes: number): void {
    this.bytes += bytes;
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

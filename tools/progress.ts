import pc from 'picocolors';

/**
 * What a person sees while long steps run: one line when a step starts, one when it ends with its time, and every ten
 * seconds what is being waited for. Steps may run side by side.
 */
export class Progress {
  private readonly running = new Map<string, { since: number; note: string }>();
  private readonly timings: { name: string; seconds: number }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly write: (line: string) => void = (line) => console.log(line)) {}

  /** Runs a step under a name; `note` says what it is doing at the moment. A failure names the step. */
  async step<T>(name: string, run: (note: (text: string) => void) => Promise<T>): Promise<T> {
    const entry = { since: Date.now(), note: '' };
    this.running.set(name, entry);
    this.write(`${pc.dim('…')} ${name}`);
    this.timer ??= setInterval(() => this.tell(), 10_000);
    this.timer.unref();
    try {
      const result = await run((text) => (entry.note = text));
      this.end(name, entry.since, pc.green('✓'));
      return result;
    } catch (error) {
      this.end(name, entry.since, pc.red('✗'));
      // At once: other steps may go on for minutes before anybody reports the error.
      if (this.running.size > 0) this.write(pc.red(`  ${(error as Error).message}`));
      throw error;
    }
  }

  /** Where the time went, longest first. */
  report(): string {
    return [...this.timings]
      .sort((a, b) => b.seconds - a.seconds)
      .map(({ name, seconds }) => `${seconds.toFixed(1).padStart(8)} s  ${name}`)
      .join('\n');
  }

  private end(name: string, since: number, mark: string): void {
    const seconds = (Date.now() - since) / 1000;
    this.running.delete(name);
    this.timings.push({ name, seconds });
    if (this.running.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    this.write(`${mark} ${name} ${pc.dim(`${seconds.toFixed(1)} s`)}`);
  }

  private tell(): void {
    for (const [name, { since, note }] of this.running) {
      const seconds = Math.round((Date.now() - since) / 1000);
      if (seconds >= 10) this.write(pc.dim(`  … ${name}: ${seconds} s${note === '' ? '' : `, ${note}`}`));
    }
  }
}

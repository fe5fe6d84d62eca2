import { setTimeout as realDelay } from 'node:timers/promises';
import type { Clock } from '../clock.ts';

/** A clock that moves only when told to. The wall clock starts at 2026-01-01T00:00:00Z. */
export class FakeClock implements Clock {
  private ms = 0;
  private readonly timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.ms;
  }

  date(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.ms);
  }

  setTimeout(callback: () => void, ms: number): () => void {
    const timer = { at: this.ms + Math.max(0, ms), callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Milliseconds until each pending timer, soonest first. */
  get pending(): number[] {
    return [...this.timers].map(({ at }) => at - this.ms).sort((a, b) => a - b);
  }

  /** Moves on, calling what falls due in order, with room for promises in between. */
  async advance(ms: number): Promise<void> {
    const end = this.ms + ms;
    for (;;) {
      const due = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      // After a suspension a timer is late; time never goes back.
      this.ms = Math.max(this.ms, due.at);
      this.timers.delete(due);
      due.callback();
      await settle();
    }
    this.ms = end;
    await settle();
  }

  /** Time passes without any timer firing: a process that was suspended. */
  suspend(ms: number): void {
    this.ms += ms;
  }

  /** Lets time pass in small steps, with room for traffic, until the condition holds; fails after `limitMs` of fake time. */
  async advanceUntil(condition: () => boolean, limitMs = 120_000, stepMs = 100): Promise<void> {
    const end = this.ms + limitMs;
    while (!condition()) {
      if (this.ms >= end) throw new Error(`not within ${limitMs} ms of fake time: ${condition.toString()}`);
      await realDelay(1);
      await this.advance(stepMs);
    }
  }
}

/** Lets promises that are already resolved run on. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

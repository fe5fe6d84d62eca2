/**
 * Decides which workers there should be. Pure: it is told what happened and when, and answers what to do.
 *
 *   loading --ready--> ready --retire--> retiring --(replacement ready)--> leaving
 *      |                 |
 *      exit              exit, or no sign of life: replaced, with a growing pause
 *      nothing was ever ready: give up, the model or the settings are at fault
 */
import type { FailureReport } from '@modeldeployment/modelpack/contract';

export interface PoolSettings {
  workers: number;
  loadMs: number;
  hangMs: number;
}

export type PoolEvent =
  | { type: 'start' }
  | { type: 'spawned'; id: number }
  | { type: 'ready'; id: number }
  | { type: 'alive'; id: number }
  | { type: 'retire'; id: number }
  | { type: 'failed'; id: number; report: FailureReport }
  | { type: 'exited'; id: number; cause: string }
  | { type: 'tick' };

export type PoolAction =
  | { do: 'spawn'; afterMs: number }
  | { do: 'kill'; id: number; because: string }
  | { do: 'stop'; id: number }
  | { do: 'giveUp'; report: FailureReport };

type Phase = 'loading' | 'ready' | 'retiring' | 'leaving';

interface Worker {
  phase: Phase;
  since: number;
  seen: number;
  report?: FailureReport;
}

/** A worker that served this long has proven itself: the pause before the next replacement starts anew. */
const PROVEN_MS = 60_000;
const LONGEST_PAUSE_MS = 30_000;
/** Replacements that die in a row while nothing serves, before the container is given up. */
const HOPELESS = 3;

export class Pool {
  readonly #workers = new Map<number, Worker>();
  #pending = 0;
  #everReady = false;
  #failures = 0;

  constructor(private readonly settings: PoolSettings) {}

  /** Workers that can be given a connection. */
  serving(): number[] {
    return [...this.#workers].filter(([, { phase }]) => phase === 'ready' || phase === 'retiring').map(([id]) => id);
  }

  on(event: PoolEvent, now: number): PoolAction[] {
    if (event.type === 'start') return this.#spawn(1, 0);
    if (event.type === 'tick') return this.#overdue(now);
    if (event.type !== 'spawned') return this.#onWorker(event, now);
    this.#pending--;
    this.#workers.set(event.id, { phase: 'loading', since: now, seen: now });
    return [];
  }

  #onWorker(event: Exclude<PoolEvent, { type: 'start' | 'spawned' | 'tick' }>, now: number): PoolAction[] {
    const worker = this.#workers.get(event.id);
    if (!worker) return [];
    worker.seen = now;
    switch (event.type) {
      case 'alive':
        return [];
      case 'failed':
        worker.report = event.report;
        return [];
      case 'ready':
        return this.#ready(worker, now);
      case 'retire':
        if (worker.phase !== 'ready') return [];
        worker.phase = 'retiring';
        return this.#spawn(1, 0);
      case 'exited':
        this.#workers.delete(event.id);
        return this.#exited(worker, event.cause, now);
    }
  }

  #ready(worker: Worker, now: number): PoolAction[] {
    worker.phase = 'ready';
    worker.since = now;
    this.#everReady = true;
    const missing = this.settings.workers - this.#count('ready', 'loading') - this.#pending;
    const retiring = [...this.#workers].find(([, { phase }]) => phase === 'retiring');
    if (!retiring) return this.#spawn(Math.max(0, missing), 0);
    retiring[1].phase = 'leaving';
    return [{ do: 'stop', id: retiring[0] }, ...this.#spawn(Math.max(0, missing), 0)];
  }

  #exited({ phase, since, report }: Worker, cause: string, now: number): PoolAction[] {
    if (phase === 'leaving' || phase === 'retiring') return [];
    if (phase === 'ready' && now - since >= PROVEN_MS) this.#failures = 0;
    this.#failures++;
    const hopeless = !this.#everReady || (this.serving().length === 0 && this.#failures >= HOPELESS);
    if (phase === 'loading' && hopeless) {
      return [
        {
          do: 'giveUp',
          report: report ?? { reason: 'ServerCrashed', message: `a worker died while loading the model: ${cause}` },
        },
      ];
    }
    return this.#spawn(1, Math.min(LONGEST_PAUSE_MS, this.#failures === 1 ? 0 : 500 * 2 ** (this.#failures - 2)));
  }

  #overdue(now: number): PoolAction[] {
    const actions: PoolAction[] = [];
    for (const [id, worker] of this.#workers) {
      const { loadMs, hangMs } = this.settings;
      if (worker.phase === 'loading' && now - worker.since > loadMs) {
        worker.report ??= {
          reason: 'LoadTimeout',
          message: `the model took longer than ${loadMs / 1000} s to load and warm up`,
        };
        actions.push({ do: 'kill', id, because: 'load timeout' });
      } else if (worker.phase !== 'loading' && now - worker.seen > hangMs) {
        actions.push({ do: 'kill', id, because: 'no sign of life' });
      }
    }
    return actions;
  }

  #count(...phases: Phase[]): number {
    return [...this.#workers.values()].filter(({ phase }) => phases.includes(phase)).length;
  }

  #spawn(count: number, afterMs: number): PoolAction[] {
    this.#pending += count;
    return Array.from({ length: count }, () => ({ do: 'spawn' as const, afterMs }));
  }
}

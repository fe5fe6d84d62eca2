/**
 * Decides which workers there should be. Pure: it is told what happened and when, and answers what to do.
 *
 *   loading --ready--> ready --(nothing is to be served any more)--> leaving
 *      |                 |
 *      exit              exit, or no sign of life: replaced, with a growing pause
 *      it tried requests made up for the model: replaced by one that tries nothing
 *      nothing was ever ready: give up, the model or the settings are at fault
 *
 * Those that are ready beyond the number of workers are spares: they get connections once another one has gone.
 */
import type { FailureReport } from '@modeldeployment/modelpack/contract';

export interface PoolSettings {
  workers: number;
  spares: number;
  loadMs: number;
  hangMs: number;
}

export type PoolEvent =
  | { type: 'start' }
  | { type: 'spawned'; id: number }
  | { type: 'ready'; id: number }
  | { type: 'alive'; id: number }
  | { type: 'trying'; id: number }
  | { type: 'failed'; id: number; report: FailureReport }
  | { type: 'exited'; id: number; cause: string }
  | { type: 'tick' };

export type PoolAction =
  | { do: 'spawn'; afterMs: number }
  | { do: 'kill'; id: number; because: string }
  /** It leaves when its work is done. */
  | { do: 'relieve'; id: number }
  | { do: 'giveUp'; report: FailureReport };

type Phase = 'loading' | 'ready' | 'leaving';

interface Worker {
  phase: Phase;
  since: number;
  seen: number;
  /** Since when it tries requests made up for the model, which has loaded and answered its own. */
  trying?: number;
  report?: FailureReport;
}

/** A worker that served this long has proven itself: the pause before the next replacement starts anew. */
const PROVEN_MS = 10_000;
const LONGEST_PAUSE_MS = 30_000;
/** What trying made-up requests may take of the time to load: the next worker, which tries none, needs its part too. */
const TRYING_PART = 1 / 4;
/** Replacements that die in a row while nothing serves, before the container is given up. */
const HOPELESS = 3;

export class WorkerPool {
  readonly #workers = new Map<number, Worker>();
  #pending = 0;
  #everReady = false;
  #failures = 0;
  #dismissed = false;

  constructor(private readonly settings: PoolSettings) {}

  /** Workers that can be given a connection. */
  serving(): number[] {
    return this.#ids('ready').slice(0, this.settings.workers);
  }

  /** Workers that may hold connections. */
  loaded(): number[] {
    return [...this.#workers].filter(([, { phase }]) => phase !== 'loading').map(([id]) => id);
  }

  get size(): number {
    return this.#workers.size;
  }

  /** Nothing is to be served any more: who serves leaves when its work is done, who loads is ended. */
  dismiss(): PoolAction[] {
    this.#dismissed = true;
    return [...this.#workers].flatMap(([id, worker]): PoolAction[] => {
      if (worker.phase === 'leaving') return [];
      const loading = worker.phase === 'loading';
      worker.phase = 'leaving';
      return [loading ? { do: 'kill', id, because: 'no longer wanted' } : { do: 'relieve', id }];
    });
  }

  on(event: PoolEvent, now: number): PoolAction[] {
    if (event.type === 'start') return this.#spawn(1, 0);
    if (event.type === 'tick') return this.#overdue(now);
    if (event.type !== 'spawned') return this.#onWorker(event, now);
    this.#pending--;
    this.#workers.set(event.id, { phase: 'loading', since: now, seen: now });
    return this.#dismissed ? this.dismiss() : [];
  }

  #onWorker(event: Exclude<PoolEvent, { type: 'start' | 'spawned' | 'tick' }>, now: number): PoolAction[] {
    const worker = this.#workers.get(event.id);
    if (!worker) return [];
    worker.seen = now;
    switch (event.type) {
      case 'alive':
        return [];
      case 'trying':
        worker.trying = now;
        return [];
      case 'failed':
        worker.report = event.report;
        return [];
      case 'ready':
        if (worker.phase !== 'loading') return [];
        worker.phase = 'ready';
        worker.since = now;
        // Behind those that were ready before: who serves goes on serving.
        this.#workers.delete(event.id);
        this.#workers.set(event.id, worker);
        this.#everReady = true;
        return this.#spawn(this.#missing(), 0);
      case 'exited':
        this.#workers.delete(event.id);
        return this.#exited(worker, event.cause, now);
    }
  }

  #exited({ phase, since, report, trying }: Worker, cause: string, now: number): PoolAction[] {
    if (phase === 'leaving') return [];
    // That says nothing against the model. The next one tries nothing, so this does not go on.
    if (phase === 'loading' && trying !== undefined) return this.#spawn(this.#everReady ? this.#missing() : 1, 0);
    if (phase !== 'loading' && now - since >= PROVEN_MS) this.#failures = 0;
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
    const pause = this.#failures === 1 ? 0 : 500 * 2 ** (this.#failures - 2);
    return this.#spawn(this.#missing(), Math.min(LONGEST_PAUSE_MS, pause));
  }

  #overdue(now: number): PoolAction[] {
    const actions: PoolAction[] = [];
    for (const [id, worker] of this.#workers) {
      const { loadMs, hangMs } = this.settings;
      if (worker.phase === 'loading' && now - (worker.trying ?? now) > loadMs * TRYING_PART) {
        actions.push({ do: 'kill', id, because: 'requests made up for the model take too long' });
      } else if (worker.phase === 'loading' && now - worker.since > loadMs) {
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

  #ids(phase: Phase): number[] {
    return [...this.#workers].filter(([, worker]) => worker.phase === phase).map(([id]) => id);
  }

  #missing(): number {
    const { workers, spares } = this.settings;
    return Math.max(0, workers + spares - this.#ids('ready').length - this.#ids('loading').length - this.#pending);
  }

  #spawn(count: number, afterMs: number): PoolAction[] {
    this.#pending += count;
    return Array.from({ length: count }, () => ({ do: 'spawn' as const, afterMs }));
  }
}

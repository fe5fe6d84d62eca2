import { systemClock, type Clock } from './clock.ts';
import { ApiError, NotLeaderError, TerminalError } from './errors.ts';
import { silentLog, type Log } from './log.ts';
import { noMetrics, type ReconcileOutcome, type RuntimeMetrics } from './metrics.ts';
import { refOf, type ObjectRef } from './objects.ts';
import { deadline } from './transport.ts';
import type { WorkQueue } from './work-queue.ts';

/** Which object to look at; never what happened to it. */
export type Request = ObjectRef;

export interface Result {
  /** Look again after so long, even if nothing happens. */
  requeueAfterMs?: number;
  /** It did what it could; what failed is tried again after its back-off, as if it had thrown. */
  failure?: unknown;
}

/** Brings the world closer to what the object asks for. To throw means: again, later; a TerminalError means: not again until something changes. */
export type Reconcile = (request: Request, signal: AbortSignal) => Promise<Result | undefined>;

export interface ControllerOptions {
  name: string;
  queue: WorkQueue;
  /** All objects there are: whoever begins, also for a second time, looks at each. */
  keys: () => Iterable<string>;
  reconcile: Reconcile;
  /** Default 4. */
  workers?: number | undefined;
  /** The signal of a reconcile aborts after this; default 120 000. */
  reconcileTimeoutMs?: number | undefined;
  /** How long reconciles may go on after a shutdown began, before their signals abort; default 10 000. */
  drainMs?: number | undefined;
  log?: Log | undefined;
  metrics?: RuntimeMetrics | undefined;
  clock?: Clock | undefined;
}

/**
 * Works the queue, all objects first, until the signal aborts and every key in work is done. May be run again after that.
 * Never rejects.
 */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { queue, keys, workers = 4, drainMs = 10_000, clock = systemClock } = options;
  const hurry = new AbortController();
  let cancelHurry: () => void = () => {};
  let drained = Promise.resolve();
  const stop = () => {
    cancelHurry = clock.setTimeout(() => hurry.abort(), drainMs);
    drained = queue.shutDown();
  };
  if (signal.aborted) stop();
  else {
    queue.open();
    for (const key of keys()) queue.add(key);
    signal.addEventListener('abort', stop, { once: true });
  }
  await Promise.all(Array.from({ length: workers }, () => work(options, clock, hurry.signal)));
  await drained;
  cancelHurry();
}

async function work(options: ControllerOptions, clock: Clock, hurry: AbortSignal): Promise<void> {
  for (;;) {
    const key = await options.queue.take();
    if (key === undefined) return;
    await reconcileOne(options, key, clock, hurry);
    options.queue.done(key);
  }
}

async function reconcileOne(options: ControllerOptions, key: string, clock: Clock, hurry: AbortSignal): Promise<void> {
  const { name, queue, reconcile, reconcileTimeoutMs = 120_000, metrics = noMetrics } = options;
  const started = clock.now();
  const limit = deadline(clock, reconcileTimeoutMs, hurry);
  let outcome: ReconcileOutcome = 'success';
  try {
    const { requeueAfterMs, failure } = (await reconcile(refOf(key), limit.signal)) ?? {};
    if (failure === undefined) queue.forget(key);
    else outcome = fail(options, key, failure);
    if (requeueAfterMs !== undefined) {
      if (failure === undefined) outcome = 'requeue_after';
      queue.addAfter(key, requeueAfterMs);
    }
  } catch (error) {
    outcome = fail(options, key, error);
  } finally {
    limit.clear();
  }
  metrics.reconciled(name, outcome, (clock.now() - started) / 1000);
}

/** How soon a key comes again that was kept from writing; whoever does not lead any more has shut the queue by then. */
const NOT_LEADER_RETRY_MS = 1_000;

function fail({ name, queue, log = silentLog }: ControllerOptions, key: string, error: unknown): ReconcileOutcome {
  if (error instanceof NotLeaderError) {
    queue.addAfter(key, NOT_LEADER_RETRY_MS);
    log.debug({ controller: name, key }, 'reconcile ended: the lease is lost');
    return 'requeue_after';
  }
  if (error instanceof TerminalError) {
    queue.forget(key);
    log.error({ controller: name, key, err: error }, 'reconcile failed for good; waiting for a change');
    return 'terminal';
  }
  const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
  const retryMs = Math.round(queue.addRateLimited(key, asked));
  log.error({ controller: name, key, err: error, retries: queue.retries(key), retryMs }, 'reconcile failed');
  return 'error';
}

import { runController, type ControllerOptions } from './controller.ts';
import type { LeaderElector } from './leader-elector.ts';
import { silentLog, type Log } from './log.ts';

/** Something that works until its signal aborts. */
export interface Runnable {
  run(signal: AbortSignal): Promise<void>;
}

export interface ManagerOptions {
  /** Informers: run on every replica, so that a new leader starts with warm caches. */
  informers: readonly (Runnable & { waitForSync(signal?: AbortSignal): Promise<void> })[];
  controllers: readonly ControllerOptions[];
  /** Without it the controllers start as soon as the caches are synced. */
  elector?: LeaderElector | undefined;
  /** Run as long as the controllers, and end after them: the EventRecorder, which writes and so needs the lease. */
  writers?: readonly Runnable[] | undefined;
  /** Run as long as the informers, and end with them. */
  background?: readonly Runnable[] | undefined;
  log?: Log | undefined;
}

/**
 * Caches, then leadership, then controllers; on abort the way back: controllers drain, the lease is released, caches end.
 * While the lease is lost only the controllers rest. Rejects when a part fails unexpectedly.
 */
export async function runManager(options: ManagerOptions, signal: AbortSignal): Promise<void> {
  const { informers, controllers, elector, writers = [], background = [], log = silentLog } = options;
  const base = new AbortController();
  const stop = new AbortController();
  const follow = () => stop.abort();
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  const running = Promise.all([...informers, ...background].map((part) => part.run(base.signal)));
  // A part that fails ends the rest; the failure itself is thrown below.
  running.catch(follow);
  const lead = async (leading: AbortSignal) => {
    const drained = new AbortController();
    const writing = Promise.all(writers.map((part) => part.run(drained.signal)));
    writing.catch(follow);
    await Promise.all(controllers.map((controller) => runController(controller, leading)));
    drained.abort();
    await writing;
  };
  try {
    await Promise.all(informers.map((informer) => informer.waitForSync(stop.signal)));
    if (stop.signal.aborted) return;
    log.info({}, 'caches are synced');
    await (elector === undefined ? lead(stop.signal) : elector.run(stop.signal, lead));
  } finally {
    signal.removeEventListener('abort', follow);
    base.abort();
    await running;
  }
}

import { backoffMs, type Backoff } from './backoff.ts';
import type { KubeClient } from './client.ts';
import type { Selection } from './client-options.ts';
import { sleep, type Clock } from './clock.ts';
import { ApiError, isGone } from './errors.ts';
import type { Log } from './log.ts';
import type { RuntimeMetrics, WatchRestart } from './metrics.ts';
import type { KubeObject } from './objects.ts';
import { resourceName, type ResourceType } from './resources.ts';
import type { Store } from './store.ts';

export interface ReflectorOptions<T extends KubeObject> {
  client: KubeClient;
  type: ResourceType;
  selection: Selection;
  store: Store<T>;
  log: Log;
  metrics: RuntimeMetrics;
  clock: Clock;
  random: () => number;
}

const BACKOFF: Backoff = { baseMs: 1_000, capMs: 30_000 };
/**
 * Watches are short on purpose. The server sends a bookmark 2 s before it closes a watch and always closes in time, so
 * a stream that is still open 5 s later is dead, however it looks to TCP: silence is noticed within 40 s without guessing
 * from idleness. The next watch goes on from the bookmark, which costs one request and can hardly be too old.
 */
const WATCH_SECONDS = { least: 30, jitter: 5 };
/** A list older than the cache is a lagging server, refused; so many in a row mean that etcd was restored from a backup. */
const OLDER_LISTS_TO_BELIEVE = 5;
/** After so many streams in a row that broke at the same place, only a list gets past it. */
const MALFORMED_BEFORE_LIST = 2;

/** Keeps one scope (a namespace, or all) of a store equal to the API server: list, watch from there, begin anew when that is too old. */
export class Reflector<T extends KubeObject> {
  private readonly scope: string;
  private readonly name: string;
  private resourceVersion: string | undefined;
  private synced = false;
  /** Failures since the last event. */
  private failures = 0;
  private malformed = 0;
  private olderLists = 0;

  constructor(private readonly options: ReflectorOptions<T>) {
    this.scope = options.selection.namespace ?? '';
    this.name = resourceName(options.type);
  }

  hasSynced(): boolean {
    return this.synced;
  }

  /** Until the signal aborts. Never rejects. */
  async run(signal: AbortSignal, onSynced: () => void): Promise<void> {
    while (!signal.aborted) {
      const started = this.options.clock.now();
      try {
        if (this.resourceVersion === undefined) await this.list(signal, onSynced);
        else await this.watch(this.resourceVersion, signal, started);
      } catch (error) {
        if (!signal.aborted) await this.recover(error, signal);
      }
    }
  }

  private async list(signal: AbortSignal, onSynced: () => void): Promise<void> {
    const { client, type, selection, store, metrics } = this.options;
    const { items, resourceVersion } = await client.listAll<T>(type, { ...selection, signal });
    const evenIfOlder = this.olderLists >= OLDER_LISTS_TO_BELIEVE;
    if (!store.replace(this.scope, items, resourceVersion, { evenIfOlder })) {
      this.olderLists += 1;
      throw new ApiError({ status: 0, reason: 'Stale', message: 'the list is older than what is known already' });
    }
    this.olderLists = 0;
    this.resourceVersion = resourceVersion;
    metrics.relisted(this.name);
    if (this.synced) return;
    this.synced = true;
    onSynced();
  }

  private async watch(resourceVersion: string, signal: AbortSignal, started: number): Promise<void> {
    const { client, type, selection, store, clock, random } = this.options;
    const timeoutSeconds = WATCH_SECONDS.least + Math.floor(random() * (WATCH_SECONDS.jitter + 1));
    for await (const event of client.watch<T>(type, { ...selection, resourceVersion, timeoutSeconds, signal })) {
      this.failures = 0;
      this.malformed = 0;
      if (event.type === 'BOOKMARK') {
        store.progress(this.scope, event.resourceVersion);
        this.resourceVersion = event.resourceVersion;
      } else {
        store.applyEvent(this.scope, event.type, event.object);
        this.resourceVersion = event.object.metadata.resourceVersion;
      }
    }
    // Closed in good time is the plan; closed early, again and again, must not become a hot loop.
    const early = clock.now() - started < (timeoutSeconds * 1000) / 2;
    if (early && !signal.aborted) await this.pause('closed', undefined, signal);
    else this.failures = 0;
  }

  private async recover(error: unknown, signal: AbortSignal): Promise<void> {
    const why = reasonOf(error);
    if (why === 'malformed') this.malformed += 1;
    if (why === 'gone' || this.malformed >= MALFORMED_BEFORE_LIST) {
      this.malformed = 0;
      this.resourceVersion = undefined;
    }
    await this.pause(why, error, signal);
  }

  private async pause(why: WatchRestart, error: unknown, signal: AbortSignal): Promise<void> {
    const { log, metrics, clock, random } = this.options;
    metrics.watchRestarted(this.name, why);
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = Math.round(Math.max(asked, backoffMs(BACKOFF, this.failures, random)));
    this.failures += 1;
    log.warn({ resource: this.name, namespace: this.scope, why, waitMs, err: error }, 'watch interrupted');
    await sleep(clock, waitMs, signal);
  }
}

function reasonOf(error: unknown): WatchRestart {
  if (isGone(error)) return 'gone';
  if (!(error instanceof ApiError)) return 'reset';
  if (error.reason === 'Malformed') return 'malformed';
  if (error.reason === 'Timeout') return 'silent';
  return error.status === 0 && error.reason !== 'Stale' ? 'reset' : 'refused';
}

import type { KubeClient } from './client.ts';
import { systemClock, type Clock } from './clock.ts';
import { silentLog, type Log } from './log.ts';
import { noMetrics, type RuntimeMetrics } from './metrics.ts';
import type { KubeObject } from './objects.ts';
import type { KeysOf } from './object-index.ts';
import { Reflector } from './reflector.ts';
import type { ResourceType } from './resources.ts';
import { Store, type Transform } from './store.ts';

export interface InformerOptions<T extends KubeObject> {
  client: KubeClient;
  type: ResourceType;
  /** Default, also when empty: all. */
  namespaces?: readonly string[] | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Applied to every object before it is cached, own writes too, while it still has its managedFields, which are dropped afterwards. */
  transform?: Transform<T> | undefined;
  indexes?: Record<string, KeysOf<T>> | undefined;
  log?: Log | undefined;
  metrics?: RuntimeMetrics | undefined;
  clock?: Clock | undefined;
  random?: (() => number) | undefined;
}

/** A store and the reflectors that keep it, one per namespace or one for all. */
export class Informer<T extends KubeObject> {
  readonly type: ResourceType;
  readonly store: Store<T>;
  private readonly reflectors: Reflector<T>[];
  private readonly synced = new Set<() => void>();

  constructor(options: InformerOptions<T>) {
    const { client, type, namespaces = [], labelSelector, fieldSelector, transform, indexes } = options;
    const { log = silentLog, metrics = noMetrics, clock = systemClock, random = Math.random } = options;
    this.type = type;
    const store = new Store<T>({ transform, indexes, log });
    this.store = store;
    const scopes = namespaces.length === 0 ? [undefined] : namespaces;
    this.reflectors = scopes.map((namespace) => {
      const selection = { namespace, labelSelector, fieldSelector };
      return new Reflector<T>({ client, type, selection, store, log, metrics, clock, random });
    });
  }

  /** Whether every namespace was listed completely once. */
  hasSynced(): boolean {
    return this.reflectors.every((reflector) => reflector.hasSynced());
  }

  /** Resolves when synced, or when the signal aborts. */
  async waitForSync(signal?: AbortSignal): Promise<void> {
    if (this.hasSynced() || signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.synced.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.synced.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  /** Runs until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.reflectors.map((reflector) => reflector.run(signal, () => this.announceSync())));
  }

  /** Tells whoever waits, if there is something to tell. */
  protected announceSync(): void {
    if (this.hasSynced()) for (const done of [...this.synced]) done();
  }
}

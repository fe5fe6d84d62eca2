import { sleep, type Clock, systemClock } from './clock.ts';
import { isNotFound } from './errors.ts';
import { Informer, type InformerOptions } from './informer.ts';
import { silentLog } from './log.ts';
import type { KubeObject } from './objects.ts';
import { resourceName } from './resources.ts';

/** How often it is asked whether the type is there by now, and after a failure. */
const ASK_EVERY_MS = 10_000;
const ASK_AGAIN_MS = 1_000;

/**
 * An informer of a type that a CustomResourceDefinition may or may not bring. It asks once, and watches nothing until the
 * type is there; that it is not is an answer too, and counts as synced.
 */
export class OptionalInformer<T extends KubeObject> extends Informer<T> {
  private served: boolean | undefined;
  private readonly clock: Clock;

  constructor(private readonly options: InformerOptions<T>) {
    super(options);
    this.clock = options.clock ?? systemClock;
  }

  /** Whether the API server serves the type; what it holds is in the store. */
  isServed(): boolean {
    return this.served === true;
  }

  override hasSynced(): boolean {
    return this.served === false || super.hasSynced();
  }

  override async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.served !== true) await this.ask(signal);
    if (!signal.aborted) await super.run(signal);
  }

  private async ask(signal: AbortSignal): Promise<void> {
    const { client, type, namespaces = [], log = silentLog } = this.options;
    try {
      await client.list<T>(type, { namespace: namespaces[0], limit: 1, signal });
      this.served = true;
    } catch (error) {
      if (signal.aborted) return;
      if (isNotFound(error)) {
        this.served = false;
        this.announceSync();
        return sleep(this.clock, ASK_EVERY_MS, signal);
      }
      log.warn({ resource: resourceName(type), err: error }, 'cannot tell whether it is served');
      return sleep(this.clock, ASK_AGAIN_MS, signal);
    }
  }
}

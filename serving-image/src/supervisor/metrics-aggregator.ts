import type { Catalog } from '../model/catalog.ts';
import { exposition, retained, type Exposition, type Page } from '../telemetry/exposition.ts';
import type { Snapshot as Metrics } from '../telemetry/meter.ts';
import { SupervisorMetrics } from '../telemetry/metrics.ts';
import { coalesced } from '../ipc/coalesced.ts';
import type { WorkerExit } from './worker-processes.ts';

/** What is counted of all workers, those that have ended included: a counter must not fall when one of them is replaced. */
export class MetricsAggregator {
  readonly #own: SupervisorMetrics;
  #gone: Promise<Metrics[]> = Promise.resolve([]);
  /** Each asks all workers, and whoever may ask may do so often. */
  readonly #pages = new Map<Page, () => Promise<Exposition>>();

  constructor(
    revision: string,
    private readonly workers: () => Promise<Metrics[]>,
    /** What is served by now: of what is not, nothing is kept. */
    private readonly catalog: () => Catalog,
  ) {
    this.#own = new SupervisorMetrics(revision);
  }

  /** What is served has changed. */
  show(catalog: Catalog): void {
    this.#own.show(catalog);
  }

  /** A worker of a version has ended, and is replaced when it was `serving`. */
  departed(
    { name, version }: { name: string; version: string },
    { snapshot, lostRequests, lostConnections }: WorkerExit,
    serving: boolean,
  ): void {
    if (snapshot)
      this.#gone = this.#gone.then(async (gone) => [await retained([...gone, snapshot.metrics], this.catalog())]);
    if (serving) this.#own.restarted(name, version);
    this.#own.lost(name, version, lostRequests, lostConnections);
  }

  exposition(page: Page): Promise<Exposition> {
    let ask = this.#pages.get(page);
    if (!ask) this.#pages.set(page, (ask = coalesced(() => this.#exposition(page))));
    return ask();
  }

  async #exposition(page: Page): Promise<Exposition> {
    const workers = await this.workers();
    return exposition([...this.#own.snapshots(), ...(await this.#gone), ...workers], page);
  }
}

import type { Traffic, TrialReport } from '@modeldeployment/modelpack/traffic';
import type { Logger } from '../telemetry/log.ts';
import { trafficFor } from '../trial/routing.ts';
import { count, emptyCounts, merge, type Counts } from '../trial/counts.ts';
import { TrafficFile } from './traffic-file.ts';

export interface TrialCoordinatorOptions {
  /** The operator's number of the revision that is served. */
  revision: number;
  /** Of the downward-API volume. */
  folder: string;
  log: Logger;
  /** Tells all workers. */
  send: (traffic: Traffic | undefined) => void;
}

/**
 * The supervisor's part in a trial: it reads the annotation once for all workers, so that they change at one time, and makes
 * one report of what they counted, those that are gone included.
 */
export class TrialCoordinator {
  readonly #file: TrafficFile;
  readonly #started = new Date().toISOString();
  #traffic: Traffic | undefined;
  #gone = emptyCounts();

  constructor(private readonly options: TrialCoordinatorOptions) {
    this.#file = new TrafficFile(options.folder, (text) => this.#onText(text));
  }

  get traffic(): Traffic | undefined {
    return this.#traffic;
  }

  start(): void {
    this.#file.start();
  }

  stop(): void {
    this.#file.stop();
  }

  /** A worker has ended; these are the last counts it gave, and the requests that died with it. */
  retire(counts: Counts, lost: number): void {
    const trial = this.#traffic?.trial;
    this.#gone = merge([this.#gone, counts], trial);
    // Of the stable revision nobody can say any more what the other one would have made of them.
    const shared = trial !== undefined;
    for (let i = 0; i < lost; i++) count(this.#gone.own, { ms: Infinity, error: true, shared });
  }

  report(workers: readonly Counts[]): TrialReport {
    const { trial, weight } = this.#traffic ?? {};
    return {
      revision: this.options.revision,
      started: this.#started,
      ...(weight === undefined ? {} : { weight }),
      ...merge([this.#gone, ...workers], trial),
    };
  }

  #onText(text: string | undefined): void {
    const { revision, log, send } = this.options;
    const traffic = trafficFor(revision, text);
    if (text?.trim() && !traffic)
      log.info({ revision }, 'the traffic annotation is not for this revision, or not valid');
    if (!traffic && !this.#traffic) return;
    this.#traffic = traffic;
    log.info({ trial: traffic?.trial, target: traffic?.target, weight: traffic?.weight }, 'traffic');
    send(traffic);
  }
}

import type { Trial } from '../forward/trial.ts';
import type { Predictor, ServedModel } from '../model/types.ts';
import type { IndexEntry } from '../protocol/v2/metadata.ts';
import type { Logger } from '../telemetry/log.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import type { Statistics } from '../telemetry/statistics.ts';
import type { Target } from '../protocol/route.ts';

/** A model version that answers in this process. */
export interface Served {
  model: ServedModel;
  predictor: Predictor;
  statistics: Statistics;
}

/** Which models there are. */
export interface Models {
  /** The version a request means, when it is one that answers here. */
  find(target: Target): Served | undefined;
  /** All versions in the repository, served or not. */
  index(): readonly IndexEntry[];
}

/** What the data path needs of its surroundings. */
export interface Service {
  models: Models;
  maxBodyBytes: number;
  serverVersion: string;
  metrics: WorkerMetrics;
  log: Logger;
  draining: () => boolean;
  /** Metrics of all workers, from the supervisor. */
  exposition: () => Promise<{ contentType: string; text: string }>;
  /** Where a request that runs the model is answered: here, or by the revision on trial. */
  trial: Trial;
  /** The operator's number of the revision that is served; empty without an operator. */
  revision: string;
}

/** A repository of which one version is served. */
export function oneModel(served: Served): Models {
  const { name, version } = served.model;
  return {
    find: (target) =>
      target.model === name && (target.version ?? version) === version && target.label === undefined
        ? served
        : undefined,
    index: () => [{ name, version, state: 'READY', reason: '' }],
  };
}

import type { Admission } from './admission.ts';
import type { ModelControl } from './model-control.ts';
import { Executor, type BatchLimits } from '../batching/executor.ts';
import type { Trial } from '../trial/trial.ts';
import type { Predictor, ServedModel } from '../model/types.ts';
import type { IndexEntry } from '../protocol/v2/metadata.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Exposition, Page } from '../telemetry/exposition.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import type { Statistics } from '../telemetry/statistics.ts';
import type { Trace } from '../telemetry/trace.ts';
import type { Target } from '../protocol/route.ts';

/** A model version that answers in this process. */
export interface Served {
  model: ServedModel;
  executor: Executor;
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
export interface ServerContext {
  models: Models;
  admission: Admission;
  serverVersion: string;
  /** Whether clients are asked for a bearer token. */
  needsToken: boolean;
  metrics: WorkerMetrics;
  log: Logger;
  draining: () => boolean;
  /** Absent unless clients may load and unload models. */
  modelControl?: ModelControl;
  /** Absent unless traces are wanted. */
  trace?: Trace;
  /** Metrics of all workers, from the supervisor. */
  exposition: (page: Page) => Promise<Exposition>;
  /** Where a request that runs the model is answered: here, or by the revision on trial. */
  trial: Trial;
  /** The operator's number of the revision that is served; empty without an operator. */
  revision: string;
}

/** Makes a loaded model ready to answer. */
export function served(
  { model, batched }: { model: ServedModel; batched: ReadonlySet<string> },
  predictor: Predictor,
  statistics: Statistics,
  { limits, log }: { limits: BatchLimits; log: Logger },
): Served {
  const executor = new Executor(predictor, batched, limits, (signature) =>
    log.warn({ signature }, 'requests are run one by one: the outputs do not have one row for each row of the inputs'),
  );
  return { model, executor, statistics };
}

/** A repository of which one version is served. */
export function oneModel(only: Served): Models {
  const { name, version } = only.model;
  return {
    find: (target) =>
      target.model === name && (target.version ?? version) === version && target.label === undefined ? only : undefined,
    index: () => [{ name, version, state: 'READY', reason: '' }],
  };
}

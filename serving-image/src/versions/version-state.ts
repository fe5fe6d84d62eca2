import type { FailureReport } from '@modeldeployment/modelpack/contract';
import type { VersionFolder } from '../model/selection.ts';
import type { WorkerPool } from './worker-pool.ts';

/** One version of one model, from one folder. */
export interface ModelVersion extends VersionFolder {
  id: number;
  name: string;
}

export type VersionState = 'queued' | 'loading' | 'serving' | 'failed' | 'leaving';

/** One version of a model, as the version manager keeps it. */
export interface VersionEntry {
  unit: ModelVersion;
  pool: WorkerPool;
  phase: VersionState;
  report?: FailureReport;
  /** Time of the last change of the phase, in milliseconds. */
  since: number;
}

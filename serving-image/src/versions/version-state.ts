import type { FailureReport } from '@modeldeployment/modelpack/contract';
import type { VersionFolder } from '../model/selection.ts';
import type { Pool } from './worker-pool.ts';

/** One version of one model, from one folder. */
export interface Unit extends VersionFolder {
  id: number;
  name: string;
}

export type Phase = 'queued' | 'loading' | 'serving' | 'failed' | 'leaving';

/** The place of a unit in the fleet. */
export interface Berth {
  unit: Unit;
  pool: Pool;
  phase: Phase;
  report?: FailureReport;
  /** Time of the last change of the phase, in milliseconds. */
  since: number;
}

import type { Counts } from '../trial/counts.ts';
import type { Snapshot as Metrics } from '../telemetry/meter.ts';

/** All that a worker has counted, as it travels to the supervisor. */
export interface Snapshot {
  metrics: Metrics;
  trial: Counts;
}

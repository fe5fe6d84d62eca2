import type { NonFiniteOutput, WarmupReport } from '@modeldeployment/modelpack/contract';
import type { Counts } from '../trial/counts.ts';
import type { Snapshot as Metrics } from '../telemetry/meter.ts';

/** All that a worker has counted, as it travels to the supervisor. */
export interface Snapshot {
  metrics: Metrics;
  trial: Counts;
  /** What its warm-up found. */
  nonFinite: readonly NonFiniteOutput[];
}

/** How many outputs are told, and how much of their names: a model may have thousands, named by anybody. */
const MOST_OUTPUTS = 20;
const LONGEST_NAME = 200;

/** What the warm-ups of the workers found. Each has made the same requests: an output is told once. */
export function warmupReport(snapshots: readonly Snapshot[]): WarmupReport {
  const found = new Map<string, NonFiniteOutput>();
  for (const one of snapshots.flatMap(({ nonFinite }) => nonFinite)) {
    // Cut before anything is made of them: a model may call its outputs whatever it likes.
    const [signature, output] = [one.signature.slice(0, LONGEST_NAME), one.output.slice(0, LONGEST_NAME)];
    const key = JSON.stringify([signature, output]);
    const known = found.get(key);
    if (known === undefined && found.size === MOST_OUTPUTS) continue;
    found.set(key, { signature, output, values: Math.max(one.values, known?.values ?? 0) });
  }
  return { nonFinite: [...found.values()] };
}

/** The figures that are kept in docs/benchmarks/raw/, one file for each key and each pair. */
import type { Measured } from './measure.ts';
import type { Limits, Pair, Stalls } from './rounds.ts';

export interface Raw {
  machine?: Machine;
  limits?: Limits;
  'ours-tensorflow'?: Measured;
  'ours-wasm'?: Measured;
  pairs: Readonly<Record<string, Pair>>;
}

export interface Machine {
  cpu: string;
  cores: number;
  node: string;
  kernel: string;
  /** Part of the cores that other work had when the run began; absent in figures from before this was measured. */
  busy?: number;
  /** Of each core, before the run; absent in figures from before this was measured. */
  stalls?: readonly Stalls[];
  date: string;
  rounds: number;
  seconds: number;
}

import type { Feature } from './examples.ts';

/** What the graph of a signature tells before it is run. */
export interface Judgement {
  /** It changes what later requests are answered: it is never run but when a client asks for it. */
  effects: boolean;
  rows: RowVerdict;
  /** What is read of the Examples in an input of texts, by the name of the input. */
  examples?: ReadonlyMap<string, readonly Feature[]>;
}

/** Whether the answer for each row of a request depends on this row alone. */
export interface RowVerdict {
  rows: 'rowWise' | 'mixing' | 'unknown';
  /** Why it is not row-wise, in words that follow "node x: ". */
  why?: string;
  /** The node that decides. */
  node?: string;
}

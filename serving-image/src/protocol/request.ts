import type { Tensor } from '../model/types.ts';

/** A checked request, ready to run: what the bodies of all protocols become. */
export interface Inference {
  /** Key into the model's signatures. */
  signature: string;
  /** In the order of the signature. */
  inputs: Tensor[];
}

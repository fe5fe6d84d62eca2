import type { ServedModel, Tensor } from '../model/types.ts';

/** A checked request, ready to run. */
export interface Inference {
  /** Key into the model's signatures. */
  signature: string;
  /** In the order of the signature. */
  inputs: Tensor[];
  /** Writes the answer from all outputs of the signature. @throws RequestError when they cannot be written as asked. */
  respond: (outputs: readonly Tensor[]) => string;
}

/** Decodes a parsed JSON body. @throws RequestError */
export type Decode = (body: Record<string, unknown>, model: ServedModel) => Inference;

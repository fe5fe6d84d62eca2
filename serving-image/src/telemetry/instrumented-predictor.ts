import { type Predictor, type Tensor } from '../model/types.ts';
import type { InflightFile } from './inflight-file.ts';
import type { Statistics } from './statistics.ts';
import { RunError } from '../errors.ts';

/** A predictor whose runs are counted, and recorded before they begin: native code may not return. */
export function observed(
  predictor: Predictor,
  statistics: Statistics,
  inflight: Pick<InflightFile, 'flush'>,
): Predictor {
  return {
    signatures: predictor.signatures,
    memory: () => predictor.memory?.() ?? { tensors: 0, bytes: 0 },
    async predict(signature, inputs) {
      inflight.flush();
      const started = performance.now();
      try {
        const outputs = await predictor.predict(signature, inputs);
        const took = performance.now() - started;
        statistics.ran(inputs[0]?.shape[0] ?? 1, took, countNonFinite(outputs));
        return outputs;
      } catch (error) {
        if (error instanceof RunError) statistics.refused();
        throw error;
      }
    },
  };
}

/** Values that are NaN or an infinity. Pure. */
export function countNonFinite(tensors: readonly Tensor[]): number {
  return tensors.reduce((total, { data }) => {
    if (!(data instanceof Float32Array || data instanceof Float64Array)) return total;
    // One addition for each value tells whether there is anything to count.
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum += data[i] as number;
    if (Number.isFinite(sum)) return total;
    let count = 0;
    for (const value of data) if (!Number.isFinite(value)) count++;
    return total + count;
  }, 0);
}

import type * as tf from '@tensorflow/tfjs-core';

/**
 * A layers model whose recurrent layers begin every request anew. A stateful one would go on where the last request ended, and that
 * was somebody else's; begun anew it is the same layer without that setting. So the setting is taken out, wherever it stands: inside
 * of wrappers and models within the model too. Pure.
 */
export function withoutMemory(artifacts: tf.io.ModelArtifacts): tf.io.ModelArtifacts {
  const { modelTopology } = artifacts;
  return modelTopology instanceof ArrayBuffer || modelTopology === undefined
    ? artifacts
    : { ...artifacts, modelTopology: forgetful(modelTopology) as object };
}

function forgetful(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forgetful);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, key === 'stateful' ? false : forgetful(part)]),
  );
}

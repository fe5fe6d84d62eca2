/** A model of Keras layers, as its file describes it. Readers make it, the converter takes it: neither knows of the other. */

/** One variable: `shape` row-major, its bytes little-endian and read on demand. */
export interface Weight {
  readonly path: string;
  /** As numpy writes it: float32, float16, bfloat16, int32 … */
  readonly dtype: string;
  readonly shape: readonly number[];
  read(): Uint8Array;
}

export interface LayersModel {
  readonly kerasVersion: string | undefined;
  readonly config: { readonly class_name: string; readonly config: unknown };
  /** The weights of the layer by its path of names from the root, as ['block1', 'conv'], in the order of Keras' own `layer.weights`. */
  weightsOf(layerPath: readonly string[]): readonly Weight[];
}

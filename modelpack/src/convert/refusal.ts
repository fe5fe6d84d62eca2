/** Why a model cannot be converted, and what to do about it. */
export class ConversionRefused extends Error {
  override readonly name = 'ConversionRefused';

  constructor(
    /** Names from the model down to the layer; empty for the model itself. */
    readonly layer: readonly string[],
    readonly what: string,
    readonly wayOut: string,
  ) {
    super(`${layer.length === 0 ? 'the model' : `layer ${layer.join('/')}`} ${what}; ${wayOut}`);
  }
}

/** Whoever has the Python program that made the model can have Keras itself export it. */
export const BY_PYTHON = 'convert it with Keras: kubectl mdep convert --python python3 PATH OUT';

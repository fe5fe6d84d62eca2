/** The layers of a model.json, as the converter of Python writes it and as TensorFlow.js itself does. */
import { fromHalf } from '../half.ts';
import { readWeight, placesOfWeights, type WeightPlace } from '../tfjs-weights.ts';
import { layersConfigOf, type ModelJson } from '../tfjs-model.ts';
import { OTHER } from '../prepare/other-formats.ts';
import { weightsNamed } from './by-layer.ts';
import type { LayersModel, Weight } from './layers-model.ts';

/** Throws ModelError ModelMalformed when a file of its weights is missing or cut short. */
export async function readTfjsLayers(folder: string, model: ModelJson): Promise<LayersModel> {
  const config = layersConfigOf(model);
  if (config === undefined) throw OTHER.unknown(folder);
  if (model.weightsManifest === undefined) throw OTHER.configurationOnly(folder);
  const places = await placesOfWeights(folder, model);
  const weights = places.map((place) => ({ name: place.spec.name, weight: new TfjsWeight(folder, place) }));
  return {
    kerasVersion: model.modelTopology?.keras_version,
    config,
    weightsOf: (layerPath) => weightsNamed(weights, layerPath).map(({ weight }) => weight),
  };
}

class TfjsWeight implements Weight {
  readonly path: string;
  readonly dtype: string;
  readonly shape: readonly number[];

  constructor(
    private readonly folder: string,
    private readonly place: WeightPlace,
  ) {
    ({ name: this.path, dtype: this.dtype, shape: this.shape } = place.spec);
  }

  read(): Uint8Array {
    const bytes = readWeight(this.folder, this.place);
    const { quantization, dtype } = this.place.spec;
    return quantization === undefined ? bytes : restored(bytes, dtype, quantization);
  }
}

/** The numbers that quantised ones stand for, as TensorFlow.js restores them. */
function restored(
  bytes: Uint8Array,
  dtype: string,
  { dtype: kept, scale = 1, min = 0 }: NonNullable<WeightPlace['spec']['quantization']>,
): Uint8Array {
  const steps = (numbers: Uint8Array | Uint16Array) => Float32Array.from(numbers, (number) => number * scale + min);
  const values = kept === 'uint8' ? steps(bytes) : kept === 'float16' ? fromHalf(words(bytes)) : steps(words(bytes));
  const whole = dtype === 'int32' ? Int32Array.from(values, Math.round) : values;
  return new Uint8Array(whole.buffer);
}

/** Little-endian, wherever they begin. */
const words = (bytes: Uint8Array): Uint16Array => new Uint16Array(Uint8Array.from(bytes).buffer);

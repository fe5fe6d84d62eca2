/** The layers of a model.json, as the converter of Python writes it and as TensorFlow.js itself does. */
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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values =
    kept === 'uint8'
      ? Float32Array.from(bytes, (value) => value * scale + min)
      : Float32Array.from({ length: bytes.length / 2 }, (_, i) =>
          kept === 'float16' ? halfAt(view, i * 2) : view.getUint16(i * 2, true) * scale + min,
        );
  const whole = dtype === 'int32' ? Int32Array.from(values, Math.round) : values;
  return new Uint8Array(whole.buffer);
}

/** A number of 16 bits: sign, 5 bits of exponent, 10 of fraction. */
function halfAt(view: DataView, at: number): number {
  const bits = view.getUint16(at, true);
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The weights of a model.json: one after another in its files, as if each group were one file. */
import { closeSync, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from './failure.ts';
import { checkItself } from './prepare/beginning.ts';
import { type ModelJson, weightPath, type WeightSpec } from './tfjs-model.ts';

/** Bytes of an element in the file; strings tell theirs one by one. */
const WEIGHT_WIDTH: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  bool: 1,
  uint8: 1,
  uint16: 2,
  float16: 2,
  complex64: 8,
};

/** NaN where only the data can tell. */
const bytesOfWeight = ({ dtype, shape, quantization }: WeightSpec): number =>
  shape.reduce((product, size) => product * size, 1) * (WEIGHT_WIDTH[quantization?.dtype ?? dtype] ?? NaN);

/** Where the bytes of a weight lie: a stretch of the files of its group. */
export interface WeightPlace {
  spec: WeightSpec;
  from: number;
  files: readonly { path: string; size: number }[];
}

/** Every weight of which the place is known: what stands behind strings is not. Throws ModelError ModelMalformed for files that are missing or cut short. */
export async function placesOfWeights(folder: string, model: ModelJson): Promise<WeightPlace[]> {
  const places: WeightPlace[] = [];
  for (const { paths, weights = [] } of model.weightsManifest ?? []) {
    const files = await Promise.all(
      paths.map(async (path) => ({ path: weightPath(path), size: await sizeOf(folder, path) })),
    );
    const held = files.reduce((sum, { size }) => sum + size, 0);
    const needed = weights.reduce((sum, spec) => sum + bytesOfWeight(spec), 0);
    if (!Number.isNaN(needed) && held !== needed) throw await notWhole(folder, files, held, needed);
    let from = 0;
    for (const spec of weights) {
      if (Number.isNaN(from)) break;
      places.push({ spec, from, files });
      from += bytesOfWeight(spec);
    }
  }
  return places;
}

async function sizeOf(folder: string, path: string): Promise<number> {
  const inside = weightPath(path);
  const found = await stat(join(folder, inside)).catch(() => undefined);
  if (found?.isFile() === true) return found.size;
  throw new ModelError('ModelMalformed', `model.json names the weight file ${inside}, which is not in ${folder}`);
}

/** Why the bytes are not as many as there should be. */
async function notWhole(
  folder: string,
  files: WeightPlace['files'],
  held: number,
  needed: number,
): Promise<ModelError> {
  for (const { path } of files) await checkItself(join(folder, path));
  const names = files.map(({ path }) => path).join(', ');
  const words = `the weights in ${names} are ${held} bytes, model.json describes ${needed}: a file is cut short or changed; copy it again`;
  return new ModelError('ModelMalformed', words);
}

/** The bytes of a weight as its file has them. */
export function readWeight(folder: string, { spec, from, files }: WeightPlace): Uint8Array {
  const bytes = new Uint8Array(bytesOfWeight(spec));
  let [start, filled] = [from, 0];
  for (const { path, size } of files) {
    if (start < size && filled < bytes.length) {
      const file = openSync(join(folder, path), 'r');
      try {
        filled += readSync(file, bytes, filled, Math.min(bytes.length - filled, size - start), start);
      } finally {
        closeSync(file);
      }
    }
    start = Math.max(0, start - size);
  }
  return bytes;
}

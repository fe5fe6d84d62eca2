/** Weights as Keras 2 stores them in an .h5, and Keras 3 in an .h5 too: a group per layer, a list of names of its weights. */
import type { Hdf5File } from './hdf5.ts';
import type { Weight } from './layers-model.ts';

/** `group`: where the groups of the layers lie; empty for the root. */
export function weightsByLayer(file: Hdf5File, group: string): (layerPath: readonly string[]) => readonly Weight[] {
  const root = group === '' ? '' : `${group}/`;
  return (layerPath) => {
    const [layer = ''] = layerPath;
    const place = `${root}${layer}`;
    const named = listAt(file, place, 'weight_names').map((name) => ({ name, path: `${place}/${name}` }));
    const own = layerPath.length === 1 ? named : weightsNamed(named, layerPath);
    return own.flatMap(({ path }) => file.tensor(path) ?? []);
  };
}

/**
 * Those of a layer, by the names from the model down to it: a model in a model lists all its weights as its own. Some are called by the
 * whole way, behind the name of the model too, some by a part of it, down to the layer alone.
 */
export function weightsNamed<T extends { name: string }>(
  weights: readonly T[],
  layerPath: readonly string[],
): readonly T[] {
  const way = `${layerPath.join('/')}/`;
  const begins = layerPath.map((_, i) => `${layerPath.slice(i).join('/')}/`);
  const tries = [
    (name: string) => name.startsWith(way),
    (name: string) => name.includes(`/${way}`),
    ...begins.slice(1).map((beginning) => (name: string) => name.startsWith(beginning)),
  ];
  for (const fits of tries) {
    const found = weights.filter(({ name }) => fits(name));
    if (found.length > 0) return found;
  }
  return [];
}

/** A list of names. A long one is kept in parts, `name0`, `name1` and so on: HDF5 bounds the size of an attribute. */
export function listAt(file: Hdf5File, path: string, name: string): string[] {
  const whole = file.attribute(path, name);
  if (whole !== undefined) return textsOf(whole);
  const parts: string[] = [];
  for (let i = 0; ; i++) {
    const part = file.attribute(path, `${name}${i}`);
    if (part === undefined) return parts;
    parts.push(...textsOf(part));
  }
}

/** An empty list comes as one of numbers. */
const textsOf = (value: unknown): string[] =>
  (Array.isArray(value) ? (value as unknown[]) : [value]).filter((one) => typeof one === 'string');

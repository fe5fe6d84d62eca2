/** Weights as Keras 2 stores them in an .h5, and Keras 3 in an .h5 too: a group per layer, a list of names of its weights. */
import type { Hdf5File } from './hdf5.ts';
import type { Weight } from './layers-model.ts';

/** `group`: where the groups of the layers lie; empty for the root. */
export function weightsByLayer(file: Hdf5File, group: string): (layerPath: readonly string[]) => readonly Weight[] {
  const root = group === '' ? '' : `${group}/`;
  return ([layer = '', ...inner]) => {
    const place = `${root}${layer}`;
    const named = listAt(file, place, 'weight_names').map((name) => ({ name, path: `${place}/${name}` }));
    return weightsNamed(named, inner).flatMap(({ path }) => file.tensor(path) ?? []);
  };
}

/**
 * Those in which the names of the layers stand, each behind the one before it: a model in a model lists all its weights as its own. Some
 * are called by their layer alone, whatever models are around it.
 */
export function weightsNamed<T extends { name: string }>(
  weights: readonly T[],
  layers: readonly string[],
): readonly T[] {
  const along = weights.filter(({ name }) => standsIn(name, layers));
  const last = layers.at(-1);
  return along.length > 0 || last === undefined ? along : weights.filter(({ name }) => name.startsWith(`${last}/`));
}

function standsIn(name: string, layers: readonly string[]): boolean {
  let rest = `/${name}`;
  return layers.every((layer) => {
    const at = rest.indexOf(`/${layer}/`);
    rest = rest.slice(at + layer.length + 1);
    return at >= 0;
  });
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

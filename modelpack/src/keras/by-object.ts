/**
 * Weights as Keras 3 stores them in model.weights.h5: along the objects of the model. A layer is called after its class and counted
 * there, `layers/dense_1/vars/0`, whatever its name is.
 */
import { cellsIn, type LayerConfig, layersIn, nameOf, wrapped } from './config.ts';
import type { Hdf5File } from './hdf5.ts';
import type { Weight } from './layers-model.ts';

/** The list of a model's layers: as Keras 3 calls it, and as Keras 2.12 to 2.15 did. */
const LISTS = ['layers', '_layer_checkpoint_dependencies'] as const;
type List = (typeof LISTS)[number];

export function weightsByObject(
  file: Hdf5File,
  root: LayerConfig,
): (layerPath: readonly string[]) => readonly Weight[] {
  const objects = new Objects(file);
  return (layerPath) => {
    let place: Place | undefined = { path: '', layer: root };
    for (const name of layerPath) place = place && objects.inside(place).find(({ layer }) => nameOf(layer) === name);
    return place === undefined ? [] : objects.weights(place);
  };
}

/** Every layer, and the path at which the archive keeps what belongs to it. */
export function placesOfLayers(file: Hdf5File, root: LayerConfig): Place[] {
  const objects = new Objects(file);
  const below = (place: Place): Place[] => objects.inside(place).flatMap((inner) => [inner, ...below(inner)]);
  return below({ path: '', layer: root });
}

export interface Place {
  path: string;
  layer: LayerConfig;
}

class Objects {
  /** Names of what lies in each group, of those above a tensor. */
  private readonly below = new Map<string, Set<string>>();

  constructor(private readonly file: Hdf5File) {
    for (const path of file.tensors) {
      const parts = path.split('/');
      parts.forEach((name, i) => {
        const group = parts.slice(0, i).join('/');
        this.below.set(group, (this.below.get(group) ?? new Set()).add(name));
      });
    }
  }

  /** Where the layers inside of a model or a wrapper are kept. */
  inside({ path, layer }: Place): Place[] {
    const layers = layersIn(layer);
    if (layers === undefined)
      return wrapped(layer).map(([attribute, inner]) => ({ path: join(path, attribute), layer: inner }));
    const list = LISTS.find((name) => this.below.has(join(path, name))) ?? 'layers';
    return this.counted(join(path, list), list, layers);
  }

  /** Keras 2 lists a layer that has weights twice, and counts it twice. */
  private counted(path: string, list: List, layers: readonly LayerConfig[]): Place[] {
    const counts = new Map<string, number>();
    return layers.filter(isLayer).map((layer) => {
      const name = snakeCase(CLASSES.get(layer.class_name) ?? layer.class_name);
      const count = counts.get(name) ?? 0;
      const place = join(path, count === 0 ? name : `${name}_${count}`);
      counts.set(name, count + (list === '_layer_checkpoint_dependencies' && this.below.has(place) ? 2 : 1));
      return { path: place, layer };
    });
  }

  /** In the order of Keras' `layer.weights`: its own, then those of the layers inside, in the order in which it makes them. */
  weights(place: Place): Weight[] {
    if (layersIn(place.layer) === undefined) return this.allOf(place.path, place.layer);
    return [...this.own(place.path), ...this.inside(place).flatMap((layer) => this.weights(layer))];
  }

  private own(path: string): Weight[] {
    const group = join(path, 'vars');
    return this.namesIn(group).flatMap((name) => this.file.tensor(join(group, name)) ?? []);
  }

  /** Of an object and those that it holds; the state of a random generator is none that Keras counts. */
  private allOf(path: string, layer?: LayerConfig): Weight[] {
    const cells = layer && cellsIn(layer);
    // Paths tell of which class a cell is, its configuration tells which comes first.
    if (cells !== undefined)
      return this.counted(join(path, 'cells'), 'layers', cells).flatMap((cell) => this.allOf(cell.path, cell.layer));
    const parts = this.namesIn(path).filter((name) => name !== 'vars' && !name.endsWith('seed_generator'));
    parts.sort((a, b) => rank(a) - rank(b));
    const held = new Map(layer && wrapped(layer));
    const heldAs = (name: string) => held.get(name) ?? (DIRECTIONS.includes(name) ? held.get('layer') : undefined);
    return [...this.own(path), ...parts.flatMap((name) => this.allOf(join(path, name), heldAs(name)))];
  }

  /** Numbers in their order. */
  private namesIn(group: string): string[] {
    return [...(this.below.get(group) ?? [])].sort(byNumber);
  }
}

/** Classes that have another name in Keras' own code, which is that of paths, than in configurations. */
const CLASSES: ReadonlyMap<string, string> = new Map([
  ['Model', 'Functional'],
  ['GroupQueryAttention', 'GroupedQueryAttention'],
]);

/** The order in which layers make those inside of them, where it is not that of their names. */
const DIRECTIONS = ['forward_layer', 'backward_layer'];
const MADE = [...DIRECTIONS, 'query_dense', 'key_dense', 'value_dense', 'output_dense'];
const rank = (name: string): number => MADE.indexOf(name.replace(/^_/, ''));

const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

const join = (...parts: string[]): string => parts.filter((part) => part !== '').join('/');

/** An operation of `keras.ops` stands among the layers of a Functional, and is none. */
const isLayer = ({ module }: LayerConfig): boolean => !/\.ops\b/.test(module ?? '');

/** The name of a class as Keras writes it in paths. */
const snakeCase = (name: string): string =>
  name
    .replaceAll(/\W+/g, '')
    .replaceAll(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

/** What a server serves, as its supervisor, its workers and its clients see it. Pure: protocol/ may import it. */

/** The names TensorFlow Serving gives to the life of a version. */
export type VersionState = 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END';

export interface CatalogVersion {
  version: string;
  state: VersionState;
  /** Why a version that should be served is not. */
  error?: string;
  /** Paths of the sockets at which its workers answer other workers. */
  sockets: readonly string[];
}

export interface CatalogModel {
  name: string;
  /** Highest first. */
  versions: readonly CatalogVersion[];
  /** Labels of versions that are served. */
  labels: Readonly<Record<string, string>>;
  /** Answers requests that name no version: the highest that is served. */
  latest?: string;
  /** Why the model is not ready, in words. */
  notReady?: string;
}

export interface Catalog {
  models: readonly CatalogModel[];
  /** Why the server as a whole is not ready, in words. */
  notReady?: string;
}

export interface ModelTarget {
  model: string;
  version?: string;
  label?: string;
}

export type Finding =
  | { model: CatalogModel; version: CatalogVersion }
  | { missing: 'model' | 'version' | 'label' }
  /** It should be served, and is not now. */
  | { unavailable: string };

/**
 * The version that a request is for. A version may be asked for by its label as well: Open Inference has no labels of its
 * own, and its versions are any text.
 */
export function find(catalog: Catalog, { model: name, version, label }: ModelTarget): Finding {
  const model = catalog.models.find((candidate) => candidate.name === name);
  if (!model) return { missing: 'model' };
  if (label !== undefined && !Object.hasOwn(model.labels, label)) return { missing: 'label' };
  const wanted = label !== undefined ? model.labels[label] : (version ?? model.latest);
  if (wanted === undefined) return { unavailable: model.notReady ?? 'no version of the model is served' };
  const number = Object.hasOwn(model.labels, wanted) ? model.labels[wanted] : wanted;
  const found = model.versions.find((candidate) => candidate.version === number);
  if (!found) return { missing: 'version' };
  if (found.state === 'AVAILABLE') return { model, version: found };
  return { unavailable: found.error ?? WORDS[found.state] };
}

const WORDS: Record<Exclude<VersionState, 'AVAILABLE'>, string> = {
  START: 'the version waits to be loaded',
  LOADING: 'the version is being loaded',
  UNLOADING: 'the version is being unloaded',
  END: 'the version is not served',
};

/** What is left of it when the server drains: it is ready for nothing. */
export function closing({ models }: Catalog): Catalog {
  const notReady = 'the server is shutting down';
  const leaving = ({ versions, ...model }: CatalogModel): CatalogModel => ({
    ...model,
    notReady,
    versions: versions.map((version) => ({ ...version, state: 'UNLOADING' })),
  });
  return { models: models.map(leaving), notReady };
}

/** Numbers of any length, highest first. */
export function byVersion(a: string, b: string): number {
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? 1 : x > y ? -1 : 0;
}

/** Answers about all models and versions of a server, in the forms of both protocols. */
import {
  find,
  type ModelTarget,
  type Catalog,
  type CatalogModel,
  type CatalogVersion,
  type VersionState,
} from '../model/catalog.ts';
import { modelNotFound, unavailable } from '../errors.ts';
import { modelStatus as statusOf, servableNotFound, statusNotFound } from './v1/metadata.ts';
import type { IndexEntry } from './v2/metadata.ts';

/** @throws RequestError 503 */
export function serverReady({ notReady }: Catalog): string {
  if (notReady !== undefined) throw unavailable(`not ready: ${notReady}`);
  return JSON.stringify({ ready: true });
}

const INDEX_STATE: Record<VersionState, string> = {
  START: 'LOADING',
  LOADING: 'LOADING',
  AVAILABLE: 'READY',
  UNLOADING: 'UNLOADING',
  END: 'UNAVAILABLE',
};

/** All versions in the words of Triton's repository index; a model without any has none. */
export function indexOf({ models }: Catalog): IndexEntry[] {
  return models.flatMap(({ name, versions }) =>
    versions.map(({ version, state, error = '' }) => ({ name, version, state: INDEX_STATE[state], reason: error })),
  );
}

/** Of one version, or of the model as a whole. @throws RequestError 404, 503 */
export function modelReady(catalog: Catalog, asked: ModelTarget): string {
  const { model } = locate(catalog, asked, 'v2');
  if (asked.version === undefined && model.notReady !== undefined) throw unavailable(`not ready: ${model.notReady}`);
  return JSON.stringify({ name: model.name, ready: true });
}

/** TensorFlow Serving's status: of all versions, or of the one that is asked for. @throws RequestError 404, 400 */
export function modelStatus(catalog: Catalog, asked: ModelTarget): string {
  const { labels = {} } = catalog.models.find(({ name }) => name === asked.model) ?? {};
  const version = asked.label === undefined ? asked.version : (labels[asked.label] ?? '');
  const entries = indexOf(catalog).filter(
    (entry) => entry.name === asked.model && (version === undefined || entry.version === version),
  );
  if (entries.length === 0) throw statusNotFound(asked);
  return statusOf(entries);
}

/** The version that serves a request. @throws RequestError 404, 503, or 400 for a label, as TensorFlow Serving does */
export function locate(
  catalog: Catalog,
  asked: ModelTarget,
  protocol: 'v1' | 'v2',
): { model: CatalogModel; version: CatalogVersion } {
  const finding = find(catalog, asked);
  if ('version' in finding) return finding;
  if ('unavailable' in finding) throw unavailable(`not ready: ${finding.unavailable}`);
  throw protocol === 'v1' ? servableNotFound(asked) : modelNotFound(asked);
}

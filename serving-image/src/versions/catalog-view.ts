import { byVersion, type Catalog, type CatalogModel, type CatalogVersion } from '../model/catalog.ts';
import { wants, type WantedModel } from '../model/selection.ts';
import type { VersionEntry, VersionState } from './version-state.ts';

/** What the version manager knows. */
export interface VersionsView {
  entries: readonly VersionEntry[];
  wanted: readonly WantedModel[];
  /** Models whose first versions have all been loaded, or have failed. */
  settled: ReadonlySet<string>;
  /** By model. */
  labels: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Clients say what is served, which may be nothing. */
  explicit: boolean;
}

const STATE = {
  queued: 'START',
  loading: 'LOADING',
  serving: 'AVAILABLE',
  failed: 'END',
  leaving: 'UNLOADING',
} as const satisfies Record<VersionState, CatalogVersion['state']>;

/** Why a model without versions is not ready. */
export const NO_VERSION = 'it has no version; put the model into a folder with a number as its name';

/** The versions as clients see them. Pure. `socket` gives the path of a worker's socket. */
export function describe(state: VersionsView, socket: (worker: number) => string): Catalog {
  const names = new Set([...state.wanted, ...state.entries.map(({ unit }) => unit)].map(({ name }) => name));
  const models = [...names].sort().map((name) => describeModel(state, name, socket));
  const counts = (name: string) => state.wanted.find((model) => model.name === name)?.ordered !== true;
  const lacking = models.filter(({ name, notReady }) => notReady !== undefined && counts(name));
  const why = lacking.map(({ name, notReady }) => `${name}: ${notReady}`);
  if (models.length === 0 && !state.explicit) return { models, notReady: 'there is no model to serve' };
  return why.length === 0 ? { models } : { models, notReady: why.join('; ') };
}

function describeModel(state: VersionsView, name: string, socket: (worker: number) => string): CatalogModel {
  const entries = shown(state, name);
  const wanted = state.wanted.find((model) => model.name === name);
  const serving = entries.filter(({ phase }) => phase === 'serving');
  // Also in the moments in which its workers are being replaced: an older version must not answer in its place.
  const latest = serving.find(({ unit }) => wanted && wants(wanted, unit)) ?? serving[0];
  const notReady = wanted && whyNotReady(wanted, entries, latest, state.settled.has(name));
  return {
    name,
    versions: entries.map((entry) => describeVersion(entry, socket)),
    labels: state.labels.get(name) ?? {},
    ...(latest === undefined ? {} : { latest: latest.unit.version }),
    ...(notReady === undefined ? {} : { notReady }),
  };
}

function describeVersion(
  { unit, phase, pool, report }: VersionEntry,
  socket: (worker: number) => string,
): CatalogVersion {
  const sockets = phase === 'serving' ? pool.serving().map(socket) : [];
  return {
    version: unit.version,
    state: phase === 'serving' && sockets.length === 0 ? 'LOADING' : STATE[phase],
    ...(report === undefined ? {} : { error: report.message }),
    sockets,
  };
}

/** Highest version first; of two folders of one version the one that serves, else the newer one. */
function shown({ entries }: VersionsView, name: string): VersionEntry[] {
  const serves = ({ phase }: VersionEntry) => Number(phase === 'serving');
  const sorted = entries
    .filter(({ unit }) => unit.name === name)
    .sort((a, b) => byVersion(a.unit.version, b.unit.version) || serves(b) - serves(a) || b.unit.id - a.unit.id);
  return sorted.filter(({ unit }, i) => unit.version !== sorted[i - 1]?.unit.version);
}

function whyNotReady(
  wanted: WantedModel,
  entries: readonly VersionEntry[],
  latest: VersionEntry | undefined,
  settled: boolean,
): string | undefined {
  if (wanted.failure) return wanted.failure.message;
  if (wanted.versions.length === 0) return NO_VERSION;
  if (!settled) return 'the model is still loading';
  const needed = wanted.pinned || !latest ? entries.filter(({ unit }) => wants(wanted, unit)) : [latest];
  const lacking = needed.find(({ phase, pool }) => phase !== 'serving' || pool.serving().length === 0);
  if (!lacking) return undefined;
  if (lacking.report) return lacking.report.message;
  return lacking.phase === 'serving'
    ? `all workers of version ${lacking.unit.version} are being replaced`
    : 'the model is still loading';
}

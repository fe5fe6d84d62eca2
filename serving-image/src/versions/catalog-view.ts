import { byVersion, type Catalog, type CatalogModel, type CatalogVersion } from '../model/catalog.ts';
import { wants, type WantedModel } from '../model/selection.ts';
import type { Berth, Phase } from './version-state.ts';

/** What the fleet knows. */
export interface FleetState {
  berths: readonly Berth[];
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
} as const satisfies Record<Phase, CatalogVersion['state']>;

/** Why a model without versions is not ready. */
export const NO_VERSION = 'it has no version; put the model into a folder with a number as its name';

/** The fleet as clients see it. Pure. `door` gives the path of a worker's socket. */
export function describe(state: FleetState, door: (worker: number) => string): Catalog {
  const names = new Set([...state.wanted, ...state.berths.map(({ unit }) => unit)].map(({ name }) => name));
  const models = [...names].sort().map((name) => describeModel(state, name, door));
  const counts = (name: string) => state.wanted.find((model) => model.name === name)?.ordered !== true;
  const lacking = models.filter(({ name, notReady }) => notReady !== undefined && counts(name));
  const why = lacking.map(({ name, notReady }) => `${name}: ${notReady}`);
  if (models.length === 0 && !state.explicit) return { models, notReady: 'there is no model to serve' };
  return why.length === 0 ? { models } : { models, notReady: why.join('; ') };
}

function describeModel(state: FleetState, name: string, door: (worker: number) => string): CatalogModel {
  const berths = shown(state, name);
  const wanted = state.wanted.find((model) => model.name === name);
  const serving = berths.filter(({ phase }) => phase === 'serving');
  // Also in the moments in which its workers are being replaced: an older version must not answer in its place.
  const latest = serving.find(({ unit }) => wanted && wants(wanted, unit)) ?? serving[0];
  const notReady = wanted && whyNotReady(wanted, berths, latest, state.settled.has(name));
  return {
    name,
    versions: berths.map((berth) => describeVersion(berth, door)),
    labels: state.labels.get(name) ?? {},
    ...(latest === undefined ? {} : { latest: latest.unit.version }),
    ...(notReady === undefined ? {} : { notReady }),
  };
}

function describeVersion({ unit, phase, pool, report }: Berth, door: (worker: number) => string): CatalogVersion {
  const doors = phase === 'serving' ? pool.serving().map(door) : [];
  return {
    version: unit.version,
    state: phase === 'serving' && doors.length === 0 ? 'LOADING' : STATE[phase],
    ...(report === undefined ? {} : { error: report.message }),
    doors,
  };
}

/** Highest version first; of two folders of one version the one that serves, else the newer one. */
function shown({ berths }: FleetState, name: string): Berth[] {
  const serves = ({ phase }: Berth) => Number(phase === 'serving');
  const sorted = berths
    .filter(({ unit }) => unit.name === name)
    .sort((a, b) => byVersion(a.unit.version, b.unit.version) || serves(b) - serves(a) || b.unit.id - a.unit.id);
  return sorted.filter(({ unit }, i) => unit.version !== sorted[i - 1]?.unit.version);
}

function whyNotReady(
  wanted: WantedModel,
  berths: readonly Berth[],
  latest: Berth | undefined,
  settled: boolean,
): string | undefined {
  if (wanted.failure) return wanted.failure.message;
  if (wanted.versions.length === 0) return NO_VERSION;
  if (!settled) return 'the model is still loading';
  const needed = wanted.pinned || !latest ? berths.filter(({ unit }) => wants(wanted, unit)) : [latest];
  const lacking = needed.find(({ phase, pool }) => phase !== 'serving' || pool.serving().length === 0);
  if (!lacking) return undefined;
  if (lacking.report) return lacking.report.message;
  return lacking.phase === 'serving'
    ? `all workers of version ${lacking.unit.version} are being replaced`
    : 'the model is still loading';
}

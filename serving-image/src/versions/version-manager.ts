/**
 * Decides which versions of which models are loaded, each by a pool of workers of its own. Pure, as the pool is.
 *
 *   queued --> loading --ready--> serving --(not wanted, and what is wanted serves)--> leaving --> gone
 *                 |                  |
 *                 +----- failed -----+   kept as a record; tried again when the cause may pass
 *
 * A version makes room only for one that has shown that it can serve: a bad new version never takes the old one away.
 */
import { FAILURE, type FailureReport } from '@modeldeployment/modelpack/contract';
import type { Catalog } from '../model/catalog.ts';
import { wants, type VersionFolder, type WantedModel } from '../model/selection.ts';
import type { VersionEntry, ModelVersion } from './version-state.ts';
import { describe, NO_VERSION } from './catalog-view.ts';
import { WorkerPool, type PoolAction, type PoolEvent } from './worker-pool.ts';

export interface VersionManagerSettings {
  /** Workers of each version; absent: the cores, shared by the versions. */
  workers: number | undefined;
  cores: number;
  spares: number;
  loadMs: number;
  hangMs: number;
  /** Its path is no business of clients. */
  repository: string;
  /** One version, given by name: without it there is nothing to live for. */
  fixed: boolean;
  /** Clients say what is served, which may be nothing. */
  explicit: boolean;
}

export type VersionEvent = Exclude<PoolEvent, { type: 'start' | 'spawned' }>;
export type VersionAction =
  | { do: 'spawn'; unit: ModelVersion; afterMs: number }
  | Extract<PoolAction, { do: 'kill' | 'relieve' | 'giveUp' }>
  /** For the log. */
  | { do: 'tell'; unit: ModelVersion; what: 'loading' | 'failed' | 'unloading' | 'unloaded'; report?: FailureReport };

/** After this a version is tried again whose failure may have passed, in milliseconds. */
const RETRY_MS = 60_000;

export class VersionManager {
  #entries: VersionEntry[] = [];
  readonly #workers = new Map<number, VersionEntry>();
  #wanted: readonly WantedModel[] = [];
  /** Models whose first versions have all been loaded, or have failed. */
  readonly #settled = new Set<string>();
  readonly #labels = new Map<string, Record<string, string>>();
  #nextId = 1;
  #everServed = false;

  constructor(private readonly settings: VersionManagerSettings) {}

  /** What is to be served from now on; of the model `again` what has failed is tried again. */
  want(models: readonly WantedModel[], now: number, again?: string): VersionAction[] {
    this.#wanted = models;
    for (const name of this.#settled) if (!models.some((model) => model.name === name)) this.#settled.delete(name);
    for (const entry of this.#entries)
      if (entry.phase === 'failed' && entry.unit.name === again) this.#requeue(entry, now);
    return this.#settle(now);
  }

  /** What has become of the target for a model: undefined when that is open yet, or the first failure. */
  outcome(model: WantedModel): 'served' | FailureReport | undefined {
    if (model.failure) return model.failure;
    const entries = this.#of(model.name).filter(({ unit }) => wants(model, unit));
    if (entries.length === 0) return { reason: 'ModelNotFound', message: NO_VERSION };
    if (entries.some(({ phase }) => phase === 'queued' || phase === 'loading')) return undefined;
    return entries.find(({ report }) => report !== undefined)?.report ?? 'served';
  }

  /** Whether a worker that was asked for is still wanted. */
  accepts(unit: ModelVersion): boolean {
    return this.#entries.some(
      ({ unit: { id }, phase }) => id === unit.id && (phase === 'loading' || phase === 'serving'),
    );
  }

  spawned(unit: ModelVersion, id: number, now: number): VersionAction[] {
    const entry = this.#entries.find((candidate) => candidate.unit.id === unit.id);
    if (!entry) return [];
    this.#workers.set(id, entry);
    return this.#translate(entry, entry.pool.on({ type: 'spawned', id }, now), now);
  }

  on(event: VersionEvent, now: number): VersionAction[] {
    if (event.type === 'tick') {
      const overdue = this.#entries.flatMap((entry) => this.#translate(entry, entry.pool.on(event, now), now));
      return [...overdue, ...this.#settle(now)];
    }
    const entry = this.#workers.get(event.id);
    if (!entry) return [];
    if (event.type === 'exited') this.#workers.delete(event.id);
    const actions = this.#translate(entry, entry.pool.on(event, now), now);
    if (event.type === 'ready' && entry.phase === 'loading') {
      entry.phase = 'serving';
      this.#everServed = true;
    }
    return event.type === 'alive' ? actions : [...actions, ...this.#settle(now)];
  }

  /** Workers that can be given a connection, version by version. */
  serving(): { unit: ModelVersion; workers: number[] }[] {
    return this.#entries
      .filter(({ phase }) => phase === 'serving')
      .map(({ unit, pool }) => ({ unit, workers: pool.serving() }))
      .filter(({ workers }) => workers.length > 0);
  }

  /** Workers that may hold connections. */
  loaded(): number[] {
    return this.#entries.flatMap(({ pool }) => pool.loaded());
  }

  unitOf(worker: number): ModelVersion | undefined {
    return this.#workers.get(worker)?.unit;
  }

  /** `socket` gives the path of a worker's socket. */
  catalog(socket: (worker: number) => string): Catalog {
    const { explicit } = this.settings;
    const [entries, wanted, settled, labels] = [this.#entries, this.#wanted, this.#settled, this.#labels];
    return describe({ entries, wanted, settled, labels, explicit }, socket);
  }

  /** A label moves only to a version that serves; until then it stands for the one before. */
  #moveLabels(): void {
    for (const { name, labels } of this.#wanted) {
      const serves = (version: string) =>
        this.#of(name).some(({ unit, phase }) => unit.version === version && phase === 'serving');
      const before = this.#labels.get(name) ?? {};
      const after = Object.entries(labels).flatMap(([label, version]) => {
        const target = [version, before[label] ?? version].find(serves);
        return target === undefined ? [] : [[label, target] as const];
      });
      this.#labels.set(name, Object.fromEntries(after));
    }
  }

  /** Starts what is missing, and lets go what is no longer wanted. */
  #settle(now: number): VersionAction[] {
    for (const model of this.#wanted) {
      for (const folder of model.versions) this.#enlist(model.name, folder, now);
    }
    const actions = this.#entries.flatMap((entry) => this.#release(entry, now));
    this.#entries = this.#entries.filter(({ phase, pool }) => phase !== 'leaving' || pool.size > 0);
    for (const entry of this.#entries) {
      if (entry.phase === 'failed' && this.#mayPass(entry) && now - entry.since >= RETRY_MS) this.#requeue(entry, now);
    }
    actions.push(...this.#start(now));
    for (const { name, versions } of this.#wanted) {
      if (versions.length > 0 && !this.#of(name).some(({ phase }) => phase === 'queued' || phase === 'loading'))
        this.#settled.add(name);
    }
    this.#moveLabels();
    return [...actions, ...this.#hopeless()];
  }

  #enlist(name: string, folder: VersionFolder, now: number): void {
    const known = ({ unit }: VersionEntry) => unit.version === folder.version && unit.identity === folder.identity;
    if (this.#of(name).some((entry) => entry.phase !== 'leaving' && known(entry))) return;
    const unit = { id: this.#nextId++, name, ...folder };
    this.#entries.push({ unit, pool: this.#pool(), phase: 'queued', since: now });
  }

  /** What is done with a version that is not wanted any more. */
  #release(entry: VersionEntry, now: number): VersionAction[] {
    const { unit, phase, pool } = entry;
    if (phase === 'leaving') return pool.size === 0 ? [{ do: 'tell', unit, what: 'unloaded' }] : [];
    if (this.#wants(unit)) return [];
    const successors = this.#of(unit.name).filter((other) => this.#wants(other.unit));
    const replaced = successors.every((other) => other.phase === 'serving' || other.phase === 'failed');
    const served = successors.length === 0 || successors.some((other) => other.phase === 'serving');
    if (phase === 'serving' && !(replaced && served)) return [];
    entry.phase = 'leaving';
    entry.since = now;
    if (phase !== 'serving') return this.#translate(entry, pool.dismiss(), now);
    return [{ do: 'tell', unit, what: 'unloading' }, ...this.#translate(entry, pool.dismiss(), now)];
  }

  /** As many at a time as there are cores: loading is work, and a version has only so long for it. */
  #start(now: number): VersionAction[] {
    const actions: VersionAction[] = [];
    for (const entry of this.#entries) {
      if (entry.phase !== 'queued') continue;
      if (this.#entries.filter(({ phase }) => phase === 'loading').length >= this.settings.cores) break;
      entry.phase = 'loading';
      entry.pool = this.#pool();
      actions.push({ do: 'tell', unit: entry.unit, what: 'loading' });
      actions.push(...this.#translate(entry, entry.pool.on({ type: 'start' }, now), now));
    }
    return actions;
  }

  #requeue(entry: VersionEntry, now: number): void {
    delete entry.report;
    entry.phase = 'queued';
    entry.since = now;
  }

  #pool(): WorkerPool {
    const { workers, cores, spares, loadMs, hangMs } = this.settings;
    const versions = this.#wanted.reduce((sum, model) => sum + model.versions.length, 0);
    return new WorkerPool({ workers: workers ?? Math.max(1, Math.floor(cores / versions)), spares, loadMs, hangMs });
  }

  #translate(entry: VersionEntry, actions: PoolAction[], now: number): VersionAction[] {
    return actions.flatMap((action): VersionAction[] => {
      if (action.do === 'spawn') return [{ do: 'spawn', unit: entry.unit, afterMs: action.afterMs }];
      if (action.do !== 'giveUp') return [action];
      if (this.settings.fixed) return [action];
      entry.phase = 'failed';
      const { reason, message } = action.report;
      entry.report = { reason, message: message.replaceAll(`${this.settings.repository}/`, '') };
      entry.since = now;
      const told = { do: 'tell', unit: entry.unit, what: 'failed', report: action.report } as const;
      return [told, ...this.#translate(entry, entry.pool.dismiss(), now)];
    });
  }

  /** When nothing was ever served and nothing that could be is left to try, the first failure is the server's. */
  #hopeless(): VersionAction[] {
    const reports = this.#entries.map(({ report }) => report);
    const [first] = reports;
    if (this.settings.explicit || this.#everServed || !first || reports.some((report) => report === undefined))
      return [];
    return [{ do: 'giveUp', report: first }];
  }

  #mayPass({ report }: VersionEntry): boolean {
    return report !== undefined && !FAILURE[report.reason].definite;
  }

  #of(name: string): VersionEntry[] {
    return this.#entries.filter(({ unit }) => unit.name === name);
  }

  #wants(unit: ModelVersion): boolean {
    return this.#wanted.some((model) => wants(model, unit));
  }
}
